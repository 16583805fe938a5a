import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");

interface Outcome {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it as the build does: a process of its own, the configuration named by the environment. */
function run(file: string | undefined, ...args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, MESH_CONFIG: file ?? "" };
  return new Promise((done) => {
    execFile(
      process.execPath,
      [join(root, "local", "compile-config.ts"), ...args],
      { cwd: root, env },
      (error, stdout, stderr) => {
        done({ code: error === null ? 0 : error.code, stdout, stderr });
      },
    );
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "selvedge-compile-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

describe("the check of a configuration", () => {
  it("passes the project's own configuration", async () => {
    const { code, stdout, stderr } = await run(undefined);
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
    expect(await run(file)).toMatchObject({ code: 0, stderr: "" });
  });

  it("prints every mistake on a line of its own, and stops the build", async () => {
    const file = await write("wrong.ts", `export default { services: {}, routes: [], limitz: {} };`);
    const { code, stderr } = await run(file);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split("\n").slice(1)).toEqual([
      'limitz: expected a known field, perhaps "limits": received "limitz"',
      "services: expected an object with at least one service by its name: received {}",
      "routes: expected a list of at least one route: received []",
    ]);
  });

  it("tells of a file that is not there, and of one that cannot be read", async () => {
    const absent = await run(join(folder, "absent.ts"));
    expect(absent.code).toBe(1);
    expect(absent.stderr).toContain("expected a configuration file");
    const broken = await run(await write("broken.ts", `import "./absent.ts";\nexport default {};`));
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain("cannot load");
    expect(broken.stderr).toContain(`imported from ${join(folder, "broken.ts")}`);
    expect(broken.stderr).not.toMatch(/^ {4}at /m);
  });

  it("says of a file that is no program, or throws, at which line it does, and shows no frames but the user's", async () => {
    const unread = await run(await write("unread.ts", "export default {\n  services: {}\n  routes: [],\n};\n"));
    expect(unread.stderr).toContain(`${join(folder, "unread.ts")}:3\n`);
    expect(unread.stderr).toContain("Expected ','");
    expect(unread.stderr).not.toMatch(/^ {4}at /m);
    await write("origin.ts", `export const origin = () => {\n  throw new Error("no ORIGIN is set");\n};\n`);
    const throws = `import { origin } from "./origin.ts";\nexport default { services: origin() };\n`;
    const thrown = await run(await write("thrown.ts", throws));
    expect([unread.code, thrown.code]).toEqual([1, 1]);
    expect(thrown.stderr.trimEnd().split("\n").slice(1)).toEqual([
      "Error: no ORIGIN is set",
      `    at origin (${join(folder, "origin.ts")}:2:9)`,
      `    at ${join(folder, "thrown.ts")}:2:28`,
    ]);
  });

  it("shows no frames of its own where what the file calls throws", async () => {
    const calls = `import { readsAndWrites } from "selvedge";\nexport default readsAndWrites(null);\n`;
    const { stderr } = await run(await write("calls.ts", calls));
    expect(stderr.match(/^ {4}at .*$/gm)).toEqual([`    at ${join(folder, "calls.ts")}:2:16`]);
  });
});

describe("the compiled configuration", () => {
  it("is written whole, into a folder that need not be there", async () => {
    const target = join(folder, "new", "mesh.config.json");
    const { code, stdout } = await run(undefined, target);
    expect(code).toBe(0);
    expect(await readdir(join(folder, "new"))).toEqual(["mesh.config.json"]);
    const version = /version ([0-9a-f]{16})\n$/.exec(stdout)?.[1] ?? "no version";
    expect(JSON.stringify(JSON.parse(await readFile(target, "utf8")))).toContain(`["version","${version}"]`);
  });

  it("is not written when there is a mistake, and what an earlier build wrote stays", async () => {
    const wrong = await write("mistaken.ts", `export default { services: {}, routes: [] };`);
    const target = join(folder, "absent.json");
    expect(await run(wrong, target)).toMatchObject({ code: 1 });
    expect(existsSync(target)).toBe(false);
    const kept = await write("kept.json", "as it was");
    expect(await run(wrong, kept)).toMatchObject({ code: 1 });
    expect(await readFile(kept, "utf8")).toBe("as it was");
  });

  it("P7 is all that is deployed of it: no code that checks one", async () => {
    const target = join(folder, "deployed", "mesh.config.json");
    await run(undefined, target);
    const { metafile } = await build({
      entryPoints: [join(root, "workers", "mesh.ts")],
      alias: { "mesh.config": target },
      external: ["cloudflare:*", "node:*"],
      format: "esm",
      bundle: true,
      metafile: true,
      write: false,
    });
    const [output] = Object.values(metafile.outputs);
    const deployed = Object.entries(output?.inputs ?? {})
      .filter(([file, { bytesInOutput }]) => /(?:^|\/)workers\/config\//.test(file) && bytesInOutput > 0)
      .map(([file]) => basename(file));
    expect(deployed).toContain("revived.ts");
    expect(deployed.filter((file) => /^(?:compile|mistakes|schema|route-|identity-|accounts-)/.test(file))).toEqual([]);
  });
});
