/**
 * The edge half of limits: where an isolate takes tokens. It answers by itself what it can prove (leased, refused a
 * moment ago, unlimited, quota 0), asks the limiter for the rest, and holds to the limit's policy when that cannot be
 * reached. Several limits are all or nothing: what was taken before one of them refused is put back.
 */
import { inTime } from "../../durable-objects/platform/deadline.ts";
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";
import { unlimited } from "./answered.ts";
import type { Denials } from "./denials.ts";
import { ChargeLine } from "./charge-line.ts";
import type { Brake } from "./fresh-keys.ts";
import { keyOf, Knowledge } from "./knowledge.ts";
import type { Rules } from "./rules.ts";
import { SteadyClock } from "./steady-clock.ts";
import type { Ask, LimitInForce, Taken, TakenAll, Waits } from "./taken.ts";
import { WaitingRoom } from "./waiting-room.ts";

export type { Rules } from "./rules.ts";

export interface LimitDeskParts {
  readonly rules: Rules;
  /** A fresh port to the single writer of a budget: after an exception the last one is dead. */
  readonly limiter: (limit: string, budget: string) => LimiterContract;
  /** Where refusals are kept; the seed is two random words. */
  readonly denials: (seed: readonly [number, number]) => Denials;
  /** All limits are in shadow mode. */
  readonly isAllShadow: boolean;
  /** ms since 1970. */
  readonly clock?: () => number;
  readonly wait?: (ms: number) => Promise<void>;
  /** Whether one more object call is affordable; always, without a cap. */
  readonly affords?: (context: Waits) => boolean | Promise<boolean>;
  /** On floods of fresh keys; none where no ask names a neighbourhood. */
  readonly brake?: Brake;
}

/** `asks`: the same under newer rules, where these decided. What is told of a limit is told of the rule that decided. */
export interface Decided extends TakenAll {
  readonly asks?: readonly Ask[];
}

/** How long a request waits until the rules are current, ms: for two regions in turn. Then it goes by what is known. */
const patienceForRulesMs = 500;
/** How long nobody waits for that again, when it was in vain, ms. */
const restAfterVainMs = 1_000;

export class LimitDesk {
  readonly #rules: Rules;
  readonly #isAllShadow: boolean;
  readonly #clock: SteadyClock;
  readonly knowledge: Knowledge;
  readonly line: ChargeLine;
  readonly #room: WaitingRoom;
  /** When the rules were last known to be current: in the same ms they are not looked at again. */
  #currentAt = -Infinity;
  /** What is believed of the rules could not be renewed: until then requests go by it as it is. */
  #restsUntil = -Infinity;

  constructor(parts: LimitDeskParts) {
    const { rules, limiter, isAllShadow, denials, clock = Date.now, wait = sleep } = parts;
    const { affords = () => true, brake = () => 0 } = parts;
    const enforces = (limit: LimitInForce) => this.enforces(limit);
    this.#rules = rules;
    this.#isAllShadow = isAllShadow;
    this.#clock = new SteadyClock(clock);
    const knowledge = new Knowledge({ enforces, denials, resets: (name) => rules.resets(name) });
    const line = new ChargeLine({ limiter, denied: () => knowledge.denied, clock: this.#clock, wait });
    this.knowledge = knowledge;
    this.line = line;
    this.#room = new WaitingRoom({ knowledge, line, rules, enforces, affords, brake, clock: this.#clock });
  }

  /** For people and for tests: object calls made so far, and what is remembered. */
  get load(): { readonly calls: number; readonly entries: number; readonly denials: number } {
    const { book, denied } = this.knowledge;
    return { calls: this.line.calls, entries: book.size, denials: denied.entries };
  }

  /** In force now, as far as is known. */
  limits(): ReadonlyMap<string, LimitInForce> {
    return this.#rules.all();
  }

  find(name: string): LimitInForce | undefined {
    return this.#rules.find(name);
  }

  enforces({ mode }: LimitInForce): boolean {
    return mode === "enforce" && !this.#isAllShadow;
  }

  /** Waits, not for long, until what is believed of the rules is current. */
  async current(context: Waits): Promise<void> {
    const current = this.#rules.current(context);
    if (current !== true) await this.#wait(current);
  }

  /**
   * All or nothing. At most one ask for each budget. Goes by rules that are current, as far as it can be: a change that
   * everybody has acknowledged decides whatever is asked from then on.
   */
  take(asks: readonly Ask[], context: Waits): Decided | Promise<Decided> {
    const now = this.observed();
    if (now === this.#currentAt || now < this.#restsUntil) return this.#take(asks, context, now);
    const current = this.#rules.current(context);
    if (current !== true) return this.#takeRenewed(asks, context, current);
    this.#currentAt = now;
    this.#restsUntil = -Infinity;
    return this.#take(asks, context, now);
  }

  #take(asks: readonly Ask[], context: Waits, now: number): Decided | Promise<Decided> {
    let isReady = true;
    for (const [index, ask] of asks.entries()) {
      const known = this.knowledge.lookAt(ask, now);
      if (known === "ask") isReady = false;
      else if (known !== "leased" && !known.allowed) {
        this.knowledge.countRefused(ask);
        return refusedAt(asks, index, known);
      }
    }
    if (!isReady) return this.#takeSlowly(asks, context);
    return { allowed: true, taken: asks.map((ask) => this.#takeKnown(ask, context, now)) };
  }

  /** The time; after a step backward no lease holds. */
  observed(): number {
    const { steps } = this.#clock;
    const now = this.#clock.now();
    if (this.#clock.steps !== steps) {
      this.knowledge.book.endLeases();
      this.#restsUntil = -Infinity;
    }
    return now;
  }

  async #takeRenewed(asks: readonly Ask[], context: Waits, current: Promise<unknown>): Promise<Decided> {
    await this.#wait(current);
    const renewed = asks.map((ask) => ({ ...ask, limit: this.find(ask.limit.name) ?? ask.limit }));
    return { asks: renewed, ...(await this.#take(renewed, context, this.observed())) };
  }

  /** While it is in vain one request a while waits, and the others go by what is known. */
  async #wait(current: Promise<unknown>): Promise<void> {
    if (this.#restsUntil > -Infinity) this.#restsUntil = this.#clock.now() + restAfterVainMs;
    const waited = await inTime(current, patienceForRulesMs);
    const isCurrent = waited.kind === "answered" && waited.answer !== false;
    this.#restsUntil = isCurrent ? -Infinity : this.#clock.now() + restAfterVainMs;
  }

  /** Every ask is leased, or known to be refused in shadow mode. */
  #takeKnown(ask: Ask, context: Waits, now: number): Taken {
    const claim = this.knowledge.fromLease(ask, now);
    if (claim === null) {
      const known = this.knowledge.lookAt(ask, now);
      if (typeof known !== "object") return unlimited();
      this.knowledge.countRefused(ask);
      return known;
    }
    if (ask.limit.onError === "leased") this.#refill(ask, context);
    return claim.taken;
  }

  /** Early, and beside the request: when the limiter goes away there is something to spend. */
  #refill({ limit, budget, amountOf }: Ask, context: Waits): void {
    const quota = amountOf(limit.quota);
    const entry = this.knowledge.book.find(limit.name, keyOf(limit, budget, quota));
    if (quota !== "unlimited" && entry !== undefined) this.line.refill(entry, limit, quota, context);
  }

  async #takeSlowly(asked: readonly Ask[], context: Waits): Promise<Decided> {
    const claims = await Promise.all(asked.map((ask) => this.#room.claim(ask, context)));
    const asks = claims.map(({ ask }) => ask);
    const refusing = claims.findIndex(({ taken }) => !taken.allowed);
    if (refusing === -1) return { allowed: true, taken: claims.map(({ taken }) => taken), asks };
    for (const claim of claims) if (claim.taken.allowed) claim.undo?.();
    return { ...refusedAt(asks, refusing, claims[refusing]?.taken ?? null), asks };
  }
}

/** Of the others nothing is told: nothing was taken from them. */
function refusedAt(asks: readonly Ask[], at: number, refused: Taken | null): TakenAll {
  return { allowed: false, taken: asks.map((_ask, index) => (index === at ? refused : null)) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
