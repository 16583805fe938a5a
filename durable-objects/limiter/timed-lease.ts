/**
 * Grants where no window's end ends a lease: it lives a while from when it was asked for. Until its guard is over
 * nobody but the taker knows when its tokens are spent, so all tokens of such a grant are dated by the last moment at
 * which they can be. The ones that were asked for at once are dated the same: a taker that does not need one of them
 * after all may keep it in the lease, or give it back, and nobody here knows which one it was.
 */
import { guardOf } from "../platform/lease.ts";
import type { TokenLease } from "./contract.ts";
import type { Ask, Grant } from "./counter.ts";

/** Shorter leases would be over before they are of use, ms. */
const shortestLifeMs = 200;

/**
 * Of a budget of fewer tokens none is leased: what lies at one edge would be missing at the next one to which its only
 * client comes.
 */
const leastLeasedOf = 50;

/** What is left at the first and the second asking is not all for one: others may come. */
const parts = [1 / 2, 3 / 4];

export type Granted = Grant & { readonly kind: "granted" };

/** Whether leases of this life are given at all. */
function isLeasable(lifeMs: number): boolean {
  return lifeMs >= shortestLifeMs;
}

/** By when tokens that are granted at `at` are spent at the latest, when it is not known how they were granted. */
export function spentBy(at: number, lifeMs: number): number {
  return isLeasable(lifeMs) ? at + guardOf(lifeMs) : at;
}

/** What there is to grant from. */
export interface Stock {
  readonly left: number;
  /** The most that there can be. */
  readonly most: number;
  /** How long a lease of it lives. */
  readonly lifeMs: number;
}

/** Grants what is asked for; `stamp` is the moment at which what was moved is spent at the latest. */
export function grantOf(ask: Ask, { left, most, lifeMs }: Stock, now: number): Granted {
  const tokens = ask.isDebt ? ask.demand : Math.min(ask.demand, left);
  const lease = ask.isDebt || most < leastLeasedOf ? null : leaseOf(ask, left - tokens, lifeMs);
  if (lease === null) return { kind: "granted", tokens, lease, moved: tokens, stamp: now };
  return { kind: "granted", tokens, lease, moved: tokens + lease.tokens, stamp: now + guardOf(lifeMs) };
}

function leaseOf({ lease, nth }: Ask, left: number, lifeMs: number): TokenLease | null {
  if (!isLeasable(lifeMs)) return null;
  const tokens = Math.min(lease, Math.floor(left * (parts[nth - 1] ?? 1)));
  return tokens > 0 ? { tokens, lifeMs, everyMs: null } : null;
}
