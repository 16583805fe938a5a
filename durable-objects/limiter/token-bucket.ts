/**
 * A token bucket: in every interval at most the burst and what flows in meanwhile.
 *
 * It is counted from the other side: what was taken drains at the quota's rate, and there is room for the burst. A
 * single token drains from when it is taken. A leased one may be spent at any moment until its guard is over, and only
 * from then on it drains; meanwhile it fills its room. So a bucket without leases holds its whole burst, and one with
 * leases never admits more than its line, wherever in its life a lease is spent.
 */
import {
  bucketAt,
  ceilDivide,
  drainedAt,
  freshBucket,
  leastOf,
  roomOf,
  takenOf,
  underTerms,
  type Bucket,
} from "./bucket-level.ts";
import {
  askedBy,
  begunBucket,
  bucketOf,
  filled,
  hasRate,
  isWhole,
  readBucket,
  withUnknown,
  writtenBucket,
} from "./bucket-rates.ts";
import type { RatedBucket, WrittenBucket } from "./bucket-rates.ts";
import type { Ask, Counter, Grant, Standing, Terms } from "./counter.ts";
import { withoutTokens, withTokens } from "./dated-tokens.ts";
import { LowLevels } from "./low-levels.ts";
import { grantOf, spentBy, type Granted } from "./timed-lease.ts";

/** A lease lives this part of the time in which an empty bucket fills. */
const livesInFilling = 10;

class TokenBucket implements Counter {
  /** By whose rate it was counted last comes last. */
  #rates: readonly RatedBucket[];
  /** Under which it was counted last; null while it is new. */
  #terms: Terms | null;
  /** Of the bucket that was counted by last. */
  readonly #lows: LowLevels;

  /** `knownSince`: since when all that happened to it is known. */
  constructor(rates: readonly RatedBucket[] = [], terms: Terms | null = null, knownSince = Infinity) {
    this.#rates = rates;
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
    const isEmpty = this.#isEmpty();
    this.#now(terms, now);
    return !isEmpty;
  }

  offer(ask: Ask, terms: Terms, now: number): Grant {
    const bucket = this.#at(terms, now);
    const left = leftOf(bucket, terms);
    if (ask.isDebt || (terms.quota > 0 && ask.cost <= left)) {
      return grantOf(ask, { left, most: terms.burst, lifeMs: lifeOf(terms) }, now);
    }
    const isEver = terms.quota > 0 && ask.cost <= terms.burst;
    const retryMs = isEver ? coveredAt(bucket, ask.cost, terms) - now : null;
    return { kind: "refused", retryMs, sameForMs: sameForMs(bucket, left, terms, now) };
  }

  take({ stamp, moved }: Granted, { isDebt }: Ask, terms: Terms, now: number): void {
    const bucket = this.#now(terms, now);
    this.#lows.see(bucket.at, bucket.level);
    if (moved === 0) return;
    const others = this.#rates.slice(0, -1).map((one) => filled(one, { stamp, moved, isDebt }, now));
    const own = bucketAt({ ...bucket, leased: withTokens(bucket.leased, stamp, moved) }, terms, now);
    this.#rates = [...others, { bucket: own, burst: terms.burst }];
  }

  /**
   * What has begun to drain comes back as if it had never been there. Where that is not known, less all that drained
   * since: others may have taken the room that this made.
   */
  putBack(stamp: number, tokens: number, terms: Terms, now: number): number {
    const last = this.#rates.at(-1)?.bucket;
    if (last === undefined || !hasRate(last, terms)) return this.#putLeaseBack(stamp, tokens, terms, now);
    const bucket = this.#now(terms, now);
    if (stamp > bucket.at) {
      const { dated, taken } = withoutTokens(bucket.leased, stamp, tokens);
      this.#keep({ ...bucket, leased: dated });
      return taken;
    }
    if (stamp < bucket.since) return 0;
    const part = BigInt(bucket.windowMs);
    const whole = BigInt(tokens) * part;
    const drained = BigInt(bucket.at - stamp) * BigInt(bucket.quota);
    const back = leastOf(whole, this.#lows.since(stamp, bucket.level) ?? leastOf(whole - drained, bucket.level)) / part;
    if (back <= 0n) return 0;
    this.#lows.lower(stamp, whole);
    this.#keep({ ...bucket, level: bucket.level - back * part });
    return Number(back);
  }

  /** Into the bucket that it was let go from: the others may have had no room for all of it. */
  #putLeaseBack(stamp: number, tokens: number, rate: Terms, now: number): number {
    let back = 0;
    this.#rates = this.#rates.map(({ bucket, burst }) => {
      const at = bucketAt(bucket, bucket, now);
      if (!hasRate(bucket, rate) || stamp <= at.at) return { bucket, burst };
      const { dated, taken } = withoutTokens(at.leased, stamp, tokens);
      back = taken;
      return { bucket: { ...at, leased: dated }, burst };
    });
    return back;
  }

  /** They may have gone under the terms before these, which may have had more room, and leased for longer. */
  assume(tokens: number, at: number, terms: Terms): void {
    const before = this.#terms ?? terms;
    const burst = Math.max(terms.burst, before.burst);
    const stamp = spentBy(at, Math.max(lifeOf(terms), lifeOf(before)));
    // An empty one may have no rate yet at which what is assumed could drain.
    const isEmpty = this.#isEmpty();
    const rates = isEmpty ? [{ bucket: underTerms(bucketOf(this.#rates, before), before), burst }] : this.#rates;
    const last = rates.length - 1;
    this.#rates = rates.map((one, index) => withUnknown(index === last ? { ...one, burst } : one, stamp, tokens, at));
  }

  lose(tokens: number, at: number, terms: Terms): void {
    const bucket = underTerms(bucketOf(this.#rates, terms), terms);
    const { quota, windowMs, burst } = terms;
    const stamp = spentBy(at, lifeOf(terms));
    // What has drained since then is not held to be lost now.
    const drained = Math.floor((Math.max(0, bucket.at - stamp) * quota) / windowMs);
    const left = Math.max(0, Math.min(tokens, burst) - drained);
    const own = withUnknown({ bucket, burst }, stamp, left, at);
    this.#rates = askedBy(this.#rates, own.bucket, own.burst);
  }

  standing(terms: Terms, now: number): Standing {
    const bucket = this.#at(terms, now);
    const remaining = leftOf(bucket, terms);
    const taken = takenOf(bucket);
    const resetMs = taken === 0n ? 0 : drainedAt(bucket, taken) - now;
    const used = Number(ceilDivide(taken, BigInt(bucket.windowMs)));
    return { used, remaining, resetMs, sameForMs: sameForMs(bucket, remaining, terms, now) };
  }

  owed(terms: Terms, now: number): number {
    const room = roomOf(this.#at(terms, now), terms);
    return room < 0n ? Number(ceilDivide(-room, BigInt(terms.windowMs))) : 0;
  }

  /** By the slower of the old rate and the new one: when it changed is not known here. */
  endsAt(terms: Terms): number {
    const ends = this.#rates.map(({ bucket }) => {
      const taken = takenOf(bucket);
      if (taken === 0n) return 0;
      const changed = underTerms(bucket, terms);
      return Math.max(drainedAt(bucket, taken), drainedAt(changed, takenOf(changed)));
    });
    return Math.max(0, ...ends);
  }

  allowanceEndsAt({ windowMs }: Terms, now: number): number {
    return now + windowMs;
  }

  #isEmpty(): boolean {
    return this.#rates.every(({ bucket }) => takenOf(bucket) === 0n);
  }

  #at(terms: Terms, now: number): Bucket {
    return begunBucket(this.#rates, terms, now);
  }

  /** As it is now, and how it came there is remembered. */
  #now(terms: Terms, now: number): Bucket {
    const before = bucketOf(this.#rates, terms);
    const isLast = before === this.#rates.at(-1)?.bucket;
    const bucket = hasRate(before, terms)
      ? bucketAt(before, terms, now, (at, level) => isLast && this.#lows.see(at, level))
      : begunBucket(this.#rates, terms, now);
    this.#lows.begin(now);
    const isSame = isLast && bucket.since === before.since;
    // Another rate, and other parts: nothing from before it comes back.
    if (!isSame) this.#lows.forget();
    const kept = isSame || this.#rates.length === 0 ? bucket : { ...bucket, since: Math.max(bucket.since, now) };
    this.#rates = askedBy(this.#rates, kept, terms.burst);
    return kept;
  }

  #keep(bucket: Bucket): void {
    const burst = this.#rates.at(-1)?.burst ?? 0;
    this.#rates = [...this.#rates.slice(0, -1), { bucket, burst }];
  }

  image(): string {
    const written = this.#rates.map(writtenBucket);
    const empty = { bucket: freshBucket, burst: 0 };
    // The version before knows of one: the fullest.
    const fullest = this.#rates.reduce((most, one) => (isFuller(one, most) ? one : most), this.#rates.at(-1) ?? empty);
    const rates = written.length > 1 ? { rates: written } : {};
    return JSON.stringify({ v: 1, ...writtenBucket(fullest), terms: this.#terms, ...rates } satisfies Image);
  }
}

interface Image extends WrittenBucket {
  readonly v: 1;
  /** Not written by the versions before. */
  readonly terms?: Terms | null;
  readonly rates?: readonly WrittenBucket[];
}

function isFuller(one: RatedBucket, other: RatedBucket): boolean {
  return takenOf(one.bucket) * BigInt(other.bucket.windowMs) > takenOf(other.bucket) * BigInt(one.bucket.windowMs);
}

export function freshTokenBucket(): Counter {
  return new TokenBucket([], null, 0);
}

export function restoreTokenBucket(image: string): Counter | null {
  const read = (JSON.parse(image) ?? {}) as Partial<Record<keyof Image, unknown>>;
  const { v, terms = null } = read;
  if (v !== 1 || (terms !== null && !isTerms(terms))) return null;
  const { rates: all = [{ burst: terms?.burst, ...read }] } = read;
  if (!Array.isArray(all)) return null;
  const rates = all.map(readBucket);
  return rates.every((one) => one !== null) ? new TokenBucket(rates, terms) : null;
}

function isTerms(value: unknown): value is Terms {
  const { quota, windowMs, burst } = value as Partial<Record<keyof Terms, unknown>>;
  return [quota, windowMs, burst].every(isWhole);
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
