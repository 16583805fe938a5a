/** P1 and P2: the gate and bare Workers, through direct sockets. The load generator shares the machine with them. */
import { join } from "node:path";
import { startMesh } from "../local/mesh.ts";
import { findLoader } from "./load.ts";
import { startPeer } from "./peers.ts";
import { measureRatio, ratioRow, type Side } from "./ratio.ts";
import type { Measure, Row } from "./table.ts";

const connections = 32;

interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
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
}

function measuresOf({ gate, bare, token }: Sides) {
  const target = (url: string): Target => ({ url, headers: token });
  const same = target(`${bare}/same`);
  const proxy = target(`${bare}/proxy`);
  const measures: readonly (readonly [id: string, what: string, goal: string, ours: Target, theirs: Target])[] = [
    ["P1", "token, two limits, cache hit ÷ bare Worker, same answer", "≥ 0.90", target(`${gate}/hit/part`), same],
    ["P1", "… ÷ bare Worker, body alone", "≥ 0.75", target(`${gate}/hit/part`), target(`${bare}/body`)],
    ["P2", "token, two limits, miss ÷ bare proxying Worker", "≥ 0.85", target(`${gate}/miss/part`), proxy],
    ["", "P1 without limits: token, cache hit ÷ same answer", "", target(`${gate}/token-only/part`), same],
    ["", "P1 without token and limits: cache hit ÷ same answer", "", target(`${gate}/open-hit/part`), same],
    ["", "P2 without token and limits ÷ bare proxying Worker", "", target(`${gate}/open/part`), proxy],
  ];
  return measures;
}

async function startSides(): Promise<Sides> {
  await using stack = new AsyncDisposableStack();
  const origin = await startPeer("origin-worker", {});
  stack.defer(() => origin.stop());
  const mesh = await startMesh({
    configFile: join(import.meta.dirname, "gate.config.ts"),
    origins: { "*": origin.url },
    regions: ["weur"],
    bundleDirectory: join(import.meta.dirname, "..", "dist", "local"),
  });
  stack.defer(() => mesh.stop());
  const gate = mesh.urlOf("weur");
  const token = { Authorization: `Bearer ${await mesh.adminToken()}` };
  const hit = await warm(`${gate}/hit/part`, token);
  const bare = await startPeer("bare-worker", { ORIGIN: origin.url, BODY: hit.body, HEAD: JSON.stringify(hit.head) });
  stack.defer(() => bare.stop());
  await warm(`${gate}/open-hit/part`, {});
  await warm(`${gate}/token-only/part`, token);
  const started = stack.move();
  return { gate, bare: bare.url, token, [Symbol.asyncDispose]: () => started.disposeAsync() };
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
