/**
 * One counter and those who take from it, for a while that follows from a seed: singles and leases, spent at any moment
 * that the taker's own clock allows, given back in part and late; crashes that leave an image and what may have gone
 * since. What was admitted is listed with its true time, to be judged from the list alone.
 */
import type { Ask, Counter, Grant, Terms } from "../../durable-objects/limiter/counter.ts";

export interface Spent {
  readonly at: number;
  readonly tokens: number;
}

export interface Kind {
  readonly fresh: () => Counter;
  readonly restore: (image: string) => Counter | null;
  readonly terms: (random: Random) => Terms;
}

export interface Life {
  readonly terms: Terms;
  readonly admitted: readonly Spent[];
  readonly leased: number;
  readonly returned: number;
}

interface Return {
  readonly at: number;
  readonly stamp: number;
  readonly tokens: number;
}

export const start = 1_700_000_000_000;
/** Clocks differ by 5 % either way, and one may stand still for so long, ms. */
const slowest = 0.95 / 1.05;
const fastest = 1.05 / 0.95;
const standstillMs = 50;

const plain: Ask = { cost: 1, demand: 1, lease: 0, paced: 0, nth: 1, isDebt: false };

/** What is offered is taken at once. */
export function charge(counter: Counter, wish: Partial<Ask>, terms: Terms, now: number): Grant {
  const cost = wish.cost ?? plain.cost;
  const ask = { ...plain, demand: cost, ...wish };
  counter.adopt(terms, now);
  const offered = counter.offer(ask, terms, now);
  if (offered.kind === "granted") counter.take(offered, ask, terms, now);
  return offered;
}

export function restored(read: Counter | null): Counter {
  if (read === null) throw new Error("expected the image to be read");
  return read;
}

export function live(seed: number, kind: Kind): Life {
  return new Takers(seed, kind).live();
}

class Takers {
  readonly #random: Random;
  readonly #kind: Kind;
  readonly #terms: Terms;
  readonly #admitted: Spent[] = [];
  #counter: Counter;
  #returns: Return[] = [];
  #saved: { readonly image: string; movedSince: number };
  #now = start;
  #leased = 0;
  #returned = 0;

  constructor(seed: number, kind: Kind) {
    this.#random = new Random(seed);
    this.#kind = kind;
    this.#terms = kind.terms(this.#random);
    this.#counter = kind.fresh();
    this.#saved = { image: this.#counter.image(), movedSince: 0 };
  }

  live(): Life {
    const steps = this.#random.between(10, 60);
    for (let step = 0; step < steps; step += 1) this.#step();
    return { terms: this.#terms, admitted: this.#admitted, leased: this.#leased, returned: this.#returned };
  }

  #step(): void {
    const dice = this.#random.between(1, 100);
    if (dice <= 60) this.#ask();
    else if (dice <= 95) this.#pass();
    else if (dice <= 98) this.#saved = { image: this.#counter.image(), movedSince: 0 };
    else this.#crash();
  }

  #ask(): void {
    const { quota, windowMs, burst } = this.#terms;
    const most = burst === 0 ? quota : burst;
    const cost = this.#random.between(0, Math.ceil(most / this.#random.between(1, 8)));
    const demand = cost + this.#random.between(0, 2);
    const lease = this.#random.isLucky(0.6) ? this.#random.between(0, most) : 0;
    const wish = { cost, demand, lease, nth: this.#random.between(1, 4) };
    const granted = charge(this.#counter, wish, this.#terms, this.#now);
    if (granted.kind === "granted") return this.#use(granted);
    // Just when it may be covered is when a counter that is off by a little would be seen to be.
    const retryMs = granted.retryMs ?? windowMs;
    if (this.#random.isLucky(0.3)) this.#passTo(this.#now + retryMs);
  }

  #use({ tokens, lease, moved, stamp }: Grant & { readonly kind: "granted" }): void {
    this.#saved.movedSince += moved;
    // A token that is not needed at once after all is kept in the lease, or given back some time.
    const kept = this.#random.isLucky(0.2) ? this.#random.between(0, tokens) : 0;
    if (tokens > kept) this.#admitted.push({ at: this.#now, tokens: tokens - kept });
    if (lease === null) return this.#giveBack(stamp, kept, this.#now + Math.ceil(this.#terms.windowMs * 1.2));
    const rate = slowest + this.#random.part() * (fastest - slowest);
    const sentAt = this.#now - this.#random.between(0, 20);
    const frozenMs = this.#random.between(0, standstillMs);
    const lastAt = Math.max(this.#now, Math.ceil(sentAt + frozenMs + lease.lifeMs / rate) - 1);
    let rest = lease.tokens + kept;
    for (let spendings = this.#random.between(0, 3); spendings > 0 && rest > 0; spendings -= 1) {
      const spent = spendings === 1 ? rest : this.#random.between(1, rest);
      const at = this.#random.isLucky(0.5) ? lastAt : this.#random.between(this.#now, lastAt);
      this.#admitted.push({ at, tokens: spent });
      this.#leased += spent;
      rest -= spent;
      if (this.#random.isLucky(0.3)) break;
    }
    if (this.#random.isLucky(0.6)) this.#giveBack(stamp, rest, lastAt + 200);
  }

  #giveBack(stamp: number, tokens: number, before: number): void {
    if (tokens > 0) this.#returns.push({ at: this.#random.between(this.#now, before), stamp, tokens });
  }

  #pass(): void {
    const { windowMs } = this.#terms;
    const dice = this.#random.between(1, 10);
    if (dice <= 4) this.#passTo(this.#now + this.#random.between(0, 60));
    else if (dice <= 8) this.#passTo(this.#now + this.#random.between(0, Math.ceil(windowMs / 4)));
    else this.#passTo(this.#now + this.#random.between(windowMs - 1, windowMs + 400));
  }

  #passTo(at: number): void {
    const due = this.#returns.filter((one) => one.at <= at).toSorted((one, other) => one.at - other.at);
    this.#returns = this.#returns.filter((one) => one.at > at);
    for (const one of due) {
      this.#now = Math.max(this.#now, one.at);
      this.#returned += this.#counter.putBack(one.stamp, one.tokens, this.#terms, this.#now);
    }
    this.#now = at;
  }

  /** All that went since the image was written may have gone at the last moment. */
  #crash(): void {
    const { image, movedSince } = this.#saved;
    this.#counter = restored(this.#kind.restore(image));
    if (movedSince > 0) this.#counter.assume(movedSince, this.#now + 1, this.#terms);
  }
}

/** mulberry32: small, and good enough to shuffle events. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to below 1. */
  part(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(least: number, most: number): number {
    return least + Math.floor(this.part() * (most - least + 1));
  }

  isLucky(part: number): boolean {
    return this.part() < part;
  }

  oneOf(numbers: readonly number[]): number {
    return numbers[this.between(0, numbers.length - 1)] ?? 0;
  }
}

/** A mistake: tokens that are leased are counted as if they were spent when they were granted. */
export function countsLeasesAsSpent(counter: Counter): Counter {
  return {
    adopt: (terms, now) => counter.adopt(terms, now),
    owed: (terms, now) => counter.owed(terms, now),
    offer: (ask, terms, now) => counter.offer(ask, terms, now),
    take: ({ kind, moved }, ask, terms, now) =>
      counter.take({ kind, tokens: moved, lease: null, moved, stamp: now }, ask, terms, now),
    putBack: () => 0,
    assume: (tokens, at, terms) => counter.assume(tokens, at, terms),
    lose: (tokens, at, terms) => counter.lose(tokens, at, terms),
    standing: (terms, now) => counter.standing(terms, now),
    endsAt: (terms) => counter.endsAt(terms),
    allowanceEndsAt: (terms, now) => counter.allowanceEndsAt(terms, now),
    image: () => counter.image(),
  };
}
