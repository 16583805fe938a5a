/**
 * The line to the limiter for permits: one call under way for each budget, which says what runs here and what is wanted
 * in all. Every attempt has a turn of its own, so that one which comes late changes nothing.
 */
import type { HoldAnswer, HoldRequest, LimiterContract } from "../../durable-objects/limiter/contract.ts";
import { ruleOf } from "./charge-line.ts";
import { tell, untell, type Told } from "./counts.ts";
import type { HoldFlight, PermitEntry } from "./permit-book.ts";
import type { PermitClock } from "./permit-clock.ts";
import type { HoldAsked, HoldSent } from "./permit-pool.ts";
import { patienceOf, reach } from "./reach.ts";
import type { Rules } from "./rules.ts";
import type { LimitInForce, Waits } from "./taken.ts";

export interface PermitLineParts {
  readonly limiter: (limit: string, budget: string) => LimiterContract;
  readonly rules: Rules;
  readonly clock: PermitClock;
}

export interface HoldErrand {
  readonly entry: PermitEntry;
  readonly limit: LimitInForce;
  readonly quota: number;
  /** Nothing is kept to spare. */
  readonly isBare: boolean;
}

interface Heard {
  readonly sent: HoldSent;
  readonly steps: number;
  readonly answer: HoldAnswer;
  readonly told: Told;
}

/** How long an unreachable limiter is left alone, ms: first, and at most. Permits are short, so these are. */
const shortestDownMs = 250;
const longestDownMs = 2_000;

export class PermitLine {
  readonly #parts: PermitLineParts;
  /** Made at the first use: randomness is refused at module start. */
  #holder: string | null = null;
  /** Of all budgets together: it goes on where a budget was forgotten and came back. */
  #turn = 0;
  #calls = 0;

  constructor(parts: PermitLineParts) {
    this.#parts = parts;
  }

  /** Calls made so far. */
  get calls(): number {
    return this.#calls;
  }

  /** The call that is under way; null when there is none that may be believed in. */
  flightOf({ flight }: PermitEntry, now: number): HoldFlight | null {
    return flight !== null && now < flight.expiresAt ? flight : null;
  }

  send(errand: HoldErrand, context: Waits): HoldFlight {
    const { entry, limit, quota, isBare } = errand;
    const now = this.#parts.clock.now();
    const asked = entry.pool.ask(quota, entry.wish.count, isBare, now);
    entry.wish = { count: 0 };
    const { promise: ended, resolve } = Promise.withResolvers<null>();
    const flight: HoldFlight = { ended, expiresAt: now + limit.timeoutMs };
    entry.flight = flight;
    context.waitUntil(this.#fly(errand, asked, flight).finally(() => resolve(null)));
    return flight;
  }

  async #fly(errand: HoldErrand, asked: HoldAsked, flight: HoldFlight): Promise<void> {
    const { entry, limit } = errand;
    this.#calls += 1;
    const reached = await reach(() => this.#attempt(errand, asked), patienceOf(limit.timeoutMs, 0));
    if (entry.flight === flight) entry.flight = null;
    if (reached.kind === "answered") return this.#learn(entry, reached.answer);
    console.warn({ event: "limiter_unreachable", limit: limit.name, onError: limit.onError, reason: reached.reason });
    entry.downMs = Math.min(longestDownMs, Math.max(shortestDownMs, entry.downMs * 2));
    entry.downUntil = this.#parts.clock.now() + entry.downMs;
    // Beside those who wait: they go by what is known now.
    void reached.late.then((late) => (late === null ? undefined : this.#learn(entry, late)));
  }

  async #attempt({ entry, limit, quota }: HoldErrand, asked: HoldAsked): Promise<Heard> {
    const { clock, limiter } = this.#parts;
    this.#holder ??= crypto.randomUUID();
    this.#turn += 1;
    const sent: HoldSent = { asked, turn: this.#turn, sentAt: clock.now() };
    const { steps } = clock;
    const { inUse, wanted } = asked;
    const { budget } = entry;
    // Once: an attempt that is lost takes them along.
    const told = tell(entry);
    const request: HoldRequest = {
      v: 1,
      rule: ruleOf(limit, quota),
      budget,
      holder: this.#holder,
      inUse,
      wanted,
      turn: sent.turn,
      ...told,
    };
    const answer = await limiter(entry.limit, budget).hold(request);
    if (answer.kind === "held" && answer.lifeMs === 0) throw new Error("another attempt came before this one");
    return { sent, steps, answer, told };
  }

  #learn(entry: PermitEntry, { sent, steps, answer, told }: Heard): void {
    const { clock, rules } = this.#parts;
    const now = clock.now();
    entry.downMs = 0;
    entry.downUntil = 0;
    if (answer.kind === "outdated") {
      untell(entry, told);
      rules.hear(entry.limit, answer.version);
      entry.pool.forgo(sent.asked);
    } else if (clock.steps === steps) entry.pool.learn(sent, answer, now);
  }
}
