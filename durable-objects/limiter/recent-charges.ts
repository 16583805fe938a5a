/**
 * What was decided a moment ago, by request id: a retry finds its own answer, and only what is remembered here is ever
 * given back. Bounded in number and in age. Forgetting is harmless: a forgotten charge stays charged.
 */
import type { ChargeAnswer } from "./contract.ts";
import type { Terms } from "./counter.ts";

const mostKept = 4_096;
/** Longer than any caller goes on trying, or keeps a lease of a short window, ms. */
const keptMs = 60_000;

export interface Decision {
  readonly budget: string;
  readonly answer: ChargeAnswer;
  /** When it was made, by the object's clock. */
  readonly at: number;
  /** Names what was moved, and under which terms. */
  readonly stamp: number;
  readonly terms: Terms;
  /** What may be given back in all, and what was. */
  returnable: number;
  returned: number;
  /** Whether what a return told of counts is counted. */
  isTold: boolean;
}

export class RecentCharges {
  /** In the order of their making. */
  readonly #kept = new Map<string, Decision>();

  find(requestId: string): Decision | null {
    return this.#kept.get(requestId) ?? null;
  }

  keep(requestId: string, decision: Decision): void {
    this.#kept.set(requestId, decision);
    for (const [oldest, { at }] of this.#kept) {
      if (this.#kept.size <= mostKept && decision.at - at <= keptMs) return;
      this.#kept.delete(oldest);
    }
  }

  /** What was charged to this budget is gone for good: nothing of it comes back. */
  forget(budget: string): void {
    for (const decision of this.#kept.values()) if (decision.budget === budget) decision.returnable = 0;
  }
}
