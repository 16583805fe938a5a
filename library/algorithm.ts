/** How a limit counts: what `limiter()` takes as its second argument. */
import { maxTokens } from "../durable-objects/limiter/contract.ts";
import { wholeNumber } from "./argument.ts";
import type { Counting } from "./counting.ts";
import type { LimitOutcome } from "./limit.ts";
import { tokenCounting as counting } from "./token-counting.ts";

/** Made by one of the functions below, or by `concurrency`. */
export interface LimitAlgorithm<Outcome extends LimitOutcome = LimitOutcome> {
  readonly algorithm: "fixed-window" | "sliding-window" | "token-bucket" | "concurrency";
  readonly quota: number;
  readonly windowMs: number;
  readonly burst: number;
  readonly counting: Counting<Outcome>;
}

export interface WindowOptions {
  /** 0 (nobody) to 1 000 000 000. */
  readonly quota: number;
  /** 100 to 2 678 400 000 (31 days). */
  readonly windowMs: number;
}

export interface BucketOptions extends WindowOptions {
  /** The most that the bucket holds, 1 to 1 000 000 000. Default: the quota. */
  readonly burst?: number;
}

const longestWindowMs = 2_678_400_000;

/** The quota in each window of the clock; windows begin at the multiples of their length. */
export function fixedWindow(options: WindowOptions): LimitAlgorithm {
  return { algorithm: "fixed-window", ...windowOf(options), burst: 0, counting };
}

/** The quota in every interval of the window's length, wherever it begins. */
export function slidingWindow(options: WindowOptions): LimitAlgorithm {
  return { algorithm: "sliding-window", ...windowOf(options), burst: 0, counting };
}

/** A bucket that gains the quota in every `windowMs`, evenly, and holds at most `burst`. */
export function tokenBucket({ burst, ...options }: BucketOptions): LimitAlgorithm {
  const window = windowOf(options);
  // A bucket for nobody holds what it never gains; its size must still be one.
  const most = wholeNumber("burst", burst ?? Math.max(1, window.quota), 1, maxTokens);
  return { algorithm: "token-bucket", ...window, burst: most, counting };
}

function windowOf({ quota, windowMs }: WindowOptions): WindowOptions {
  return {
    quota: wholeNumber("quota", quota, 0, maxTokens),
    windowMs: wholeNumber("windowMs", windowMs, 100, longestWindowMs),
  };
}
