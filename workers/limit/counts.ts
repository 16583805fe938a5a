/** What was allowed and refused here of a budget: told to its limiter by the calls that are made anyway, and there once. */
import type { Counts } from "../../durable-objects/limiter/contract.ts";

export const noCounts: Counts = { allowed: 0, refused: 0, nearLimit: 0 };

/** Holds what it has not told yet. */
export interface Counting {
  counts: Counts;
}

/** As what a request was counted. What is near the limit is allowed, too. */
export type Counted = "allowed" | "nearLimit" | "refused";

const countsOf: Readonly<Record<Counted, Counts>> = {
  allowed: { ...noCounts, allowed: 1 },
  nearLimit: { ...noCounts, allowed: 1, nearLimit: 1 },
  refused: { ...noCounts, refused: 1 },
};

export function count(counting: Counting, what: Counted): void {
  add(counting, countsOf[what], 1);
}

/** It was admitted, and another limit refused. */
export function uncount(counting: Counting, what: Counted): void {
  add(counting, countsOf[what], -1);
}

/** What is told never falls: what was taken back after it was told is subtracted from what is told next. */
export function tell(counting: Counting): Counts | undefined {
  const { allowed, refused, nearLimit } = counting.counts;
  const isOwing = Math.min(allowed, nearLimit) < 0;
  const counts = isOwing ? { ...noCounts, refused } : counting.counts;
  if (counts.allowed + refused === 0) return undefined;
  counting.counts = isOwing ? { allowed, refused: 0, nearLimit } : noCounts;
  return counts;
}

/** Nobody has heard it: it is told again. */
export function untell(counting: Counting, told: Counts = noCounts): void {
  add(counting, told, 1);
}

function add(counting: Counting, more: Counts, times: 1 | -1): void {
  const { allowed, refused, nearLimit } = counting.counts;
  counting.counts = {
    allowed: allowed + times * more.allowed,
    refused: refused + times * more.refused,
    nearLimit: nearLimit + times * more.nearLimit,
  };
}
