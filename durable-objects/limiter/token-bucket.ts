/**
 * Token buckets: in every interval at most the burst and what flows in meanwhile, the quota in each window's length.
 *
 * Kept as what is used and has not flowed in again. A leased token counts in full until it is surely spent, and only
 * then begins to flow in: what was really spent in any interval is then never more than what was counted, so the whole
 * burst can be given out at once, leased or not. Whole numbers throughout (tokens times ms): nothing drifts.
 */
import { guardOf } from "../platform/lease.ts";
import type { Ask, Counter, Grant, Standing, Terms } from "./counter.ts";
import { leasePart } from "./lease-share.ts";

/** A lease lives for this part of the time in which the burst flows in; below `leastLeaseMs` it is not worth its while. */
const leasesABurst = 10;
const leastLeaseMs = 200;
/** Beyond these, neighbours are counted together, as the later one. */
const mostLeased = 64;

/** Tokens that count in full until `until`. */
interface Leased {
  readonly stamp: number;
  readonly until: number;
  readonly tokens: number;
}

interface Image {
  readonly v: 1;
  readonly windowMs: number;
  readonly asOf: number;
  /** Tokens times `windowMs`, in decimal digits. */
  readonly used: string;
  readonly leased: readonly Leased[];
  readonly emptyAt: number;
}

export class TokenBucket implements Counter {
  #windowMs: number;
  #asOf: number;
  #used: bigint;
  /** In the order of their ends. */
  #leased: readonly Leased[];
  /** When nothing was used, last. */
  #emptyAt: number;

  constructor({ windowMs, asOf, used, leased, emptyAt }: Image = empty) {
    this.#windowMs = windowMs;
    this.#asOf = asOf;
    this.#used = BigInt(used);
    this.#leased = leased;
    this.#emptyAt = emptyAt;
  }

  offer(ask: Ask, terms: Terms, now: number): Grant {
    const left = this.#left(terms, now);
    if (ask.isDebt) return { kind: "granted", tokens: ask.demand, lease: null, moved: ask.demand, stamp: now };
    if (terms.quota === 0 || ask.cost > left) {
      const isEver = terms.quota > 0 && ask.cost <= terms.burst;
      const retryMs = isEver ? this.#freeIn(ask.cost, terms, now) : null;
      return { kind: "refused", retryMs, sameForMs: this.#freeIn(Math.max(0, left) + 1, terms, now) };
    }
    const tokens = Math.min(ask.demand, left);
    const lifeMs = leaseLife(terms);
    const leased = lifeMs === 0 ? 0 : Math.min(ask.lease, Math.floor((left - tokens) * leasePart(ask.nth)));
    const lease = leased === 0 ? null : { tokens: leased, lifeMs, everyMs: null };
    return { kind: "granted", tokens, lease, moved: tokens + leased, stamp: now };
  }

  take({ tokens, lease }: Grant & { readonly kind: "granted" }, _ask: Ask, terms: Terms, now: number): void {
    this.#pass(terms, now);
    this.#used += this.#scaled(tokens);
    if (lease !== null) this.#hold({ stamp: now, until: now + guardOf(lease.lifeMs), tokens: lease.tokens });
  }

  putBack(stamp: number, tokens: number, terms: Terms, now: number): number {
    this.#pass(terms, now);
    const leased = this.#leased.find((one) => one.stamp === stamp);
    const fromLease = Math.min(tokens, leased?.tokens ?? 0);
    if (leased !== undefined) {
      const rest = { ...leased, tokens: leased.tokens - fromLease };
      this.#leased = this.#leased.flatMap((one) => (one === leased ? (rest.tokens > 0 ? [rest] : []) : [one]));
    }
    // What flowed in while the bucket was empty was nobody's: from before, nothing can be told apart any more.
    const fromUsed = stamp >= this.#emptyAt ? Math.min(tokens - fromLease, Number(this.#used / this.#scaled(1))) : 0;
    this.#used -= this.#scaled(fromUsed);
    return fromLease + fromUsed;
  }

  assume(tokens: number, at: number, terms: Terms): void {
    const lifeMs = leaseLife(terms);
    this.#hold({ stamp: -1, until: at + (lifeMs > 0 ? guardOf(lifeMs) : 0), tokens: Math.min(tokens, terms.burst) });
  }

  standing(terms: Terms, now: number): Standing {
    const left = this.#left(terms, now);
    const remaining = Math.max(0, left);
    const resetMs = Math.max(0, this.endsAt(terms) - now);
    const sameForMs = remaining < terms.burst ? this.#freeIn(remaining + 1, terms, now) : 0;
    return { used: terms.burst - left, remaining, resetMs, sameForMs };
  }

  endsAt(terms: Terms): number {
    const { quota } = terms;
    if (quota === 0) return this.#asOf;
    const copy = this.#copy();
    const lastEnd = this.#leased.at(-1)?.until ?? this.#asOf;
    copy.#pass(terms, Math.max(lastEnd, this.#asOf));
    return copy.#asOf + Number(ceilDivide(copy.#used, BigInt(quota)));
  }

  allowanceEndsAt({ windowMs }: Terms, now: number): number {
    return now + windowMs;
  }

  image(): string {
    const { windowMs, asOf, emptyAt } = { windowMs: this.#windowMs, asOf: this.#asOf, emptyAt: this.#emptyAt };
    const image: Image = { v: 1, windowMs, asOf, used: String(this.#used), leased: this.#leased, emptyAt };
    return JSON.stringify(image);
  }

  /** Whole tokens that are there; negative in debt. */
  #left(terms: Terms, now: number): number {
    this.#pass(terms, now);
    const held = this.#leased.reduce((sum, { tokens }) => sum + tokens, 0);
    const used = Number(ceilDivide(this.#used, this.#scaled(1)));
    return terms.burst - held - used;
  }

  /** Time flows to `now`, and tokens with it. */
  #pass({ quota, windowMs }: Terms, now: number): void {
    if (windowMs !== this.#windowMs) {
      // Another pace: as many tokens as before are used.
      this.#used = ceilDivide(this.#used * BigInt(windowMs), BigInt(this.#windowMs));
      this.#windowMs = windowMs;
    }
    for (let next = this.#leased[0]; next !== undefined && next.until <= now; next = this.#leased[0]) {
      this.#flow(quota, Math.max(next.until, this.#asOf));
      this.#used += this.#scaled(next.tokens);
      this.#leased = this.#leased.slice(1);
    }
    this.#flow(quota, now);
  }

  #flow(quota: number, now: number): void {
    if (now <= this.#asOf) return;
    const flowed = BigInt(quota) * BigInt(Math.floor(now - this.#asOf));
    this.#used = this.#used > flowed ? this.#used - flowed : 0n;
    this.#asOf = Math.floor(now);
    if (this.#used === 0n) this.#emptyAt = this.#asOf;
  }

  /** When `cost` fits if nobody else asks, ms. */
  #freeIn(cost: number, terms: Terms, now: number): number {
    if (terms.quota === 0) return terms.windowMs;
    const copy = this.#copy();
    copy.#pass(terms, now);
    for (;;) {
      const missing = copy.#missing(cost, terms);
      if (missing <= 0n) return Math.max(0, copy.#asOf - now);
      const next = copy.#leased[0]?.until;
      const flowsBy = copy.#asOf + Number(ceilDivide(missing, BigInt(terms.quota)));
      // Only what is used flows in; what is leased first has to be surely spent.
      if (missing <= copy.#used && (next === undefined || flowsBy <= next)) return Math.max(0, flowsBy - now);
      if (next === undefined) return Math.max(0, flowsBy - now);
      copy.#pass(terms, Math.max(next, copy.#asOf));
    }
  }

  #missing(cost: number, { burst }: Terms): bigint {
    const held = this.#leased.reduce((sum, { tokens }) => sum + tokens, 0);
    return this.#used + this.#scaled(held + cost) - this.#scaled(burst);
  }

  #hold(one: Leased): void {
    const held = [...this.#leased, one].toSorted((a, b) => a.until - b.until);
    const [first, second, ...others] = held;
    const isFull = held.length > mostLeased && first !== undefined && second !== undefined;
    this.#leased = isFull ? [{ ...second, stamp: -1, tokens: first.tokens + second.tokens }, ...others] : held;
  }

  #scaled(tokens: number): bigint {
    return BigInt(tokens) * BigInt(this.#windowMs);
  }

  #copy(): TokenBucket {
    return new TokenBucket(JSON.parse(this.image()) as Image);
  }
}

const empty: Image = { v: 1, windowMs: 1, asOf: 0, used: "0", leased: [], emptyAt: 0 };

export function freshTokenBucket(): Counter {
  return new TokenBucket();
}

export function restoreTokenBucket(image: string): Counter | null {
  const { v, windowMs, asOf, used, leased, emptyAt } = JSON.parse(image) as Partial<Image>;
  if (v !== 1 || windowMs === undefined || asOf === undefined || used === undefined) return null;
  if (!Array.isArray(leased) || emptyAt === undefined) return null;
  return new TokenBucket({ v, windowMs, asOf, used, leased, emptyAt });
}

/** 0: too short to be worth it. */
function leaseLife({ quota, windowMs, burst }: Terms): number {
  const lifeMs = quota === 0 ? 0 : Math.floor((burst * windowMs) / (leasesABurst * quota));
  return lifeMs < leastLeaseMs ? 0 : lifeMs;
}

function ceilDivide(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}
