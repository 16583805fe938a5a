/**
 * How much an asker may use: the same for everybody, or what the plan in a claim of the token says. A claim with
 * several values is several plans at once, and the highest of them holds.
 */
import type { Quota, QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import type { Identity } from "../token/identity.ts";

/** `else` holds for who has no identity, no such claim, or no plan that is in the table. */
export function quotaFor(quota: Quota, identity: Pick<Identity, "claims"> | null): QuotaAmount {
  if (typeof quota !== "object") return quota;
  let highest: QuotaAmount | null = null;
  for (const plan of plansOf(identity, quota.claim)) {
    // A token may say "constructor": only what was written in the table is a plan.
    const amount = Object.hasOwn(quota.of, plan) ? quota.of[plan] : undefined;
    if (amount !== undefined && (highest === null || isHigher(amount, highest))) highest = amount;
  }
  return highest ?? quota.else;
}

/** Every amount that may hold for somebody. */
export function amountsOf(quota: Quota): readonly QuotaAmount[] {
  return typeof quota === "object" ? [...Object.values(quota.of), quota.else] : [quota];
}

function plansOf(identity: Pick<Identity, "claims"> | null, claim: string): readonly string[] {
  if (identity === null || !Object.hasOwn(identity.claims, claim)) return [];
  const value = identity.claims[claim];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((each) =>
    typeof each === "string" || typeof each === "number" || typeof each === "boolean" ? [String(each)] : [],
  );
}

function isHigher(one: QuotaAmount, other: QuotaAmount): boolean {
  return other !== "unlimited" && (one === "unlimited" || one > other);
}
