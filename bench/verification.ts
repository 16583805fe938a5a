/**
 * P5: a token that the isolate knows beside one that it verifies, and that beside the peer of the verifier, jose.
 *
 * One isolate of the runtime does all of it. Its clock need not go on meanwhile: requests of so many verifications that
 * one takes a good part of a second are timed from outside, with all that it costs to send them.
 */
import { startPeer, type Peer } from "./peers.ts";
import { asTimes, measureRatio, ratioRow, type Side } from "./ratio.ts";
import type { Measure, Row } from "./table.ts";

/** As the ways of token-worker.ts. */
interface Way {
  readonly name: string;
  readonly manyARequest: number;
  /** Who answers; nobody counts what jose does. */
  readonly answeredBy: "cache" | "verifier" | "jose";
}

const few: Way = { name: "few", manyARequest: 1_000_000, answeredBy: "cache" };
const kept: Way = { name: "kept", manyARequest: 1_000_000, answeredBy: "cache" };
const full: Way = { name: "full", manyARequest: 5_000, answeredBy: "verifier" };
const fullRevoked: Way = { name: "fullRevoked", manyARequest: 5_000, answeredBy: "verifier" };
const jose: Way = { name: "jose", manyARequest: 5_000, answeredBy: "jose" };

const contests: readonly (readonly [id: string, what: string, goal: string, ours: Way, theirs: Way])[] = [
  ["P5", "time of a known token, one of 16 ÷ ES256 verification", "≤ 0.05", few, full],
  ["P5", "… one of 8000 ÷ ES256 verification", "≤ 0.05", kept, full],
  ["", "time of ES256 verification ÷ jose `jwtVerify`", "", full, jose],
  ["", "… with 100 000 revocations ÷ jose `jwtVerify`", "", fullRevoked, jose],
];

export const verification: Measure = {
  ids: ["P5"],
  async run(isQuick) {
    await using stack = new AsyncDisposableStack();
    const worker = await startPeer("token-worker", {});
    stack.defer(() => worker.stop());
    await ask(worker, few, 1);
    const side =
      (way: Way): Side =>
      () =>
        rateOf(worker, way, isQuick ? 1 : 3);
    const rows: Row[] = [];
    for (const [id, what, goal, ours, theirs] of contests) {
      rows.push(ratioRow(id, what, goal, asTimes(await measureRatio(side(ours), side(theirs), isQuick ? 1 : 5))));
    }
    return rows;
  },
};

async function rateOf(worker: Peer, way: Way, seconds: number): Promise<number> {
  const startedAt = performance.now();
  let made = 0;
  while (performance.now() - startedAt < seconds * 1_000) {
    await ask(worker, way, way.manyARequest);
    made += way.manyARequest;
  }
  return (made * 1_000) / (performance.now() - startedAt);
}

/** A run in which the cache answered for what should have been verified, or did not answer, proves nothing. */
async function ask({ url }: Peer, { name, answeredBy }: Way, many: number): Promise<void> {
  const answer = await fetch(`${url}/?way=${name}&many=${many}`);
  if (!answer.ok) throw new Error(`cannot count verifications: received ${answer.status} ${await answer.text()}`);
  const { verified } = (await answer.json()) as { readonly verified: number | null };
  const expected = { cache: 0, verifier: many, jose: null }[answeredBy];
  if (verified !== expected) throw new Error(`cannot compare: ${verified} of ${many} tokens were verified (${name})`);
}
