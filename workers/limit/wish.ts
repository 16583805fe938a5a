/** What an isolate wishes for when it asks: from how much it was asked for lately, and for how long a lease can live. */
import { maxWaitMs, type ChargeRequest, type Rule } from "../../durable-objects/limiter/contract.ts";
import type { KeyEntry } from "./key-book.ts";

/** The first lease of a budget that nothing is known of: this part of the quota. */
const firstPart = 50;
/** Whoever needs more in a window than this does not need it paced. */
const mostPaced = 64;
const longestPacedWindowMs = 10_000;
const drift = 1.11;

/** The last part of a window, in which the next one is planned for. */
const endingPart = 0.15;

/** A refusal that ends this soon is waited for, a part of the window and ms: a flood's next window costs one call. */
const waitedPart = 1 / 8;

type Wish = Pick<ChargeRequest, "lease" | "paced" | "nth" | "window" | "waitMs">;

/** Requests of one cost that a quota holds at least, before tokens are leased for them: else a lease only strands them. */
const leastRequests = 50;

/** `cost`: of the dearest request that is waited for. What cannot pay for another one like it is not leased. */
export function wishOf(entry: KeyEntry, rule: Rule, cost: number, now: number): Wish {
  const { window, demand } = entry;
  const nth = entry.nth + 1;
  const waitMs = waitOf(rule);
  if (rule.quota < leastRequests * cost) return { lease: 0, paced: 0, nth, window, waitMs };
  const isKnown = demand.isKnown(now);
  const wanted = isKnown ? Math.min(rule.quota, demand.expect(leaseMs(rule, entry, now), now)) : firstLease(rule);
  const lease = cost === 0 ? wanted : wanted - (wanted % cost);
  return { lease, paced: pacedOf(entry, rule, now), nth, window, waitMs };
}

function waitOf({ algorithm, windowMs }: Rule): number {
  return algorithm === "fixed-window" ? Math.min(maxWaitMs, Math.floor(windowMs * waitedPart)) : 0;
}

function firstLease({ algorithm, quota }: Rule): number {
  return algorithm === "fixed-window" ? Math.ceil(quota / firstPart) : 0;
}

/** How long a lease can live at best, ms: the limiter decides. */
function leaseMs({ algorithm, quota, windowMs, burst }: Rule, { windowEndsAt }: KeyEntry, now: number): number {
  if (algorithm === "sliding-window") return windowMs / 50;
  if (algorithm === "token-bucket") return (burst * windowMs) / (10 * Math.max(1, quota));
  const restMs = windowEndsAt - now;
  // What was heard of the window's end is late by a reply: shortly before it the next window may have begun.
  return (restMs > windowMs * endingPart ? restMs : windowMs) / drift;
}

/** What is expected, and four times what requests that know nothing of each other vary by: a burst should cost no call. */
function pacedOf({ demand }: KeyEntry, { algorithm, quota, windowMs }: Rule, now: number): number {
  if (algorithm !== "fixed-window" || windowMs > longestPacedWindowMs) return 0;
  const expected = demand.expectSteadily(windowMs * drift, now);
  const tokens = Math.ceil(expected + 4 * Math.sqrt(expected));
  // A lease that is too small for some bursts is better than none.
  const most = Math.min(mostPaced, Math.floor(quota / 4));
  return expected + Math.sqrt(expected) <= most ? Math.min(tokens, most) : 0;
}
