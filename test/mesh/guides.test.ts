/**
 * The guides' lines, pasted into a shell in order: each prints what is printed below it. One mesh has the configurations
 * of all guides that can share one, because to start one takes seconds; of the others each line is asked of the mesh that
 * is configured above it. `rules/guide-snippets` compiles each by itself.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { logLine } from "../../local/log-line.ts";
import type { LocalMesh } from "../../local/mesh.ts";
import type { LogEntry } from "../../local/runtime.ts";
import { readWorkerShape } from "../../local/worker-shape.ts";
import { defineMesh, readsAndWrites } from "../../workers/config/define.ts";
import {
  type Block,
  blocksOf,
  comparable,
  configurationOf,
  guides,
  isConfiguration,
  isOfTheWholeMesh,
  patternOf,
  programNameOf,
  type Prompted,
  promptedIn,
  textOf,
} from "../support/guide.ts";
import { type GuideConfiguration, GuideConfigurations } from "../support/guide-configurations.ts";
import { GuideMesh } from "../support/guide-mesh.ts";
import { GuideOrigin, restheartKey } from "../support/guide-origin.ts";
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
  THEIRS: { issuer: "https://accounts.example.com", claims: { sub: "ada", scope: "read" } },
};

/** What the lines of a guide put into the log, as it shows that. */
const logged: Readonly<Record<string, string>> = {
  "protect-an-api.md": "event limit_would_refuse  limit: 'writes'",
};

const told = guides.filter((guide) => blocksOf(guide).some(({ language }) => language === "console"));
const withOwnMesh = told.filter((guide) => blocksOf(guide).some(isOfTheWholeMesh));
const sharing = told.filter((guide) => !withOwnMesh.includes(guide));
/** Lines by which a reader changes secrets, of a mesh on one machine and of a deployed one: nobody pastes both. */
const localSecrets = "mv .selvedge/next.vars";
const deployedSecrets = "npx wrangler secret";
const followed = withOwnMesh.flatMap((guide) =>
  textOf(guide).includes(localSecrets)
    ? [
        [guide, "on one machine", deployedSecrets],
        [guide, "deployed", localSecrets],
      ]
    : [[guide, "anywhere", localSecrets]],
);
const hasPython = spawnSync("python3", ["--version"]).status === 0;

let mint: TokenMint;
let origin: GuideOrigin;
let settings: readonly Settings[];
let mesh: LocalMesh;
/** What `npm start` would have written to its terminal. */
let terminal: (string | null)[] = [];
/** Of the guides with meshes of their own. */
const configurations = new GuideConfigurations();
const configured = new Map<string, GuideConfiguration>();

beforeAll(async () => {
  mint = await TokenMint.open({ issuer: "", audience: "", now: Date.now() });
  origin = await GuideOrigin.start([mint.key.publicJwk]);
  const { url } = origin;
  settings = sharing.flatMap((guide) => blocksOf(guide).filter(isConfiguration).slice(0, 1)).map(settingsOf);
  const folder = join(import.meta.dirname, "..", "..", "dist", "local");
  const configFile = join(folder, "guides.config.ts");
  mkdirSync(folder, { recursive: true });
  writeFileSync(configFile, `export default ${JSON.stringify(merged(settings, `${url}/jwks`))};\n`);
  const onLog = (entry: LogEntry) => void terminal.push(logLine(entry, "everything"));
  mesh = await startMesh({ configFile, origins: { "*": url }, onLog });
  for (const block of withOwnMesh.flatMap(blocksOf).filter(isConfiguration))
    configured.set(block.at, configurations.add(block.at.replace(":", "-"), settingsOf(block)));
});
afterAll(async () => {
  await configurations.settled();
  await mesh.stop();
  origin.stop();
});

function settingsOf(block: Block): Settings {
  return configurationOf(block, { defineMesh, readsAndWrites }) as Settings;
}

/** Limits have a name of their own in each guide. Of two routes for one path the later guide's is asked by its lines. */
function merged(all: readonly Settings[], jwksUri: string): object {
  const limits = all.flatMap((one) => Object.entries(one.limits ?? {}));
  expect(new Set(limits.map(([name]) => name)).size).toBe(limits.length);
  const routes = new Map(all.flatMap((one) => one.routes.map((route) => [route.match, route] as const)));
  return {
    viewLeaseMs: 200, // an `ack=everywhere` waits for one
    services: Object.fromEntries(all.flatMap(({ services }) => Object.entries(services))),
    routes: [...routes.values()].toSorted((one, other) => other.match.length - one.match.length),
    issuers: all
      .flatMap(({ issuers = [] }) => issuers)
      .map((issuer) => ({ ...issuer, jwksUri, allowInsecureKeys: true })),
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

test.each(sharing)("%s: each line prints what is printed below it", async (guide) => {
  await using shell = new GuideShell(await variables());
  shell.write(".selvedge/.dev.vars", readFileSync(mesh.state.secretsFile, "utf8"));
  writePrograms(guide, shell);
  terminal = [];
  for (const block of blocksOf(guide)) if (block.language === "console") await paste(block, shell);
  const line = logged[guide];
  if (line === undefined) return;
  expect(textOf(guide)).toContain(line);
  await expect.poll(() => terminal).toContain(line);
});

test.each(followed)(
  "%s (%s): each line prints what is printed below it, under what is configured above it",
  async (guide = "", _place, elsewhere = "") => {
    const blocks = blocksOf(guide)
      .filter((block) => isConfiguration(block) || block.language === "console")
      .filter(({ text }) => !text.includes(elsewhere));
    await using own = await GuideMesh.open({ origin: origin.url, secrets: { RESTHEART_KEY: restheartKey } });
    await own.configure(configuredBy(blocks[0]));
    await using shell = new GuideShell({ ...(await own.variables()), RESTHEART: origin.url });
    shell.writeCommand("npx", own.npx);
    shell.link(".selvedge", own.state);
    writePrograms(guide, shell);
    for (const [index, block] of blocks.entries()) {
      if (block.language === "console") await paste(block, shell);
      else if (index > 0) await own.configure(configuredBy(block));
      // As the guide asks its reader to.
      if (block.text.includes(localSecrets)) await own.restart();
    }
  },
);

function writePrograms(guide: string, shell: GuideShell): void {
  shell.install("jose");
  for (const block of blocksOf(guide)) {
    const name = programNameOf(block);
    if (name !== null) shell.write(name, block.text);
  }
}

function configuredBy(block: Block | undefined): GuideConfiguration {
  const found = block === undefined ? undefined : configured.get(block.at);
  if (found === undefined) throw new Error("expected a configuration before the guide's first line: received none");
  return found;
}

async function paste(block: Block, shell: GuideShell): Promise<void> {
  for (const prompted of promptedIn(block)) {
    if (!hasPython && prompted.command.startsWith("python3 ")) continue;
    const streams = origin.streams;
    await expectAsPrinted(block, prompted, shell);
    // What goes on behind the prompt has begun before its reader types the next line.
    if (prompted.command.endsWith("&")) await expect.poll(() => origin.streams).toBeGreaterThan(streams);
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
