/** Decisions on one key by rate-limiter-flexible, in this process, against a Redis beside it. */
import { setImmediate as breath } from "node:timers/promises";
import type { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

export interface RedisLimit {
  readonly name: string;
  readonly quota: number;
  readonly windowSeconds: number;
  /** Refusals are remembered in the process: its `inMemoryBlockOnConsumed`. */
  readonly isBlockedInMemory: boolean;
}

export interface Decided {
  readonly tookMs: number;
  readonly made: number;
  readonly allowed: number;
}

/** As many as the other side makes between two breaths. */
const decisionsABreath = 5_000;

/** Of two clients the one that is faster at so many in flight: pipelining by itself costs one who asks alone. */
export function clientFor(redis: Redis, inFlight: number): Redis {
  return redis.duplicate({ enableAutoPipelining: inFlight > 1 });
}

export async function decide(client: Redis, limit: RedisLimit, inFlight: number, seconds: number): Promise<Decided> {
  const { name, quota, windowSeconds, isBlockedInMemory } = limit;
  const limiter = new RateLimiterRedis({
    storeClient: client,
    keyPrefix: name,
    points: quota,
    duration: windowSeconds,
    ...(isBlockedInMemory ? { inMemoryBlockOnConsumed: quota } : {}),
  });
  let made = 0;
  let allowed = 0;
  const lane = async (many: number): Promise<void> => {
    for (let nth = 0; nth < many; nth += 1) {
      if (await isAllowed(limiter)) allowed += 1;
      made += 1;
    }
  };
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1_000) {
    await Promise.all(Array.from({ length: inFlight }, () => lane(Math.ceil(decisionsABreath / inFlight))));
    await breath();
  }
  return { tookMs: performance.now() - startedAt, made, allowed };
}

/** A refusal is thrown, and is not an Error. */
async function isAllowed(limiter: RateLimiterRedis): Promise<boolean> {
  try {
    await limiter.consume("hot");
    return true;
  } catch (error) {
    if (error instanceof RateLimiterRes) return false;
    throw error;
  }
}
