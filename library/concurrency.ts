/** Requests at once: a semaphore of the whole planet whose permits come back by themselves. */
import { maxTokens } from "../durable-objects/limiter/contract.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import { wholeNumber } from "./argument.ts";
import type { Hold } from "./hold.ts";
import { permitCounting } from "./permit-counting.ts";

export interface ConcurrencyOptions {
  /** Permits: 0 (nobody) to 1 000 000 000. */
  readonly quota: number;
  /** How long permits live unless they are renewed, which they are while they are held: 5000 to 300 000. Default 10 000. */
  readonly leaseMs?: number;
}

/** At most the quota at once. A limiter of this answers holds; each holds one permit. */
export function concurrency({ quota, leaseMs = 10_000 }: ConcurrencyOptions): LimitAlgorithm<Hold> {
  return {
    algorithm: "concurrency",
    quota: wholeNumber("quota", quota, 0, maxTokens),
    windowMs: wholeNumber("leaseMs", leaseMs, 5_000, 300_000),
    burst: 0,
    counting: permitCounting,
  };
}
