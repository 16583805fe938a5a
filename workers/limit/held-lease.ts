/**
 * Token leases that this isolate holds of one budget, and what may still be spent of them. Pure.
 *
 * A lease runs from when it was asked for, on this isolate's clock; one that reads earlier has stepped backward, and
 * then nobody can say how long the lease has run: it is over.
 */
import type { TokenLease } from "../../durable-objects/limiter/contract.ts";
import type { Charge } from "./batch.ts";

export interface HeldLease {
  /** The charge that it came with, for giving it back. */
  readonly charge: Charge;
  readonly sentAt: number;
  endsAt: number;
  /** The window that it ends with; null for one that ends by itself. */
  readonly window: number | null;
  readonly granted: number;
  /** Still unspent; of a paced lease, what each interval may use. */
  tokens: number;
  /** null: `tokens` in all. */
  readonly paced: Paced | null;
  /** Spendings so far: one that does not grow belongs to an idle lease. */
  spendings: number;
}

interface Paced {
  readonly everyMs: number;
  /** What was spent within the last interval, oldest first. */
  spent: { readonly at: number; tokens: number }[];
}

export function heldLease(
  charge: Charge,
  { tokens, lifeMs, everyMs }: TokenLease,
  sentAt: number,
  window: number | null,
): HeldLease {
  const paced = everyMs === null ? null : { everyMs, spent: [] };
  const endsAt = sentAt + lifeMs;
  const ends = { endsAt, window: paced === null ? window : null };
  return { charge, sentAt, ...ends, granted: tokens, tokens, paced, spendings: 0 };
}

/** The living ones and a new one, soonest end first. Those of one window end together: the last word on its end is the best. */
export function withLease(leases: readonly HeldLease[], lease: HeldLease, now: number): HeldLease[] {
  const living = leases.filter((one) => isLive(one, now));
  for (const one of living) {
    if (one.window !== null && one.window === lease.window) one.endsAt = Math.max(one.endsAt, lease.endsAt);
  }
  return [...living, lease].toSorted((one, other) => one.endsAt - other.endsAt);
}

export function isLive({ sentAt, endsAt }: HeldLease, now: number): boolean {
  return now >= sentAt && now < endsAt;
}

/** What all of these leases still have now. */
export function spendable(leases: readonly HeldLease[], now: number): number {
  return leases.reduce((sum, lease) => (isLive(lease, now) ? sum + restOf(lease, now) : sum), 0);
}

/** Spends `cost` in the given order, the caller having seen that it is there. Tells from which it came. */
export function spend(leases: readonly HeldLease[], cost: number, now: number): Spent[] {
  const spent: Spent[] = [];
  let wanted = cost;
  for (const lease of leases) {
    if (wanted === 0) break;
    const tokens = isLive(lease, now) ? Math.min(wanted, restOf(lease, now)) : 0;
    if (tokens === 0) continue;
    if (lease.paced === null) lease.tokens -= tokens;
    else lease.paced.spent.push({ at: now, tokens });
    lease.spendings += 1;
    wanted -= tokens;
    spent.push({ lease, tokens, at: now });
  }
  return spent;
}

export interface Spent {
  readonly lease: HeldLease;
  readonly tokens: number;
  readonly at: number;
}

/** The request was refused for another reason: what it had taken is there again, while the lease lives. */
export function unspend({ lease, tokens, at }: Spent): void {
  if (lease.paced === null) lease.tokens += tokens;
  else {
    const spending = lease.paced.spent.findLast((one) => one.at === at && one.tokens >= tokens);
    if (spending !== undefined) spending.tokens -= tokens;
  }
}

function restOf(lease: HeldLease, now: number): number {
  const { paced, tokens } = lease;
  if (paced === null) return tokens;
  const since = now - paced.everyMs;
  while (paced.spent[0] !== undefined && paced.spent[0].at <= since) paced.spent.shift();
  return Math.max(0, tokens - paced.spent.reduce((sum, spending) => sum + spending.tokens, 0));
}
