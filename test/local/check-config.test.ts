import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");

interface Outcome {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the check as the build does: a process of its own, the file named by the environment. */
function check(file: string | undefined): Promise<Outcome> {
  const env = { ...process.env, ...(file === undefined ? {} : { MESH_CONFIG: file }) };
  return new Promise((done) => {
    execFile(
      process.execPath,
      [join(root, "local", "check-config.ts")],
      { cwd: root, env },
      (error, stdout, stderr) => {
        done({ code: error === null ? 0 : error.code, stdout, stderr });
      },
    );
  });
}

describe("the check before a build", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "selvedge-check-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function write(name: string, text: string): Promise<string> {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  }

  it("passes the project's own configuration", async () => {
    const { code, stdout, stderr } = await check(undefined);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^mesh\.config\.ts: services 1, routes 2, limits 3, version [0-9a-f]{16}\n$/);
  });

  it("resolves selvedge for a file that lies anywhere", async () => {
    const file = await write(
      "elsewhere.ts",
      `import { defineMesh } from "selvedge";
       const origins: string[] = ["http://127.0.0.1:1"];
       export default defineMesh({ environment: "local", services: { a: { origins } }, routes: [{ match: "/*", service: "a" }] });`,
    );
    expect(await check(file)).toMatchObject({ code: 0, stderr: "" });
  });

  it("prints every mistake on a line of its own, and stops the build", async () => {
    const file = await write("wrong.ts", `export default { services: {}, routes: [], limitz: {} };`);
    const { code, stderr } = await check(file);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split("\n").slice(1)).toEqual([
      'limitz: expected a known field, perhaps "limits": received "limitz"',
      "services: expected an object with at least one service by its name: received {}",
      "routes: expected a list of at least one route: received []",
    ]);
  });

  it("tells of a file that is not there, and of one that cannot be read", async () => {
    const absent = await check(join(folder, "absent.ts"));
    expect(absent.code).toBe(1);
    expect(absent.stderr).toContain("expected a configuration file");
    const broken = await check(await write("broken.ts", `import "./absent.ts";\nexport default {};`));
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain("cannot load");
  });
});
