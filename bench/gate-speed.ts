/**
 * P1 and P2: the gate and bare Workers, through direct sockets. The load generator shares the machine with them.
 *
 * A token that is known is the rule: it comes with every request of an hour. What one costs that the isolate has not
 * seen is told beside it, with the same load on both sides.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMesh, type LocalMesh } from "../local/mesh.ts";
import { findLoader } from "./load.ts";
import { startPeer } from "./peers.ts";
import { measureRatio, ratioRow, type Side } from "./ratio.ts";
import type { Measure, Row } from "./table.ts";
import { audience, issuer, openIssuer } from "./token-issuer.ts";
import { TokenReel } from "./token-reel.ts";

const connections = 32;
/** Three times what an isolate remembers: each was forgotten when its turn comes again. */
const strangers = 30_000;
/** All remembered, after the round that is left out. */
const acquaintances = 1_000;

interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tokens?: TokenReel;
}

export const gateSpeed: Measure = {
  ids: ["P1", "P2"],
  async run(isQuick) {
    const { load } = await findLoader();
    await using sides = await startSides();
    const seconds = isQuick ? 1 : 3;
    const rate =
      (target: Target): Side =>
      async () => {
        const { perSecond, failed } = await load({ ...target, seconds, connections });
        if (failed > 0) throw new Error(`cannot measure ${target.url}: ${failed} requests failed`);
        return perSecond;
      };
    const rows: Row[] = [];
    for (const [id, what, goal, ours, theirs] of measuresOf(sides)) {
      rows.push(ratioRow(id, what, goal, await measureRatio(rate(ours), rate(theirs), isQuick ? 1 : 5)));
    }
    return rows;
  },
};

interface Sides extends AsyncDisposable {
  readonly gate: string;
  readonly bare: string;
  readonly token: Readonly<Record<string, string>>;
  readonly known: TokenReel;
  readonly unseen: TokenReel;
}

function measuresOf({ gate, bare, token, known, unseen }: Sides) {
  const target = (url: string): Target => ({ url, headers: token });
  const same = target(`${bare}/same`);
  const proxy = target(`${bare}/proxy`);
  const inTurns = (url: string, reel: TokenReel): Target => ({ url, headers: {}, tokens: reel.again() });
  const hit = `${gate}/hit/part`;
  const measures: readonly (readonly [id: string, what: string, goal: string, ours: Target, theirs: Target])[] = [
    ["P1", "token, two limits, cache hit ÷ bare Worker, same answer", "≥ 0.90", target(hit), same],
    ["P1", "… ÷ bare Worker, body alone", "≥ 0.75", target(hit), target(`${bare}/body`)],
    ["P1", "… ÷ same answer, one of 1000 known tokens", "", inTurns(hit, known), inTurns(same.url, known)],
    ["P1", "… ÷ same answer, a token not seen before", "", inTurns(hit, unseen), inTurns(same.url, unseen)],
    ["P2", "token, two limits, miss ÷ bare proxying Worker", "≥ 0.85", target(`${gate}/miss/part`), proxy],
    ["", "P1 without limits: token, cache hit ÷ same answer", "", target(`${gate}/token-only/part`), same],
    ["", "P1 without token and limits: cache hit ÷ same answer", "", target(`${gate}/open-hit/part`), same],
    ["", "P2 without token and limits ÷ bare proxying Worker", "", target(`${gate}/open/part`), proxy],
  ];
  return measures;
}

async function startSides(): Promise<Sides> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { publicKey, mint } = await openIssuer();
  const origin = await startPeer("origin-worker", { JWKS: JSON.stringify({ keys: [publicKey] }) });
  stack.defer(() => origin.stop());
  const mesh = await startGate(origin.url);
  stack.defer(() => mesh.stop());
  const gate = mesh.urlOf("weur");
  const token = { Authorization: `Bearer ${await mesh.adminToken()}` };
  const hit = await warm(`${gate}/hit/part`, token);
  const bare = await startPeer("bare-worker", { ORIGIN: origin.url, BODY: hit.body, HEAD: JSON.stringify(hit.head) });
  stack.defer(() => bare.stop());
  await warm(`${gate}/open-hit/part`, {});
  await warm(`${gate}/token-only/part`, token);
  const known = TokenReel.write(join(folder, "known"), await mint(acquaintances));
  const unseen = TokenReel.write(join(folder, "unseen"), await mint(strangers));
  // Of another tenant than the first token, so with a copy of its own.
  await warm(`${gate}/hit/part`, { Authorization: `Bearer ${known.again().next()}` });
  const started = stack.move();
  return { gate, bare: bare.url, token, known, unseen, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** The configuration of the benchmarks, with the issuer's keys where they are this time. */
async function startGate(origin: string): Promise<LocalMesh> {
  const bundleDirectory = join(import.meta.dirname, "..", "dist", "local");
  const configFile = join(bundleDirectory, "bench.config.ts");
  const keptConfig = JSON.stringify(join(import.meta.dirname, "gate.config.ts"));
  const outside = JSON.stringify({ issuer, audience, algorithms: ["ES256"], jwksUri: `${origin}/jwks` });
  mkdirSync(bundleDirectory, { recursive: true });
  writeFileSync(
    configFile,
    `import config from ${keptConfig};\nexport default { ...config, issuers: [${outside}] };\n`,
  );
  return startMesh({ configFile, origins: { "*": origin }, regions: ["weur"], bundleDirectory });
}

/** Asks until the answer comes from the cache where there is one, and gives that answer's head and body. */
async function warm(url: string, headers: Readonly<Record<string, string>>) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const answer = await fetch(url, { headers });
    const body = await answer.text();
    if (answer.status !== 200) throw new Error(`cannot warm ${url}: ${answer.status} ${body}`);
    if (/; ?hit/.test(answer.headers.get("cache-status") ?? "")) return { body, head: headOf(answer) };
  }
  throw new Error(`cannot warm ${url}: no hit in 50 requests`);
}

/** What a Worker itself sets: the connection's fields are the runtime's. */
function headOf(answer: Response): Record<string, string> {
  const runtimeOwn = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);
  return Object.fromEntries([...answer.headers].filter(([name]) => !runtimeOwn.has(name)));
}
