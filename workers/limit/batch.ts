/**
 * Requests that wait together for one budget's tokens: one call asks for all of them. Plain data, shared by requests:
 * each waiter spends for itself when it wakes, so one that was cancelled consumes nothing.
 */
import type { ChargeAnswer, RuleVersion } from "../../durable-objects/limiter/contract.ts";
import type { LimitInForce } from "./taken.ts";

/** One charge that was asked for, and how much of it has gone back so far. */
export interface Charge {
  readonly id: string;
  returned: number;
}

export type BatchOutcome =
  | {
      readonly kind: "answered";
      readonly answer: Exclude<ChargeAnswer, { kind: "outdated" }>;
      readonly charge: Charge;
    }
  /** The rule has changed meanwhile: ask again under the newer one. */
  | { readonly kind: "outdated"; readonly version: NonNullable<RuleVersion> }
  | { readonly kind: "unreachable" };

export class Batch {
  /** What the first one needs: the least that helps. */
  readonly cost: number;
  /** What all of them need. */
  demand: number;
  /** Tokens that were granted to those who wait here and are not taken yet. */
  pot = 0;
  outcome: BatchOutcome | null = null;
  /** The rule that its call named; null before that. */
  limit: LimitInForce | null = null;
  readonly #ended = Promise.withResolvers<null>();

  constructor(cost: number) {
    this.cost = cost;
    this.demand = cost;
  }

  get ended(): Promise<null> {
    return this.#ended.promise;
  }

  end(outcome: BatchOutcome): void {
    if (this.outcome !== null) return;
    this.outcome = outcome;
    if (outcome.kind === "answered" && outcome.answer.kind === "granted") this.pot = outcome.answer.tokens;
    this.#ended.resolve(null);
  }
}
