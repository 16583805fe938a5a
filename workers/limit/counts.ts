/**
 * What was allowed and refused here of a budget: told to its limiter by the calls that are made anyway, and there once,
 * unless every answer is lost.
 */
import type { Counts } from "../../durable-objects/limiter/contract.ts";

export const noCounts: Counts = { allowed: 0, refused: 0, nearLimit: 0 };

/** Holds what it has not told yet. */
export interface Counting {
  counts: Counts;
}

/** As what a request was counted. What is near the limit is allowed, too. */
export type Counted = "allowed" | "nearLimit" | "refused";

/** `times` -1: it was admitted, and another limit refused. */
export function count(counting: Counting, what: Counted, times: 1 | -1 = 1): void {
  const isRefused = what === "refused";
  counting.counts = sumOf(counting.counts, {
    allowed: isRefused ? 0 : times,
    refused: isRefused ? times : 0,
    nearLimit: what === "nearLimit" ? times : 0,
  });
}

/** What a message takes along. */
export interface Told {
  readonly counts?: Counts;
}

/** What is told never falls: what was taken back after it was told is subtracted from what is told next. */
export function tell(counting: Counting): Told {
  const { allowed, refused, nearLimit } = counting.counts;
  const isOwing = Math.min(allowed, nearLimit) < 0;
  const counts = isOwing ? { ...noCounts, refused } : counting.counts;
  if (counts.allowed + refused === 0) return {};
  counting.counts = isOwing ? { allowed, refused: 0, nearLimit } : noCounts;
  return { counts };
}

/** Nobody has heard it: it is told again. */
export function untell(counting: Counting, { counts = noCounts }: Told): void {
  counting.counts = sumOf(counting.counts, counts);
}

function sumOf(one: Counts, other: Counts): Counts {
  return {
    allowed: one.allowed + other.allowed,
    refused: one.refused + other.refused,
    nearLimit: one.nearLimit + other.nearLimit,
  };
}
