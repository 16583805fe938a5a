/**
 * The guides' lines, pasted into a shell in order: each prints what is printed below it. One mesh has all guides'
 * configurations, because to start one takes seconds; `rules/guide-snippets` compiles each by itself.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { readWorkerShape } from "../../local/worker-shape.ts";
import { defineMesh, readsAndWrites } from "../../workers/config/define.ts";
import {
  type Block,
  blocksOf,
  comparable,
  configurationOf,
  guides,
  isConfiguration,
  patternOf,
  programNameOf,
  type Prompted,
  promptedIn,
} from "../support/guide.ts";
import { GuideShell } from "../support/guide-shell.ts";
import { startMesh } from "../support/mesh.ts";
import { TokenMint } from "../support/token-mint.ts";

interface Settings {
  readonly services: object;
  readonly routes: readonly { readonly match: string }[];
  readonly issuers?: readonly { readonly issuer: string; readonly audience: string }[];
  readonly limits?: object;
  readonly loginGuard?: object;
}

/** Whom the guides let ask, by the name of the variable that has the token. */
const askers: Readonly<Record<string, { readonly issuer: string; readonly claims: object }>> = {
  ACME: { issuer: "https://id.example.com", claims: { sub: "mary", tenant: "acme", plan: "pro" } },
  TINY: { issuer: "https://id.example.com", claims: { sub: "joe", tenant: "tiny" } },
  OURS: { issuer: "https://id.example.com", claims: { sub: "job", tenant: "ours", plan: "internal" } },
  ADA: { issuer: "https://login.example.com", claims: { sub: "ada" } },
};

const told = guides.filter((guide) => blocksOf(guide).some(({ language }) => language === "console"));
const hasPython = spawnSync("python3", ["--version"]).status === 0;

let mint: TokenMint;
let origin: Server;
let settings: readonly Settings[];
let mesh: LocalMesh;

beforeAll(async () => {
  mint = await TokenMint.open({ issuer: "", audience: "", now: Date.now() });
  origin = await startOrigin();
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  settings = told.flatMap((guide) => blocksOf(guide).filter(isConfiguration).slice(0, 1)).map(settingsOf);
  const folder = join(import.meta.dirname, "..", "..", "dist", "local");
  const configFile = join(folder, "guides.config.ts");
  mkdirSync(folder, { recursive: true });
  writeFileSync(configFile, `export default ${JSON.stringify(merged(settings, `${url}/jwks`))};\n`);
  mesh = await startMesh({ configFile, origins: { "*": url } });
});
afterAll(async () => {
  await mesh.stop();
  origin.closeAllConnections();
  origin.close();
});

/** What is behind the mesh: a model that tells what it has used, whatever else, and the issuers' keys. */
async function startOrigin(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    const body = request.url === "/jwks" ? { keys: [mint.key.publicJwk] } : { text: "Once upon a time" };
    if (request.url === "/complete") response.setHeader("x-tokens-used", 850);
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function settingsOf(block: Block): Settings {
  return configurationOf(block, { defineMesh, readsAndWrites }) as Settings;
}

/** Limits have a name of their own in each guide. Of two routes for one path the later guide's is asked by its lines. */
function merged(all: readonly Settings[], jwksUri: string): object {
  const limits = all.flatMap((one) => Object.entries(one.limits ?? {}));
  expect(new Set(limits.map(([name]) => name)).size).toBe(limits.length);
  const routes = new Map(all.flatMap((one) => one.routes.map((route) => [route.match, route] as const)));
  return {
    environment: "local",
    services: Object.fromEntries(all.flatMap(({ services }) => Object.entries(services))),
    routes: [...routes.values()].toSorted((one, other) => other.match.length - one.match.length),
    issuers: all.flatMap(({ issuers = [] }) => issuers).map((issuer) => ({ ...issuer, jwksUri })),
    limits: Object.fromEntries(limits),
    loginGuard: all.find(({ loginGuard }) => loginGuard !== undefined)?.loginGuard,
  };
}

async function variables(): Promise<Readonly<Record<string, string>>> {
  const issuers = settings.flatMap((one) => one.issuers ?? []);
  const tokens = Object.entries(askers).map(async ([name, { issuer, claims }]) => {
    const audience = issuers.find((one) => one.issuer === issuer)?.audience;
    return [name, await mint.token({ claims: { iss: issuer, aud: audience, ...claims } })] as const;
  });
  return {
    ...Object.fromEntries(await Promise.all(tokens)),
    MESH: mesh.edges[0]?.url ?? "",
    MESH_ADMIN_SECRET: mesh.adminSecret,
    TOKEN: await mesh.adminToken(),
  };
}

test.each(told)("%s: each line prints what is printed below it", async (guide) => {
  await using shell = new GuideShell(await variables());
  for (const block of blocksOf(guide)) {
    const name = programNameOf(block);
    if (name !== null) shell.write(name, block.text);
    if (block.language === "console") await paste(block, shell);
  }
});

async function paste(block: Block, shell: GuideShell): Promise<void> {
  for (const prompted of promptedIn(block)) {
    if (hasPython || !prompted.command.startsWith("python3 ")) await expectAsPrinted(block, prompted, shell);
  }
}

/** A budget that is only looked at is looked at again: what an answer has cost is charged beside it. */
async function expectAsPrinted({ at }: Block, { command, answer }: Prompted, shell: GuideShell): Promise<void> {
  const print = async () => comparable(await shell.run(command));
  const where = `${at}: ${command}`;
  if (command.includes("/budgets/"))
    await expect.poll(print, { timeout: 5_000, message: where }).toMatch(patternOf(answer));
  else expect(await print(), where).toMatch(patternOf(answer));
}

if (!hasPython) test.skip("no python3 here: the programs in Python are not run", () => {});

test("in-your-own-worker.md: the second Worker's lines bind the objects of the first", async () => {
  const blocks = blocksOf("in-your-own-worker.md").filter(({ language }) => language === "toml");
  const [, limits, , tokens] = blocks.map(({ text }) => text);
  const folder = mkdtempSync(join(tmpdir(), "selvedge-guide-"));
  try {
    const head = 'name = "second"\nmain = "index.ts"\ncompatibility_date = "2026-10-20"\n\n';
    writeFileSync(join(folder, "wrangler.toml"), `${head}${limits}\n${tokens}`);
    writeFileSync(join(folder, "index.ts"), "export default {};\n");
    const { objects } = await readWorkerShape(folder);
    const scriptName = "the-first-worker";
    expect(objects).toMatchObject({
      LIMITER: { className: "Limiter", scriptName },
      LOG: { className: "Log", scriptName },
      REGION: { className: "Region", scriptName },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
