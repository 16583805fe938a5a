/**
 * P3: decisions a second on one hot key, beside rate-limiter-flexible with Redis.
 *
 * Both sides are loops inside one process that await one decision after the other, so many of them in flight: theirs in
 * Node, against a Redis on loopback that has the second core; ours in one isolate of the runtime, where a request of
 * hundreds of thousands of decisions is timed from outside, with all that it costs to send it there.
 */
import { startPeer, type Peer } from "./peers.ts";
import { measureRatio, ratioRow, type Ratio } from "./ratio.ts";
import { startRedis, type RunningRedis } from "./redis.ts";
import { clientFor, decide, type Decided, type RedisLimit } from "./redis-limiter.ts";
import type { Measure, Row } from "./table.ts";

/** As `limiters` in limit-worker.ts. */
const ample = { name: "ample", quota: 1_000_000_000, windowSeconds: 60 } as const;
const scarce = { name: "scarce", quota: 1_000, windowSeconds: 1 } as const;

interface Contest {
  readonly id: string;
  readonly what: string;
  readonly goal: string;
  readonly inFlight: number;
  readonly limit: RedisLimit;
}

/** Leases are renewed and refusals remembered, as it goes: what one second admits is spent in its first milliseconds. */
const refusing = (isBlockedInMemory: boolean): RedisLimit => ({ ...scarce, isBlockedInMemory });
const open = { ...ample, isBlockedInMemory: false };
const contests: readonly Contest[] = [
  { id: "P3", what: "32 in flight", goal: "≥ 5", inFlight: 32, limit: open },
  { id: "P3", what: "1 in flight", goal: "", inFlight: 1, limit: open },
  { id: "", what: "32 in flight, 1000 a second, the rest refused", goal: "", inFlight: 32, limit: refusing(false) },
  {
    id: "",
    what: "32 in flight, refused, with `inMemoryBlockOnConsumed`",
    goal: "",
    inFlight: 32,
    limit: refusing(true),
  },
];

export const hotKey: Measure = {
  ids: ["P3"],
  async run(isQuick) {
    await using stack = new AsyncDisposableStack();
    const redis = await startRedis();
    if (redis === null) return [withoutRedis];
    stack.defer(() => redis.stop());
    const worker = await startPeer("limit-worker", {}, { LIMITER: "Limiter" });
    stack.defer(() => worker.stop());
    const rows: Row[] = [];
    for (const contest of contests) {
      const ratio = await compete(worker, redis, contest, isQuick ? 1 : 5, isQuick ? 1 : 3);
      const versus = `decisions on one key ÷ rate-limiter-flexible, Redis ${redis.version}: ${contest.what}`;
      rows.push(ratioRow(contest.id, versus, contest.goal, ratio));
    }
    return rows;
  },
};

const withoutRedis: Row = {
  id: "P3",
  what: "decisions on one key ÷ rate-limiter-flexible, Redis",
  goal: "≥ 5",
  result: "not measured: redis-server is not installed",
};

async function compete(
  worker: Peer,
  redis: RunningRedis,
  { inFlight, limit }: Contest,
  rounds: number,
  seconds: number,
): Promise<Ratio> {
  const client = clientFor(redis.client, inFlight);
  try {
    const ours = async () => rateOf(await decideThere(worker, limit.name, inFlight, seconds), limit);
    const theirs = async () => rateOf(await decide(client, limit, inFlight, seconds), limit);
    return await measureRatio(ours, theirs, rounds);
  } finally {
    client.disconnect();
  }
}

const decisionsARequest = 200_000;

async function decideThere({ url }: Peer, limiter: string, inFlight: number, seconds: number): Promise<Decided> {
  const asked = `${url}/?limiter=${limiter}&inFlight=${inFlight}&decisions=${decisionsARequest}`;
  const startedAt = performance.now();
  let made = 0;
  let allowed = 0;
  while (performance.now() - startedAt < seconds * 1_000) {
    const answer = await fetch(asked);
    if (!answer.ok) throw new Error(`cannot count decisions: received ${answer.status} ${await answer.text()}`);
    const told = (await answer.json()) as { readonly made: number; readonly allowed: number };
    made += told.made;
    allowed += told.allowed;
  }
  return { tookMs: performance.now() - startedAt, made, allowed };
}

/** A second. A run that admitted what it should not have, or refused where plenty was left, proves nothing. */
function rateOf({ tookMs, made, allowed }: Decided, { quota, windowSeconds, name }: RedisLimit): number {
  // A run begins and ends within a window.
  const windows = Math.ceil(tookMs / (windowSeconds * 1_000)) + 1;
  if (allowed > quota * windows || (name === ample.name && allowed < made)) {
    throw new Error(`cannot compare: ${allowed} of ${made} decisions were admitted, at ${quota} in ${windowSeconds} s`);
  }
  return (made * 1_000) / tookMs;
}
