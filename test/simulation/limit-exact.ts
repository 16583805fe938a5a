/** Counters without any distance or failure: what each algorithm admits of requests that it sees in their order. */
import type { Rule } from "../../durable-objects/limiter/contract.ts";

/** One request of one budget at `at`, ms; instants only grow for each budget. */
export type ExactCounter = (budget: number, at: number) => boolean;

export function exactCounter(rule: Rule, quotaPart = 1): ExactCounter {
  const quota = Math.floor(rule.quota * quotaPart);
  switch (rule.algorithm) {
    case "fixed-window":
      return fixedWindows(quota, rule.windowMs);
    case "sliding-window":
      return slidingWindow(quota, rule.windowMs);
    case "token-bucket":
      return tokenBucket(quota / rule.windowMs, Math.floor(rule.burst * quotaPart));
    case "concurrency":
      throw new Error("permits are not counted");
  }
}

function fixedWindows(quota: number, windowMs: number): ExactCounter {
  const counts = new Map<number, { window: number; count: number }>();
  return (budget, at) => {
    const window = Math.floor(at / windowMs);
    const found = counts.get(budget);
    if (found === undefined || found.window !== window) {
      counts.set(budget, { window, count: 1 });
      return quota > 0;
    }
    if (found.count >= quota) return false;
    found.count += 1;
    return true;
  };
}

/** The last admissions of a budget, as many as the quota, in a ring: the oldest one must have left the window. */
function slidingWindow(quota: number, windowMs: number): ExactCounter {
  const rings = new Map<number, { readonly admitted: number[]; oldest: number }>();
  return (budget, at) => {
    let ring = rings.get(budget);
    if (ring === undefined) {
      ring = { admitted: [], oldest: 0 };
      rings.set(budget, ring);
    }
    const { admitted, oldest } = ring;
    if (admitted.length < quota) {
      admitted.push(at);
      return true;
    }
    if (at - (admitted[oldest] ?? Infinity) < windowMs) return false;
    admitted[oldest] = at;
    ring.oldest = (oldest + 1) % quota;
    return true;
  };
}

function tokenBucket(perMs: number, burst: number): ExactCounter {
  const buckets = new Map<number, { tokens: number; at: number }>();
  return (budget, at) => {
    let bucket = buckets.get(budget);
    if (bucket === undefined) {
      bucket = { tokens: burst, at };
      buckets.set(budget, bucket);
    }
    bucket.tokens = Math.min(burst, bucket.tokens + (at - bucket.at) * perMs);
    bucket.at = at;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  };
}
