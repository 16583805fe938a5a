/**
 * An exact limit, for a Worker of one's own. The module `selvedge/limit`.
 *
 * It counts in Limiter objects, exactly and over the whole planet, and answers mostly from leases without asking them.
 * Beside the class `Limiter` of `selvedge/objects` it needs nothing: docs/guides/in-your-own-worker.md.
 */
import { waitUntil as afterAnswer } from "cloudflare:workers";
import { maxTokens } from "../durable-objects/limiter/contract.ts";
import type { LimitInForce } from "../workers/limit/taken.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import { expected, plainName, wholeNumber } from "./argument.ts";
import { budgetOfKey } from "./budget-of-key.ts";
import type { Hold } from "./hold.ts";
import { knownLimits } from "./known-limits.ts";
import { limiterObjects } from "./limiter-objects.ts";

export { fixedWindow, slidingWindow, tokenBucket } from "./algorithm.ts";
export type { BucketOptions, LimitAlgorithm, WindowOptions } from "./algorithm.ts";
export { concurrency } from "./concurrency.ts";
export type { ConcurrencyOptions } from "./concurrency.ts";
export type { Hold } from "./hold.ts";
export { refusal } from "./refusal.ts";

export interface LimiterOptions {
  /**
   * What holds when the limiter's object cannot be reached and what is leased is spent. "closed" refuses, "open" admits,
   * "leased" refuses and leases early, so that there is more to spend. Default "closed".
   */
  readonly onError?: "closed" | "open" | "leased";
  /** How long a request waits for the object until that holds, 50 to 10 000. Default 1000. */
  readonly timeoutMs?: number;
  /** "shadow" counts and refuses nobody. Default "enforce". */
  readonly mode?: "enforce" | "shadow";
  /** Part of the objects' names: limiters of one name in two namespaces share nothing. Default "default". */
  readonly namespace?: string;
}

/** Tokens are not what requests at once are counted in: each holds one permit. */
export type CostOf<Outcome extends LimitOutcome, Cost> = Outcome extends Hold ? never : Cost;

export interface LimitRequest<Outcome extends LimitOutcome = LimitOutcome> {
  /** Whose budget: any text but the empty one. Of over 512 bytes only a digest is kept. */
  readonly key: string;
  /** Tokens, 0 to 1 000 000 000. Default 1. Of requests at once there is none. */
  readonly cost?: CostOf<Outcome, number>;
  /** Work that goes on after the answer. Default: the platform's own. */
  readonly waitUntil?: (work: Promise<unknown>) => void;
  /** Of requests at once: the request's own, by which what runs under the permit ends with its client. */
  readonly signal?: AbortSignal;
}

/** As the platform's `ratelimits` binding answers, and more. */
export interface LimitOutcome {
  /** False: refused, and nothing was charged. In shadow mode always true. */
  readonly success: boolean;
  /** Tokens that the budget still has, as far as is known; 0 when it is not. */
  readonly remaining: number;
  /** Until the budget is as good as new if nobody asks, ms. */
  readonly resetMs: number;
  /** With a refusal: when asking again may help, ms; absent when it never does. */
  readonly retryAfterMs?: number;
  /** The quota. */
  readonly limit: number;
  /** "fallback": the object could not be reached, and `onError` decided. */
  readonly answeredBy: "lease" | "limiter" | "deny_cache" | "fallback";
}

export interface RateLimiter<Outcome extends LimitOutcome = LimitOutcome> {
  readonly name: string;
  /** The value of `RateLimit-Policy`; null in shadow mode, where there is nothing to announce. */
  readonly policy: string | null;
  /** Rejects with a TypeError or RangeError for an argument that no client can be blamed for. */
  limit(request: LimitRequest<Outcome>): Promise<Outcome>;
}

/** Made at module start, or anywhere: the same name and rule make the same limiter. */
export function limiter<Outcome extends LimitOutcome>(
  name: string,
  { counting, ...rule }: LimitAlgorithm<Outcome>,
  options: LimiterOptions = {},
): RateLimiter<Outcome> {
  const limit = limitOf(plainName("a name", name), rule, options);
  const { quota } = rule;
  return {
    name,
    policy: limit.mode === "shadow" ? null : counting.policyOf({ ...limit, name }, quota),
    async limit({ key, cost = 1, waitUntil = afterAnswer, signal }) {
      expected(typeof key === "string" && key !== "", "a key, a text that is not empty", key);
      wholeNumber("cost", cost, 0, maxTokens);
      // A missing class is a mistake of the program, not an object that is away.
      limiterObjects();
      const ask = { limit, amountOf: () => quota, budget: await budgetOfKey(key), cost, neighbourhood: null };
      return counting.take(ask, { waitUntil }, signal);
    },
  };
}

/** Two limits of one name would count in one another's budgets. */
function limitOf(
  name: string,
  rule: Omit<LimitAlgorithm, "counting">,
  { onError = "closed", timeoutMs = 1_000, mode = "enforce", namespace = "default" }: LimiterOptions,
): LimitInForce {
  const made: LimitInForce = {
    ...rule,
    name: `${plainName("a namespace", namespace)}/${name}`,
    onError: expected(["closed", "open", "leased"].includes(onError), "onError closed, open or leased", onError),
    timeoutMs: wholeNumber("timeoutMs", timeoutMs, 50, 10_000),
    mode: expected(["enforce", "shadow"].includes(mode), "mode enforce or shadow", mode),
    by: [],
    methods: null,
    prefix: { ipv4: 32, ipv6: 64 },
    version: null,
  };
  const known = knownLimits.get(made.name) ?? made;
  expected(JSON.stringify(known) === JSON.stringify(made), "a name of one rule", name);
  knownLimits.set(made.name, known);
  return known;
}
