/**
 * The line to the limiter: one call under way for each budget, which asks for all who wait, and what its answer
 * teaches this isolate. A call outlives the request that began it; where it does not, who waits behind it goes on alone.
 */
import type { ChargeAnswer, ChargeRequest, LimiterContract, Rule } from "../../durable-objects/limiter/contract.ts";
import { Batch, type Charge } from "./batch.ts";
import { tell, untell } from "./counts.ts";
import { denialOf, type Denials } from "./denials.ts";
import { heldLease, isLive, withLease, type HeldLease } from "./held-lease.ts";
import type { KeyEntry } from "./key-book.ts";
import { patienceOf, reach, type Patience, type Reached } from "./reach.ts";
import type { SteadyClock } from "./steady-clock.ts";
import type { LimitInForce, Waits } from "./taken.ts";
import { wishOf } from "./wish.ts";

export interface ChargeLineParts {
  /** A fresh port to the single writer of a budget: after an exception the last one is dead. */
  readonly limiter: (limit: string, budget: string) => LimiterContract;
  readonly denied: () => Denials;
  readonly clock: SteadyClock;
  readonly wait: (ms: number) => Promise<void>;
}

/** One call to be made. */
export interface Errand {
  readonly entry: KeyEntry;
  readonly batch: Batch;
  readonly limit: LimitInForce;
  readonly quota: number;
}

interface Sent {
  readonly at: number;
  /** How often the clock had stepped backward by then. */
  readonly steps: number;
}

/** How long an unreachable limiter is left alone, ms: first, and at most. */
const shortestDownMs = 500;
const longestDownMs = 8_000;
/** A lease that is not touched for this part of its life is idle; never sooner or later than these, ms. */
const idlePart = 1 / 4;
const shortestIdleMs = 100;
const longestIdleMs = 2_000;
/** The platform ends what goes on after an answer at 30 s. */
const watchedMs = 25_000;

export class ChargeLine {
  readonly #parts: ChargeLineParts;
  /** Made at the first use: randomness is refused at module start. */
  #idPrefix: string | null = null;
  #ids = 0;
  #calls = 0;

  constructor(parts: ChargeLineParts) {
    this.#parts = parts;
  }

  /** Calls made so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Asks for a batch, and goes on with it after the request that began it. */
  send(errand: Errand, context: Waits): void {
    const { entry, batch, limit } = errand;
    const { clock } = this.#parts;
    const sent = { at: clock.now(), steps: clock.steps };
    if (entry.next === batch) entry.next = null;
    const request = this.#requestFor(errand, sent.at);
    entry.flight = { batch, expiresAt: sent.at + limit.timeoutMs + request.waitMs };
    context.waitUntil(this.#fly(errand, request, sent, context));
  }

  /** Asks for another lease when half of the last one is spent, and nobody asks already. */
  refill(entry: KeyEntry, limit: LimitInForce, quota: number, context: Waits): void {
    const last = entry.leases.at(-1);
    if (last === undefined || last.paced !== null || last.tokens * 2 > last.granted) return;
    const now = this.#parts.clock.now();
    if (entry.flight !== null || entry.next !== null || entry.limit !== limit || now < entry.downUntil) return;
    if (this.#parts.denied().find(entry.denyKey, 1, now) === null) {
      this.send({ entry, batch: new Batch(0), limit, quota }, context);
    }
  }

  /** Best effort: a return that is lost leaves too little, never too much. */
  giveBack(entry: KeyEntry, charge: Charge, tokens: number, context: Waits): void {
    context.waitUntil(this.putBack(entry, charge, tokens));
  }

  /** Ends when it is known there, or cannot be. */
  async putBack(entry: KeyEntry, charge: Charge, tokens: number): Promise<void> {
    this.#parts.denied().forget(entry.denyKey);
    const told = charge.returned === 0 ? tell(entry) : {};
    charge.returned += tokens;
    const request = { v: 1, requestId: charge.id, budget: entry.budget, returned: charge.returned, ...told } as const;
    const reached = await this.call(entry.limit.name, entry.budget, (limiter) => limiter.giveBack(request));
    if (reached.kind === "answered") return;
    // Beside those who wait for this: what is late may never come.
    void reached.late.then((late) => (late === null ? untell(entry, told) : undefined));
  }

  /** What is unspent of it goes back, and is nobody's to spend or to give back any more. */
  async putBackLease(entry: KeyEntry, lease: HeldLease): Promise<void> {
    const { tokens } = lease;
    lease.tokens = 0;
    if (tokens > 0) await this.putBack(entry, lease.charge, tokens);
  }

  /** One more call, which is made twice at most: what it asks for must be idempotent. */
  call<Answer>(
    limit: string,
    budget: string,
    ask: (limiter: LimiterContract) => Promise<Answer>,
    patience?: Patience,
  ): Promise<Reached<Answer>> {
    this.#calls += 1;
    return reach(() => ask(this.#parts.limiter(limit, budget)), patience);
  }

  /** Unique without randomness for each request, which shows in profiles. */
  newId(): string {
    this.#idPrefix ??= crypto.randomUUID();
    this.#ids += 1;
    return `${this.#idPrefix}.${this.#ids.toString(36)}`;
  }

  #requestFor({ entry, batch, limit, quota }: Errand, now: number): ChargeRequest {
    const rule = ruleOf(limit, quota);
    const { demand } = batch;
    // The first one may have left the line, and be dearer than those who are left.
    const cost = Math.min(batch.cost, demand);
    const wish = wishOf(entry, rule, cost, now);
    return { v: 1, requestId: this.newId(), rule, budget: entry.budget, cost, demand, ...wish, ...tell(entry) };
  }

  async #fly(errand: Errand, request: ChargeRequest, sent: Sent, context: Waits): Promise<void> {
    const { entry, batch, limit } = errand;
    const charge = { id: request.requestId, returned: 0 };
    const patience = patienceOf(limit.timeoutMs, request.waitMs);
    const reached = await this.call(limit.name, entry.budget, (limiter) => limiter.charge(request), patience);
    if (entry.flight?.batch === batch) entry.flight = null;
    if (reached.kind === "answered") {
      const lease = this.#learn(errand, request, charge, reached.answer, sent);
      if (batch.pot > 0) context.waitUntil(this.#empty(entry, batch, charge));
      if (lease === null) return;
      if (entry.limit === limit) return this.#watch(entry, lease);
      // The rule has changed meanwhile: what the older one gave is not spent.
      if (lease.paced === null) return this.putBack(entry, charge, lease.tokens);
      return;
    }
    console.warn({ event: "limiter_unreachable", limit: limit.name, onError: limit.onError, reason: reached.reason });
    entry.downMs = Math.min(longestDownMs, Math.max(shortestDownMs, entry.downMs * 2));
    entry.downUntil = this.#parts.clock.now() + entry.downMs;
    batch.end({ kind: "unreachable" });
    // Refused requests cost nothing: should the charge have been made after all, it goes back.
    const late = await reached.late;
    if (late === null || late.kind === "outdated") untell(entry, request);
    if (late?.kind === "granted") await this.putBack(entry, charge, tokensOf(late));
  }

  #learn(
    { entry, batch, limit }: Errand,
    request: ChargeRequest,
    charge: Charge,
    answer: ChargeAnswer,
    sent: Sent,
  ): HeldLease | null {
    const { denied, clock } = this.#parts;
    const now = clock.now();
    entry.downMs = 0;
    if (answer.kind === "outdated") {
      untell(entry, request);
      batch.end({ kind: "outdated", version: answer.version });
      return null;
    }
    entry.nth = answer.window === entry.window ? request.nth : 1;
    entry.window = answer.window;
    entry.windowEndsAt = now + answer.resetMs;
    entry.remaining = answer.remaining;
    if (answer.denyMs > 0) denied().learn(entry.denyKey, denialOf(answer, sent.at, now), now);
    // A lease runs from its sending, and after a step backward that moment is not on this clock any more.
    const granted = answer.kind === "granted" && clock.steps === sent.steps ? answer.lease : null;
    const window = request.rule.algorithm === "fixed-window" ? answer.window : null;
    const lease = granted === null ? null : heldLease(charge, granted, sent.at, window);
    if (lease !== null && entry.limit === limit) entry.leases = withLease(entry.leases, lease, now);
    batch.end({ kind: "answered", answer, charge });
    return lease;
  }

  /** What those who waited have not taken goes back: they have gone, or want more than there is. */
  async #empty(entry: KeyEntry, batch: Batch, charge: Charge): Promise<void> {
    await this.#parts.wait(shortestIdleMs);
    const { pot } = batch;
    batch.pot = 0;
    if (pot > 0) await this.putBack(entry, charge, pot);
  }

  /** Tokens that nobody spends here go back while others may want them: where they are many of what is left. */
  async #watch(entry: KeyEntry, lease: HeldLease): Promise<void> {
    if (lease.paced !== null || lease.tokens * 4 < entry.remaining) return;
    const lifeMs = lease.endsAt - lease.sentAt;
    const idleMs = Math.min(longestIdleMs, Math.max(shortestIdleMs, Math.floor(lifeMs * idlePart)));
    for (let spendings = -1, waited = 0; waited < watchedMs; waited += idleMs) {
      await this.#parts.wait(idleMs);
      if (lease.tokens === 0 || !isLive(lease, this.#parts.clock.now())) return;
      if (lease.spendings === spendings || (spendings === -1 && lease.spendings === 0)) {
        return this.putBackLease(entry, lease);
      }
      ({ spendings } = lease);
    }
  }
}

export function ruleOf({ algorithm, name, version, windowMs, burst }: LimitInForce, quota: number): Rule {
  return { algorithm, name, version, quota, windowMs, burst };
}

function tokensOf({ tokens, lease }: ChargeAnswer & { readonly kind: "granted" }): number {
  return tokens + (lease?.everyMs === null ? lease.tokens : 0);
}
