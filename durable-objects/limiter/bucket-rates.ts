/**
 * A bucket for each rate that is asked by: rules of two rates are asked by in turns while a deploy changes a limit, or
 * where askers of one budget have different plans. Each drains at its own rate, and each is filled by whatever goes,
 * whoever lets it go; but by others never beyond its burst, so that a low rate is full for no longer than it takes to
 * drain once.
 */
import { bucketAt, ceilDivide, freshBucket, leastOf, roomOf, takenOf, type Bucket } from "./bucket-level.ts";
import type { Terms } from "./counter.ts";
import { isDatedTokens, withTokens } from "./dated-tokens.ts";

export interface RatedBucket {
  readonly bucket: Bucket;
  readonly burst: number;
}

/** As it is written: JSON has no bigint. */
export interface WrittenBucket extends Omit<Bucket, "level"> {
  readonly level: string;
  /** Not written by the versions before. */
  readonly burst?: number;
}

/** Plans of one budget are a few. */
const mostRates = 8;

type Rate = Pick<Terms, "quota" | "windowMs">;

/** The bucket of this rate; else the one that was asked by last, with the same tokens in it. */
export function bucketOf(rates: readonly RatedBucket[], rate: Rate): Bucket {
  const own = rates.find(({ bucket }) => hasRate(bucket, rate));
  return (own ?? rates.at(-1))?.bucket ?? freshBucket;
}

/**
 * The bucket of these terms as it is now. One of a new rate begins with what is in the last one, as far as it holds that;
 * and with what is owed.
 */
export function begunBucket(rates: readonly RatedBucket[], terms: Terms, now: number): Bucket {
  const bucket = bucketAt(bucketOf(rates, terms), terms, now);
  const last = rates.at(-1);
  if (last === undefined || rates.some((one) => hasRate(one.bucket, terms))) return bucket;
  const part = BigInt(terms.windowMs);
  const taken = takenOf(bucket);
  const owed = taken - BigInt(last.burst) * part;
  const most = BigInt(terms.burst) * part + (owed > 0n ? owed : 0n);
  let excess = taken > most ? taken - most : 0n;
  const level = bucket.level - leastOf(bucket.level, excess);
  excess -= bucket.level - level;
  const leased = bucket.leased.flatMap((one) => {
    const less = Number(leastOf(BigInt(one.tokens), excess / part));
    excess -= BigInt(less) * part;
    return less < one.tokens ? [{ ...one, tokens: one.tokens - less }] : [];
  });
  return { ...bucket, level, leased };
}

export function hasRate(one: Rate, { quota, windowMs }: Rate): boolean {
  return one.quota === quota && one.windowMs === windowMs;
}

/** `bucket` is the one that is asked by now; of the others those are kept that something is in at their rate. */
export function askedBy(rates: readonly RatedBucket[], bucket: Bucket, burst: number): readonly RatedBucket[] {
  const others = rates.filter(({ bucket: one }) => !hasRate(one, bucket));
  const kept = others.filter(({ bucket: one }) => one.quota > 0 && takenOf(bucketAt(one, one, bucket.at)) > 0n);
  return [...kept.slice(-(mostRates - 1)), { bucket, burst }];
}

/** Tokens went by another rule. Nothing of this rule's that is draining comes back from before that: it may be theirs. */
export function filled(
  { bucket, burst }: RatedBucket,
  { stamp, moved, isDebt }: { readonly stamp: number; readonly moved: number; readonly isDebt: boolean },
  now: number,
): RatedBucket {
  const before = bucketAt(bucket, bucket, now);
  const room = roomOf(before, { burst });
  const most = room > 0n ? Number(ceilDivide(room, BigInt(bucket.windowMs))) : 0;
  const tokens = isDebt ? moved : Math.min(moved, most);
  const leased = tokens === 0 ? before.leased : withTokens(before.leased, stamp, tokens);
  return { bucket: { ...bucketAt({ ...before, leased }, bucket, now), since: now + 1 }, burst };
}

/**
 * Tokens that nobody knows of: let go at `at` at the latest, and spent by `stamp`. Never more than there was room for:
 * more cannot have gone.
 */
export function withUnknown({ bucket, burst }: RatedBucket, stamp: number, tokens: number, at: number): RatedBucket {
  const room = roomOf(bucketAt(bucket, bucket, at), { burst });
  const most = room > 0n ? Number(ceilDivide(room, BigInt(bucket.windowMs))) : 0;
  const gone = Math.min(tokens, most);
  return gone === 0
    ? { bucket, burst }
    : { bucket: { ...bucket, leased: withTokens(bucket.leased, stamp, gone) }, burst };
}

export function writtenBucket({ bucket, burst }: RatedBucket): WrittenBucket {
  return { ...bucket, level: `${bucket.level}`, burst };
}

export function readBucket(value: unknown): RatedBucket | null {
  const read = (value ?? {}) as Partial<Record<keyof WrittenBucket, unknown>>;
  const { level, at, quota, windowMs, since, leased, burst = 0 } = read;
  if (typeof level !== "string" || !/^\d+$/.test(level) || !isDatedTokens(leased)) return null;
  if (!isWhole(at) || !isWhole(quota) || !isWhole(windowMs) || windowMs < 1 || !isWhole(since)) return null;
  return isWhole(burst) ? { bucket: { level: BigInt(level), at, quota, windowMs, since, leased }, burst } : null;
}

export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
