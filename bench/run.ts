/**
 * `npm run bench`: the gate and bare Workers side by side, in one run, through direct sockets; ratios with their spread.
 *
 * The load generator shares the machine with what it loads, so only the ratios say anything. `--quick` is for seeing
 * that it runs.
 */
import { parseArgs } from "node:util";
import { startMesh } from "../local/mesh.ts";
import { cpus } from "node:os";
import { join } from "node:path";
import { findLoader } from "./load.ts";
import { startPeer } from "./peers.ts";
import { measureRatio, type Ratio, type Side } from "./ratio.ts";
import { weigh } from "./weight.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const rounds = values.quick ? { rounds: 1, seconds: 1, connections: 32 } : { rounds: 5, seconds: 3, connections: 32 };

interface Row {
  readonly id: string;
  readonly what: string;
  readonly goal: string;
  readonly ratio: Ratio;
}

async function main(): Promise<void> {
  const { name, load } = await findLoader();
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

  const side = (url: string): Side => ({ url, headers: token });
  const same = side(`${bare.url}/same`);
  const proxy = side(`${bare.url}/proxy`);
  const measures: readonly (readonly [id: string, what: string, goal: string, ours: Side, theirs: Side])[] = [
    ["P1", "token, two limits, cache hit ÷ bare Worker, same answer", "≥ 0.90", side(`${gate}/hit/part`), same],
    ["P1", "… ÷ bare Worker, body alone", "≥ 0.75", side(`${gate}/hit/part`), side(`${bare.url}/body`)],
    ["P2", "token, two limits, miss ÷ bare proxying Worker", "≥ 0.85", side(`${gate}/miss/part`), proxy],
    ["", "P1 without limits: token, cache hit ÷ same answer", "", side(`${gate}/token-only/part`), same],
    ["", "P1 without token and limits: cache hit ÷ same answer", "", side(`${gate}/open-hit/part`), same],
    ["", "P2 without token and limits ÷ bare proxying Worker", "", side(`${gate}/open/part`), proxy],
  ];
  const rows: Row[] = [];
  for (const [id, what, goal, ours, theirs] of measures) {
    rows.push({ id, what, goal, ratio: await measureRatio(load, ours, theirs, rounds) });
  }
  const { gzipBytes, startUpMs } = await weigh(values.quick ? 1 : 5);

  const processor = cpus()[0]?.model ?? "unknown processor";
  process.stdout.write(`\n${processor}, ${cpus().length} cores, load by ${name} on the same cores, `);
  process.stdout.write(`${rounds.connections} connections, ${rounds.rounds} rounds of ${rounds.seconds} s\n\n`);
  process.stdout.write(`| id | measure | goal | ratio | spread | ours/s | theirs/s |\n|---|---|---|---|---|---|---|\n`);
  for (const { id, what, goal, ratio } of rows) {
    const spread = `${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)}`;
    const rates = `${Math.round(ratio.ours)} | ${Math.round(ratio.theirs)}`;
    process.stdout.write(`| ${id} | ${what} | ${goal} | ${ratio.median.toFixed(2)} | ${spread} | ${rates} |\n`);
  }
  const kilobytes = (gzipBytes / 1_000).toFixed(1);
  process.stdout.write(
    `| P7 | deployed Worker | ≤ 150 kB, ≤ 50 ms | ${kilobytes} kB gzip, ${startUpMs.toFixed(0)} ms to start | | | |\n`,
  );
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

await main();
