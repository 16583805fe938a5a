/**
 * What a token bucket has given and what of it has drained: the arithmetic of one, without a rule about it.
 *
 * Levels are whole numbers of a token's `windowMs`-th part: `quota` of them drain in a millisecond, so nothing is ever
 * rounded, at any rate. Moments are whole milliseconds.
 */
import type { Terms } from "./counter.ts";
import type { DatedTokens } from "./dated-tokens.ts";

export interface Bucket {
  /** What is draining, at `at`. */
  readonly level: bigint;
  readonly at: number;
  /** The rate, and with it what a level means. */
  readonly quota: number;
  readonly windowMs: number;
  /** Since when it is this rate. */
  readonly since: number;
  /** What may still be spent by then, and does not drain before. */
  readonly leased: readonly DatedTokens[];
}

type Rate = Pick<Terms, "quota" | "windowMs">;

export const freshBucket: Bucket = { level: 0n, at: 0, quota: 0, windowMs: 1, since: 0, leased: [] };

/**
 * As it is at `now`. It drained at its own rate until now; the same number of tokens drains at the new one from here.
 * `sees` how low it had come whenever a lease's tokens began to drain.
 */
export function bucketAt(
  bucket: Bucket,
  terms: Rate,
  now: number,
  sees: (at: number, level: bigint) => void = () => undefined,
): Bucket {
  const rate = BigInt(bucket.quota);
  let { level, at } = bucket;
  const drainTo = (moment: number): void => {
    const later = Math.max(at, moment);
    const drained = BigInt(later - at) * rate;
    level = drained < level ? level - drained : 0n;
    at = later;
  };
  const over = bucket.leased.findLastIndex((lease) => lease.at <= Math.max(now, at)) + 1;
  for (const lease of bucket.leased.slice(0, over)) {
    drainTo(lease.at);
    sees(at, level);
    level += BigInt(lease.tokens) * BigInt(bucket.windowMs);
  }
  drainTo(now);
  return underTerms({ ...bucket, level, at, leased: over === 0 ? bucket.leased : bucket.leased.slice(over) }, terms);
}

/** The same number of tokens under another rate, rounded up. */
export function underTerms(bucket: Bucket, { quota, windowMs }: Rate): Bucket {
  if (bucket.quota === quota && bucket.windowMs === windowMs) return bucket;
  const level = ceilDivide(bucket.level * BigInt(windowMs), BigInt(bucket.windowMs));
  return { ...bucket, level, quota, windowMs, since: bucket.at };
}

export function takenOf({ level, leased, windowMs }: Bucket): bigint {
  return leased.reduce((sum, { tokens }) => sum + BigInt(tokens) * BigInt(windowMs), level);
}

/** Below zero after a debt, or under a smaller burst. */
export function roomOf(bucket: Bucket, { burst }: Pick<Terms, "burst">): bigint {
  return BigInt(burst) * BigInt(bucket.windowMs) - takenOf(bucket);
}

/**
 * When so much of what is taken has drained, if nobody else asks. At no rate nothing drains, and nothing matters: a
 * window's length.
 */
export function drainedAt({ level, at, quota, windowMs, leased }: Bucket, amount: bigint): number {
  if (quota === 0) return (leased.at(-1)?.at ?? at) + windowMs;
  const rate = BigInt(quota);
  let [missing, draining, from] = [amount, level, at];
  for (const lease of leased) {
    const drained = leastOf(draining, BigInt(Math.max(0, lease.at - from)) * rate);
    if (drained >= missing) break;
    missing -= drained;
    draining += BigInt(lease.tokens) * BigInt(windowMs) - drained;
    from = Math.max(from, lease.at);
  }
  return from + Number(ceilDivide(missing, rate));
}

export function leastOf(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

export function ceilDivide(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}
