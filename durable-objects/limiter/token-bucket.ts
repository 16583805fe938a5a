/**
 * A token bucket: in every interval at most the burst and what flows in meanwhile.
 *
 * It is counted from the other side: what was taken drains at the quota's rate, and there is room for the burst. A
 * single token drains from when it is taken. A leased one may be spent at any moment until its guard is over, and only
 * from then on it drains; meanwhile it fills its room. So a bucket without leases holds its whole burst, and one with
 * leases never admits more than its line, wherever in its life a lease is spent.
 */
import { bucketAt, ceilDivide, drainedAt, freshBucket, leastOf, roomOf, takenOf, underTerms } from "./bucket-level.ts";
import type { Bucket } from "./bucket-level.ts";
import type { Ask, Counter, Grant, Standing, Terms } from "./counter.ts";
import { isDatedTokens, withoutTokens, withTokens } from "./dated-tokens.ts";
import { LowLevels } from "./low-levels.ts";
import { grantOf, spentBy, type Granted } from "./timed-lease.ts";

/** A lease lives this part of the time in which an empty bucket fills. */
const livesInFilling = 10;

class TokenBucket implements Counter {
  #bucket: Bucket;
  /** Under which it was counted last; null while it is new. */
  #terms: Terms | null;
  readonly #lows: LowLevels;

  /** `knownSince`: since when all that happened to it is known. */
  constructor(bucket: Bucket, terms: Terms | null = null, knownSince = Infinity) {
    this.#bucket = bucket;
    this.#terms = terms;
    this.#lows = new LowLevels(knownSince);
  }

  /** No rate at all is none to drain at: what was used is forgotten no sooner for it. */
  adopt(terms: Terms, now: number): boolean {
    const { quota, windowMs, burst } = terms;
    const before = this.#terms;
    if (quota === 0) return false;
    if (before?.quota === quota && before.windowMs === windowMs && before.burst === burst) return false;
    this.#terms = { quota, windowMs, burst };
    if (takenOf(this.#bucket) === 0n) return false;
    this.#bucket = this.#now(terms, now);
    return true;
  }

  offer(ask: Ask, terms: Terms, now: number): Grant {
    const bucket = bucketAt(this.#bucket, terms, now);
    const left = leftOf(bucket, terms);
    if (ask.isDebt || (terms.quota > 0 && ask.cost <= left)) {
      return grantOf(ask, { left, most: terms.burst, lifeMs: lifeOf(terms) }, now);
    }
    const isEver = terms.quota > 0 && ask.cost <= terms.burst;
    const retryMs = isEver ? coveredAt(bucket, ask.cost, terms) - now : null;
    return { kind: "refused", retryMs, sameForMs: sameForMs(bucket, left, terms, now) };
  }

  take({ stamp, moved }: Granted, _ask: Ask, terms: Terms, now: number): void {
    const bucket = this.#now(terms, now);
    this.#lows.see(bucket.at, bucket.level);
    const leased = moved > 0 ? withTokens(bucket.leased, stamp, moved) : bucket.leased;
    this.#bucket = bucketAt({ ...bucket, leased }, terms, now);
  }

  /**
   * What has begun to drain comes back as if it had never been there. Where that is not known, less all that drained
   * since: others may have taken the room that this made.
   */
  putBack(stamp: number, tokens: number, terms: Terms, now: number): number {
    const bucket = this.#now(terms, now);
    if (stamp > bucket.at) {
      const { dated, taken } = withoutTokens(bucket.leased, stamp, tokens);
      this.#bucket = { ...bucket, leased: dated };
      return taken;
    }
    if (stamp < bucket.since) return 0;
    const part = BigInt(bucket.windowMs);
    const whole = BigInt(tokens) * part;
    const drained = BigInt(bucket.at - stamp) * BigInt(bucket.quota);
    const back = leastOf(whole, this.#lows.since(stamp, bucket.level) ?? leastOf(whole - drained, bucket.level)) / part;
    if (back <= 0n) return 0;
    this.#lows.lower(stamp, whole);
    this.#bucket = { ...bucket, level: bucket.level - back * part };
    return Number(back);
  }

  /**
   * Never more than there was room for: more cannot have gone. They may have gone under the terms before these, which
   * may have had more room, and leased for longer.
   */
  assume(tokens: number, at: number, terms: Terms): void {
    const before = this.#terms ?? terms;
    const burst = Math.max(terms.burst, before.burst);
    const room = roomOf(bucketAt(this.#bucket, terms, at), { ...terms, burst });
    const most = room > 0n ? Number(ceilDivide(room, BigInt(terms.windowMs))) : 0;
    const gone = Math.min(tokens, most);
    if (gone === 0) return;
    // An empty one has no rate yet at which what is assumed could drain.
    const bucket = takenOf(this.#bucket) === 0n ? underTerms(this.#bucket, terms) : this.#bucket;
    const lifeMs = Math.max(lifeOf(terms), lifeOf(before));
    this.#bucket = { ...bucket, leased: withTokens(bucket.leased, spentBy(at, lifeMs), gone) };
  }

  standing(terms: Terms, now: number): Standing {
    const bucket = bucketAt(this.#bucket, terms, now);
    const remaining = leftOf(bucket, terms);
    const taken = takenOf(bucket);
    const resetMs = taken === 0n ? 0 : drainedAt(bucket, taken) - now;
    const used = Number(ceilDivide(taken, BigInt(bucket.windowMs)));
    return { used, remaining, resetMs, sameForMs: sameForMs(bucket, remaining, terms, now) };
  }

  owed(terms: Terms, now: number): number {
    const room = roomOf(bucketAt(this.#bucket, terms, now), terms);
    return room < 0n ? Number(ceilDivide(-room, BigInt(terms.windowMs))) : 0;
  }

  /** By the slower of the old rate and the new one: when it changed is not known here. */
  endsAt(terms: Terms): number {
    const bucket = this.#bucket;
    const taken = takenOf(bucket);
    if (taken === 0n) return 0;
    const changed = underTerms(bucket, terms);
    return Math.max(drainedAt(bucket, taken), drainedAt(changed, takenOf(changed)));
  }

  allowanceEndsAt({ windowMs }: Terms, now: number): number {
    return now + windowMs;
  }

  /** As it is now, and how it came there is remembered. */
  #now(terms: Terms, now: number): Bucket {
    const bucket = bucketAt(this.#bucket, terms, now, (at, level) => this.#lows.see(at, level));
    this.#lows.begin(now);
    // Another rate, and other parts: nothing from before it comes back.
    if (bucket.since !== this.#bucket.since) this.#lows.forget();
    return (this.#bucket = bucket);
  }

  image(): string {
    const { level, ...rest } = this.#bucket;
    return JSON.stringify({ v: 1, level: `${level}`, ...rest, terms: this.#terms } satisfies Image);
  }
}

interface Image extends Omit<Bucket, "level"> {
  readonly v: 1;
  readonly level: string;
  /** Not written by the version before. */
  readonly terms?: Terms | null;
}

export function freshTokenBucket(): Counter {
  return new TokenBucket(freshBucket, null, 0);
}

export function restoreTokenBucket(image: string): Counter | null {
  const read = (JSON.parse(image) ?? {}) as Partial<Record<keyof Image, unknown>>;
  const { v, level, at, quota, windowMs, since, leased, terms = null } = read;
  if (v !== 1 || typeof level !== "string" || !/^\d+$/.test(level) || !isDatedTokens(leased)) return null;
  if (!isWhole(at) || !isWhole(quota) || !isWhole(windowMs) || windowMs < 1 || !isWhole(since)) return null;
  if (terms !== null && !isTerms(terms)) return null;
  return new TokenBucket({ level: BigInt(level), at, quota, windowMs, since, leased }, terms);
}

function isTerms(value: unknown): value is Terms {
  const { quota, windowMs, burst } = value as Partial<Record<keyof Terms, unknown>>;
  return [quota, windowMs, burst].every(isWhole);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function lifeOf({ quota, windowMs, burst }: Terms): number {
  if (quota === 0) return 0;
  // A bucket that fills for longer than ten windows would lend its tokens for longer than anybody plans.
  return Math.min(windowMs, Math.floor((burst * windowMs) / (livesInFilling * quota)));
}

function leftOf(bucket: Bucket, terms: Terms): number {
  const room = roomOf(bucket, terms);
  return terms.quota === 0 || room <= 0n ? 0 : Number(room / BigInt(bucket.windowMs));
}

/** When `tokens`, at most the burst, can be had if nobody else asks. */
function coveredAt(bucket: Bucket, tokens: number, terms: Terms): number {
  const missing = BigInt(tokens) * BigInt(bucket.windowMs) - roomOf(bucket, terms);
  return missing > 0n ? drainedAt(bucket, missing) : bucket.at;
}

/** Until one token more than `left` can be had; where there never is one, a window's length, after which to ask again. */
function sameForMs(bucket: Bucket, left: number, terms: Terms, now: number): number {
  const isEver = terms.quota > 0 && left < terms.burst;
  return isEver ? coveredAt(bucket, left + 1, terms) - now : terms.windowMs;
}
