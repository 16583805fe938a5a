/** What is asked of limits, and what comes of it: the words that the gate, the mesh API and the libraries share. */
import type { Quota, QuotaAmount, RuleVersion } from "../../durable-objects/limiter/contract.ts";
import type { Limit } from "../config/mesh.ts";

/** A limit with the live change that is in force, if any. */
export interface LimitInForce extends Limit {
  readonly version: RuleVersion;
}

export interface Ask {
  readonly limit: LimitInForce;
  /** What this asker's plan says of a quota: asked again when the limit's rule turns out to have changed. */
  readonly amountOf: (quota: Quota) => QuotaAmount;
  readonly budget: string;
  /** A whole number from 0 to `maxTokens`. */
  readonly cost: number;
  /**
   * Whose fresh budgets are counted together: a network of addresses, when the budget is made of what anybody may
   * choose. null when it is not, or when the asker is known.
   */
  readonly neighbourhood: string | null;
}

/** What one limit said. */
export interface Taken {
  /** What holds for the caller: in shadow mode always true. */
  readonly allowed: boolean;
  /** Tokens the budget still has, as far as is known; 0 when it is not. */
  readonly remaining: number;
  /** Until the budget is as good as new if nobody asks, ms. */
  readonly resetMs: number;
  /** With a refusal: when asking again may help, ms; absent when it never does. */
  readonly retryAfterMs?: number;
  readonly answeredBy: "lease" | "limiter" | "deny_cache" | "fallback";
  readonly quota: number | "unlimited";
}

/** Of several limits, all or nothing. `taken` is in the order of the asks; null for those that were not needed to refuse. */
export interface TakenAll {
  readonly allowed: boolean;
  readonly taken: readonly (Taken | null)[];
}

/** What of an execution context is needed: work that goes on after the answer. */
export type Waits = Pick<ExecutionContext, "waitUntil">;
