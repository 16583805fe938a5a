/**
 * Sliding windows: in every interval of the window's length at most the quota, not only in those between two edges.
 *
 * Each grant is counted until it has left every interval that ends now: a window after it was charged; a leased one a
 * window after it was surely spent. So at every charge the tokens of the interval that ends with it are all counted,
 * and an interval that ends with a spending holds no more than the one that ended with the last charge before.
 */
import { guardOf } from "../platform/lease.ts";
import type { Ask, Counter, Grant, Standing, Terms } from "./counter.ts";
import { leasePart } from "./lease-share.ts";

/** A lease lives for this part of a window; below `leastLeaseMs` it is not worth its while. */
const leasesAWindow = 50;
const leastLeaseMs = 200;
/** Beyond these, neighbours are counted together, both as the later one: memory is bounded, and nothing admitted twice. */
const mostGrants = 256;

interface Counted {
  readonly stamp: number;
  readonly at: number;
  readonly isLeased: boolean;
  tokens: number;
}

export class SlidingWindow implements Counter {
  /** In the order of their time. */
  #counted: Counted[];
  #stamps: number;

  constructor({ counted, stamps }: Image = { v: 1, counted: [], stamps: 0 }) {
    this.#counted = counted.map((one) => ({ ...one }));
    this.#stamps = stamps;
  }

  offer(ask: Ask, terms: Terms, now: number): Grant {
    const left = terms.quota - this.#used(terms, now);
    const stamp = this.#stamps + 1;
    if (ask.isDebt) return { kind: "granted", tokens: ask.demand, lease: null, moved: ask.demand, stamp };
    if (terms.quota === 0 || ask.cost > left) {
      const isEver = terms.quota > 0 && ask.cost <= terms.quota;
      const retryMs = isEver ? this.#freeIn(ask.cost, terms, now) : null;
      return { kind: "refused", retryMs, sameForMs: this.#firstLeavesIn(terms, now) };
    }
    const tokens = Math.min(ask.demand, left);
    const lifeMs = leaseLife(terms);
    const leased = lifeMs === 0 ? 0 : Math.min(ask.lease, Math.floor((left - tokens) * leasePart(ask.nth)));
    const lease = leased === 0 ? null : { tokens: leased, lifeMs, everyMs: null };
    return { kind: "granted", tokens, lease, moved: tokens + leased, stamp };
  }

  take({ tokens, lease }: Grant & { readonly kind: "granted" }, _ask: Ask, _terms: Terms, now: number): void {
    this.#stamps += 1;
    const stamp = this.#stamps;
    // What a put-back finds first is what was leased: those who waited have mostly used theirs.
    if (lease !== null) this.#count({ stamp, at: now, isLeased: true, tokens: lease.tokens });
    if (tokens > 0) this.#count({ stamp, at: now, isLeased: false, tokens });
  }

  putBack(stamp: number, tokens: number, terms: Terms, now: number): number {
    let back = 0;
    for (const one of this.#counted) {
      if (one.stamp !== stamp || leavesAt(one, terms) <= now) continue;
      const here = Math.min(one.tokens, tokens - back);
      one.tokens -= here;
      back += here;
    }
    this.#counted = this.#counted.filter((one) => one.tokens > 0);
    return back;
  }

  assume(tokens: number, at: number, terms: Terms): void {
    this.#stamps += 1;
    this.#count({ stamp: this.#stamps, at, isLeased: leaseLife(terms) > 0, tokens });
  }

  standing(terms: Terms, now: number): Standing {
    const used = this.#used(terms, now);
    const remaining = Math.max(0, terms.quota - used);
    const resetMs = Math.max(0, this.endsAt(terms) - now);
    return { used, remaining, resetMs, sameForMs: this.#firstLeavesIn(terms, now) };
  }

  endsAt(terms: Terms): number {
    return this.#counted.reduce((latest, one) => Math.max(latest, leavesAt(one, terms)), 0);
  }

  allowanceEndsAt({ windowMs }: Terms, now: number): number {
    return now + windowMs;
  }

  image(): string {
    return JSON.stringify({ v: 1, counted: this.#counted, stamps: this.#stamps } satisfies Image);
  }

  #used(terms: Terms, now: number): number {
    this.#counted = this.#counted.filter((one) => leavesAt(one, terms) > now);
    return this.#counted.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  /** When `cost` fits if nobody else asks, ms. */
  #freeIn(cost: number, terms: Terms, now: number): number {
    let left = terms.quota - this.#used(terms, now);
    const leaving = this.#counted.toSorted((one, other) => leavesAt(one, terms) - leavesAt(other, terms));
    for (const one of leaving) {
      left += one.tokens;
      if (left >= cost) return leavesAt(one, terms) - now;
    }
    return 0;
  }

  #firstLeavesIn(terms: Terms, now: number): number {
    const first = this.#counted.reduce((soonest, one) => Math.min(soonest, leavesAt(one, terms)), Infinity);
    return first === Infinity ? 0 : Math.max(0, first - now);
  }

  #count(one: Counted): void {
    const last = this.#counted.at(-1);
    if (last?.at === one.at && last.isLeased === one.isLeased && last.stamp === one.stamp) last.tokens += one.tokens;
    else this.#counted = [...this.#counted, one].toSorted((a, b) => a.at - b.at);
    if (this.#counted.length > mostGrants) this.#merge();
  }

  /** The two closest neighbours become one, as late as the later and leased if either is. */
  #merge(): void {
    let closest = 1;
    for (let index = 2; index < this.#counted.length; index += 1) {
      if (this.#gapBefore(index) < this.#gapBefore(closest)) closest = index;
    }
    const [earlier, later] = [this.#counted[closest - 1], this.#counted[closest]];
    if (earlier === undefined || later === undefined) return;
    const merged = { ...later, isLeased: earlier.isLeased || later.isLeased, tokens: earlier.tokens + later.tokens };
    this.#counted.splice(closest - 1, 2, merged);
  }

  #gapBefore(index: number): number {
    return (this.#counted[index]?.at ?? 0) - (this.#counted[index - 1]?.at ?? 0);
  }
}

interface Image {
  readonly v: 1;
  readonly counted: readonly Counted[];
  readonly stamps: number;
}

export function freshSlidingWindow(): Counter {
  return new SlidingWindow();
}

export function restoreSlidingWindow(image: string): Counter | null {
  const { v, counted, stamps } = JSON.parse(image) as Partial<Image>;
  return v === 1 && Array.isArray(counted) && stamps !== undefined ? new SlidingWindow({ v, counted, stamps }) : null;
}

/** 0: too short to be worth it. */
function leaseLife({ windowMs }: Terms): number {
  const lifeMs = Math.floor(windowMs / leasesAWindow);
  return lifeMs < leastLeaseMs ? 0 : lifeMs;
}

/** By then it has left every interval that ends now. */
function leavesAt({ at, isLeased }: Counted, terms: Terms): number {
  return at + terms.windowMs + (isLeased ? guardOf(leaseLife(terms)) : 0);
}
