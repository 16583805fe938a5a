/**
 * Each configuration in a guide is one that the mesh would run, and says what the guide says of it; and no block of a
 * guide is without a test: `mesh/guides` runs lines and programs, `mesh/package` the library's.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { compile } from "../../workers/config/compile.ts";
import { defineMesh, readsAndWrites } from "../../workers/config/define.ts";
import type { Mesh } from "../../workers/config/mesh.ts";
import { objectSettings } from "../../workers/config/object-settings.ts";
import {
  blocksOf,
  type Block,
  configurationOf,
  guides,
  isConfiguration,
  programNameOf,
  promptedIn,
  textOf,
} from "../support/guide.ts";

const root = join(import.meta.dirname, "..", "..");
/**
 * The library's guide. How it is installed; limits: a Worker, its configuration, how it is tried, what is swapped, two
 * Workers of requests at once, and the configuration of a second Worker; tokens: the same without a trial and a swap.
 */
const library = {
  guide: "in-your-own-worker.md",
  languages: ["sh", "ts", "toml", "sh", "diff", "ts", "ts", "toml", "ts", "toml", "toml"],
};

const configurations = guides.flatMap((guide) => blocksOf(guide).filter(isConfiguration));

function meshOf(block: Block | undefined): Mesh {
  if (block === undefined) throw new Error("expected a configuration in the guide: received none");
  return compile(configurationOf(block, { defineMesh, readsAndWrites }));
}

/** The n-th of a guide, from 0. */
const configured = (guide: string, nth = 0) => meshOf(blocksOf(guide).filter(isConfiguration)[nth]);

function howTested(block: Block): string {
  if (isConfiguration(block)) return "compiled here";
  if (block.guide === library.guide) return "mesh/package";
  const isRun = block.language === "console" || programNameOf(block) !== null;
  return isRun ? "mesh/guides" : `not at all: ${block.at}`;
}

describe("every guide", () => {
  test("has blocks, and none of them is untested", () => {
    expect(guides.length).toBeGreaterThan(5);
    for (const guide of guides) {
      expect([guide, blocksOf(guide).length]).not.toEqual([guide, 0]);
      expect([guide, textOf(guide).match(/^\s*```/gm)?.length]).toEqual([guide, 2 * blocksOf(guide).length]);
      for (const block of blocksOf(guide)) expect(howTested(block)).not.toMatch(/^not at all/);
    }
    expect(blocksOf(library.guide).map(({ language }) => language)).toEqual(library.languages);
  });

  test("writes no file that git would take: secrets are in some of them", () => {
    const ignored = readFileSync(join(root, ".gitignore"), "utf8").split("\n");
    const lines = guides.flatMap(blocksOf).filter(({ language }) => language === "console");
    const written = lines.flatMap(({ text }) => [...text.matchAll(/(?:-s?o|>) ([a-z]+\.(?:json|txt))/g)]);
    const names = new Set(written.map(([, name]) => name));
    expect(names).toContain("login.json");
    for (const name of [...names, "try.config.ts"]) expect(ignored).toContain(`/${name}`);
  });

  test("shows the status of what it writes to a file alone, so that a refusal is seen", () => {
    const lines = guides.flatMap(blocksOf).flatMap((block) => (block.language === "console" ? promptedIn(block) : []));
    const silent = lines.filter(({ command }) => /-s?o (?:[a-z]+\.json|\/dev\/null)/.test(command));
    expect(silent.length).toBeGreaterThan(10);
    // One line only uses up what the next one looks at.
    const said = silent.filter(({ command }) => !command.startsWith("for i in ") || command.includes("http_code"));
    for (const { command } of said) expect(command).toContain("%{http_code}");
  });

  test("runs the programs that it shows, by name", () => {
    for (const guide of guides) {
      const lines = blocksOf(guide).filter(({ language }) => language === "console");
      for (const name of blocksOf(guide).map(programNameOf)) {
        if (name !== null)
          expect(lines.some(({ text }) => text.includes(`node ${name}`) || text.includes(`python3 ${name}`))).toBe(
            true,
          );
      }
    }
  });

  test.each(configurations.map((block) => [block.at, block] as const))("%s is a configuration", (_at, block) => {
    expect(meshOf(block).routes.length).toBeGreaterThan(0);
  });

  test("shows configurations whose types are right", async () => {
    mkdirSync(join(root, "dist"), { recursive: true });
    const folder = mkdtempSync(join(root, "dist", "guide-types-"));
    try {
      for (const [index, { text }] of configurations.entries()) writeFileSync(join(folder, `${index}.ts`), text);
      const project = { extends: "../../tsconfig.base.json", include: ["*.ts"] };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
      const compiler = join(root, "node_modules", ".bin", "tsc");
      const checked = promisify(execFile)(compiler, ["--pretty", "false", "-p", folder]);
      expect(
        await checked.then(
          () => "",
          (error: unknown) => String((error as { readonly stdout?: unknown }).stdout),
        ),
      ).toBe("");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test("in-your-own-worker.md: what is installed is this package and the wrangler that it is tested with", () => {
  const { version, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly version: string;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const install = blocksOf(library.guide).find(({ language }) => language === "sh");
  expect(install?.text).toContain(`selvedge-${version}.tgz hono node@22 wrangler@${devDependencies["wrangler"]} `);
});

test("protect-an-api.md: 200 reads and 50 writes a second by address, and a limit that admits when it cannot ask", () => {
  const { limits } = configured("protect-an-api.md");
  expect(limits.get("reads")).toMatchObject({ quota: 200, windowMs: 1_000, by: [{ kind: "address" }] });
  expect(limits.get("writes")).toMatchObject({ quota: 50, windowMs: 1_000, by: [{ kind: "address" }] });
  const own = configured("protect-an-api.md", 1);
  expect(own.limits.get("exports")).toMatchObject({ algorithm: "sliding-window", onError: "open", timeoutMs: 1_000 });
  expect(own.addresses.from).toMatchObject({ kind: "header", header: "x-forwarded-for" });
});

test("plans-per-tenant.md: the quota is by the claim, and the bucket of a table is as large as its largest plan", () => {
  const [block] = blocksOf("plans-per-tenant.md");
  const plan = configured("plans-per-tenant.md").limits.get("plan");
  expect(plan).toMatchObject({ quota: { claim: "plan", else: 5 }, windowMs: 86_400_000, algorithm: "fixed-window" });
  const bucket = block?.text.replace("quota:", 'algorithm: "token-bucket", quota:') ?? "";
  expect(meshOf(block && { ...block, text: bucket }).limits.get("plan")?.burst).toBe(1_000);
  const ofOne = bucket.replace(/of: \{.*?\}/, 'of: { free: 5, pro: "unlimited", internal: "unlimited" }');
  expect(meshOf(block && { ...block, text: ofOne }).limits.get("plan")?.burst).toBe(5);
});

test("costs-known-at-the-end.md: 100 are taken before, and the answer's header says the rest", () => {
  const { routes } = configured("costs-known-at-the-end.md");
  expect(routes[0]?.limits[0]).toMatchObject({ cost: 100, costHeader: "x-tokens-used" });
  expect(routes[1]?.limits[0]).toMatchObject({ cost: 5, costHeader: null });
});

test("limits-as-a-service.md: what is by key is counted by calls, a limit waits a second, and a token holds for 15 minutes", () => {
  const { limits, tokens } = configured("limits-as-a-service.md");
  expect(limits.get("mails")).toMatchObject({ by: [{ kind: "key" }], timeoutMs: 1_000, onError: "closed" });
  expect(tokens.ttlSeconds).toBe(15 * 60);
});

test("accounts.md: accounts are the mesh's unless a service is named; a token holds for 15 minutes, its renewal for a day", () => {
  const { accounts, tokens } = configured("accounts.md");
  expect([accounts.service, tokens.ttlSeconds, tokens.refresh?.ttlSeconds]).toEqual([null, 15 * 60, 24 * 60 * 60]);
  const { service } = configured("accounts.md", 1).accounts;
  expect(service).toMatchObject({ path: "/login", method: "POST", send: { kind: "json", nameField: "username" } });
});

test("from-restheart-or-kuzzle.md: what ends tokens stays as it is from step to step, and RESTHeart's own name is good until the last", () => {
  const guide = "from-restheart-or-kuzzle.md";
  const steps = [0, 1, 2].map((nth) => configured(guide, nth).tokens);
  expect(steps.map(({ algorithm }) => algorithm)).toEqual(["HS256", "ES256", "ES256"]);
  const [first] = steps;
  for (const { issuer, audience } of steps) expect([issuer, audience]).toEqual([first?.issuer, first?.issuer]);
  expect(steps[1]?.cookie).toBe(first?.cookie);
  const [shared, own] = blocksOf(guide)
    .filter(isConfiguration)
    .map((block) => ({ ...block, text: block.text.replace("https://api.example.com", "restheart.org") }));
  expect(meshOf(shared).tokens.issuer).toBe("restheart.org");
  expect(() => meshOf(own)).toThrow("tokens.issuer: expected an https URL");
});

test("rotate-and-revoke.md: a view lease is a second, a key signs for 90 days, and a next one is known after 15 seconds", () => {
  const mesh = configured("rotate-and-revoke.md");
  expect([mesh.viewLeaseMs, mesh.tokens.rotateAfterMs]).toEqual([1_000, 90 * 24 * 60 * 60 * 1_000]);
  expect(Math.ceil(objectSettings(mesh).keyring.settleMs / 1_000)).toBe(15);
});

test("api-keys-and-clients.md: routes ask for a scope and for a resource, and five wrong secrets in ten seconds are enough", () => {
  const { routes, loginGuard } = configured("api-keys-and-clients.md");
  expect(routes.map(({ allow }) => [allow?.scopes, allow?.claims.length])).toEqual([
    [["stock:read"], 0],
    [[], 1],
  ]);
  expect(loginGuard).toMatchObject({ failures: 5, windowMs: 10_000 });
});
