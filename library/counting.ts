/** What an algorithm brings along, so that who does not use it does not bundle it. */
import type { Ask, LimitInForce, Taken, Waits } from "../workers/limit/taken.ts";
import type { LimitOutcome } from "./limit.ts";

export interface Counting<Outcome extends LimitOutcome> {
  /** The item of `RateLimit-Policy`. */
  policyOf(limit: LimitInForce, quota: number): string;
  take(ask: Ask, context: Waits, client?: AbortSignal): Promise<Outcome>;
}

export function outcomeOf(taken: Taken): LimitOutcome {
  const { allowed: success, quota, ...outcome } = taken;
  // Nobody's plan is "unlimited" here.
  return { success, ...outcome, limit: quota as number };
}
