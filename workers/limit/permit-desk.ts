/**
 * Limits of requests at once: where an isolate takes permits, renews them and lets go of them. It leases permits of a
 * budget for all of its requests together, so that a request which finds one free is let in without a call. Several
 * limits are all or nothing: what was taken before one of them refused is free again at once.
 */
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";
import type { Brake } from "./fresh-keys.ts";
import { PermitBook, type PermitEntry } from "./permit-book.ts";
import { PermitClock } from "./permit-clock.ts";
import { PermitLine } from "./permit-line.ts";
import { PermitRoom, type Permit, type PermitClaim } from "./permit-room.ts";
import { PermitStay } from "./permit-stay.ts";
import type { Rules } from "./rules.ts";
import type { Ask, LimitInForce, Taken, Waits } from "./taken.ts";

export interface PermitDeskParts {
  readonly rules: Rules;
  /** A fresh port to the single writer of a budget: after an exception the last one is dead. */
  readonly limiter: (limit: string, budget: string) => LimiterContract;
  /** All limits are in shadow mode. */
  readonly isAllShadow: boolean;
  /** ms since 1970. */
  readonly clock?: () => number;
  readonly wait?: (ms: number) => Promise<void>;
  /** Calls once after so many ms; the answer ends that. */
  readonly after?: (ms: number, call: () => void) => () => void;
  /** Whether one more object call is affordable; always, without a cap. */
  readonly affords?: (context: Waits) => boolean | Promise<boolean>;
  /** On floods of fresh keys; none where no ask names a neighbourhood. */
  readonly brake?: Brake;
}

export interface PermitsTaken {
  readonly allowed: boolean;
  /** In the order of the asks; null for those that were not needed to refuse. */
  readonly taken: readonly (Taken | null)[];
  /** null where nothing is held: refused, unlimited, or let by without a permit. */
  readonly stay: PermitStay | null;
}

/** How long permits lie idle before they are given back, ms; and for how long that is looked after. */
const idleMs = 300;
const watchedMs = 25_000;
/** Between two looks at the rules for those who come, ms. A limiter tells of a newer one anyway. */
const rulesEveryMs = 10_000;
/** How long a renewal waits for what is believed of the rules to be current, ms. */
const patienceForRulesMs = 300;

export class PermitDesk {
  readonly #rules: Rules;
  readonly #isAllShadow: boolean;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #after: (ms: number, call: () => void) => () => void;
  readonly #clock: PermitClock;
  readonly #book = new PermitBook();
  readonly #line: PermitLine;
  readonly #room: PermitRoom;
  #steps = 0;
  #rulesAt = -Infinity;

  constructor(parts: PermitDeskParts) {
    const { rules, limiter, isAllShadow, clock = Date.now, wait = sleep, after = timer } = parts;
    const { affords = () => true, brake = () => 0 } = parts;
    this.#rules = rules;
    this.#isAllShadow = isAllShadow;
    this.#wait = wait;
    this.#after = after;
    this.#clock = new PermitClock(clock);
    const line = new PermitLine({ limiter, rules, clock: this.#clock });
    const enforces = (limit: LimitInForce) => this.enforces(limit);
    this.#line = line;
    this.#room = new PermitRoom({ book: this.#book, line, rules, enforces, affords, brake, now: () => this.#now() });
  }

  /** For people and for tests: object calls made so far, and budgets that are remembered. */
  get load(): { readonly calls: number; readonly entries: number } {
    return { calls: this.#line.calls, entries: this.#book.size };
  }

  enforces({ mode }: LimitInForce): boolean {
    return mode === "enforce" && !this.#isAllShadow;
  }

  /** All or nothing. At most one ask for each budget. */
  take(asks: readonly Ask[], context: Waits): PermitsTaken | Promise<PermitsTaken> {
    this.#lookAtRules(context);
    const claims: PermitClaim[] = [];
    for (const ask of asks) {
      const claim = this.#room.known(ask);
      if (claim === null) return this.#takeSlowly(asks, claims, context);
      claims.push(claim);
      if (!claim.taken.allowed) break;
    }
    return this.#conclude(asks, claims, context);
  }

  async #takeSlowly(asks: readonly Ask[], claims: PermitClaim[], context: Waits): Promise<PermitsTaken> {
    // A request that goes away while it waits for one permit leaves those that it has: they end by themselves.
    try {
      for (const ask of asks.slice(claims.length)) {
        const claim = await this.#room.claim(ask, context);
        claims.push(claim);
        if (!claim.taken.allowed) break;
      }
    } catch (error) {
      this.#release(permitsOf(claims), context);
      throw error;
    }
    return this.#conclude(asks, claims, context);
  }

  #conclude(asks: readonly Ask[], claims: readonly PermitClaim[], context: Waits): PermitsTaken {
    const permits = permitsOf(claims);
    const refusing = claims.findIndex(({ taken }) => !taken.allowed);
    if (refusing === -1) {
      const taken = claims.map((claim) => claim.taken);
      return { allowed: true, taken, stay: permits.length === 0 ? null : this.#stay(permits, context) };
    }
    this.#release(permits, context);
    const taken = asks.map((_ask, index) => (index === refusing ? (claims[index]?.taken ?? null) : null));
    return { allowed: false, taken, stay: null };
  }

  #stay(permits: readonly Permit[], context: Waits): PermitStay {
    const held = new Set(permits);
    const stay = new PermitStay({
      after: this.#after,
      now: () => this.#now(),
      passed: (at) => void this.#clock.passed(at),
      look: () => this.#look(held, context),
      release: () => this.#release([...held], context),
    });
    context.waitUntil(stay.ended);
    return stay;
  }

  /** Renews what is due. What needs no permit any more, or must not be ended for the lack of one, goes on without. */
  #look(held: Set<Permit>, context: Waits): number | "over" | null {
    const now = this.#now();
    let next = Infinity;
    for (const permit of held) {
      const { ask, entry, run } = permit;
      const limit = this.#rules.find(ask.limit.name) ?? ask.limit;
      const quota = ask.amountOf(limit.quota);
      const inMs = entry.pool.look(run, now);
      if (inMs === "over" && this.enforces(limit) && limit.onError !== "open" && quota !== "unlimited") return "over";
      if (inMs === "over" || quota === "unlimited") {
        entry.pool.end(run);
        held.delete(permit);
        continue;
      }
      this.#renew(permit, context);
      next = Math.min(next, inMs);
    }
    return held.size === 0 ? null : next;
  }

  /** By the rule that holds now, where that can be known soon. */
  #renew(permit: Permit, context: Waits): void {
    if (!this.#isDue(permit)) return;
    const current = this.#rules.current(context);
    if (current instanceof Promise) {
      context.waitUntil(inTime(current, patienceForRulesMs).then(() => this.#send(permit, context)));
    } else this.#send(permit, context);
  }

  #isDue({ entry }: Permit): boolean {
    const now = this.#now();
    return entry.pool.isDue(now) && now >= entry.downUntil && this.#line.flightOf(entry, now) === null;
  }

  #send(permit: Permit, context: Waits): void {
    if (!this.#isDue(permit)) return;
    const { ask, entry } = permit;
    const limit = this.#rules.find(ask.limit.name) ?? ask.limit;
    const quota = ask.amountOf(limit.quota);
    if (quota !== "unlimited") this.#line.send({ entry, limit, quota, isBare: false }, context);
  }

  #release(permits: readonly Permit[], context: Waits): void {
    for (const { entry, run, ask } of permits) {
      entry.pool.end(run);
      const now = this.#now();
      if (now < entry.watchedUntil || entry.pool.idle(now) === 0 || entry.pool.isPlenty(now)) continue;
      context.waitUntil(this.#watch(entry, ask, context));
    }
  }

  /** Permits that nobody uses here go back while others may want them. */
  async #watch(entry: PermitEntry, ask: Ask, context: Waits): Promise<void> {
    for (let waited = 0; waited < watchedMs; waited += idleMs) {
      const { admitted } = entry.pool;
      entry.watchedUntil = this.#now() + idleMs * 2;
      await this.#wait(idleMs);
      const now = this.#now();
      if (entry.pool.idle(now) === 0) break;
      if (entry.pool.admitted !== admitted || this.#line.flightOf(entry, now) !== null) continue;
      const limit = this.#rules.find(ask.limit.name) ?? ask.limit;
      const quota = ask.amountOf(limit.quota);
      if (quota !== "unlimited" && now >= entry.downUntil) {
        this.#line.send({ entry, limit, quota, isBare: true }, context);
      }
      break;
    }
    entry.watchedUntil = 0;
  }

  /** Beside the request: what changed meanwhile holds from the next renewal. */
  #lookAtRules(context: Waits): void {
    const now = this.#now();
    if (now - this.#rulesAt < rulesEveryMs) return;
    this.#rulesAt = now;
    const current = this.#rules.current(context);
    if (current instanceof Promise) context.waitUntil(current);
  }

  #now(): number {
    const now = this.#clock.now();
    if (this.#clock.steps !== this.#steps) {
      this.#steps = this.#clock.steps;
      this.#book.distrust();
    }
    return now;
  }
}

function permitsOf(claims: readonly PermitClaim[]): Permit[] {
  return claims.flatMap(({ permit }) => (permit === null ? [] : [permit]));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function timer(ms: number, call: () => void): () => void {
  const id = setTimeout(call, ms);
  return () => clearTimeout(id);
}
