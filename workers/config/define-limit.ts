/** What one writes of limits in `mesh.config.ts`. Part of the module `selvedge`. */

export type LimitConfig = WindowLimitConfig | BucketLimitConfig | ConcurrencyLimitConfig;

/**
 * "fixed-window": the quota in each window of the clock. "sliding-window": the quota in every interval of the window's
 * length, wherever it begins.
 */
export interface WindowLimitConfig extends AnyLimitConfig {
  /** Default "fixed-window". */
  readonly algorithm?: "fixed-window" | "sliding-window";
  /** 100 to 2 678 400 000 (31 days). */
  readonly windowMs: number;
}

/** A bucket that gains the quota in every `windowMs`, evenly, and holds at most `burst`. */
export interface BucketLimitConfig extends AnyLimitConfig {
  readonly algorithm: "token-bucket";
  /** 100 to 2 678 400 000 (31 days). */
  readonly windowMs: number;
  /** 1 to 1 000 000 000. Default: the quota, the largest number of a table; 1 where none is a number. */
  readonly burst?: number;
}

/** At most the quota of requests at once, over the whole mesh, from their admission until the answer's last byte. */
export interface ConcurrencyLimitConfig extends AnyLimitConfig {
  readonly algorithm: "concurrency";
  /**
   * How long the permits of an isolate that fell silent stay taken, and how long what it runs goes on when the limiter
   * is away. 5000 to 300 000. Default 10 000.
   */
  readonly windowMs?: number;
}

interface AnyLimitConfig {
  /** What is counted: one of these, or a list (each combination has a budget of its own). */
  readonly by: LimitKey | readonly LimitKey[];
  /** 0 (nobody) to 1 000 000 000 a window, or at once; "unlimited"; or by the asker's plan. */
  readonly quota: QuotaConfig;
  /** "shadow" counts and refuses nobody. Default "enforce". */
  readonly mode?: "enforce" | "shadow";
  /**
   * What holds when the limiter cannot be reached and what is leased is spent. "closed" refuses, "open" admits, "leased"
   * refuses as "closed" does, and renews leases when half is spent, so that there is something to spend while the limiter
   * is away. Default "closed".
   */
  readonly onError?: "closed" | "open" | "leased";
  /** How long a request waits for the limiter until that holds, 50 to 10 000. Default 1000. */
  readonly timeoutMs?: number;
  /**
   * Only these are counted; "read" is every safe method (GET, HEAD, OPTIONS, PROPFIND, QUERY, REPORT, SEARCH), "write"
   * every other, so that the two leave none out. Default: all.
   */
  readonly methods?: "read" | "write" | readonly string[];
  /** Addresses with the same leading bits share a budget. IPv4 8 to 32, default 32; IPv6 16 to 128, default 64. */
  readonly prefix?: { readonly ipv4?: number; readonly ipv6?: number };
}

export type QuotaConfig = QuotaAmountConfig | PlanQuotaConfig;
export type QuotaAmountConfig = number | "unlimited";

/** By the value of a claim of the asker's token. Of several values the one with the highest amount holds. */
export interface PlanQuotaConfig {
  readonly claim: string;
  /** 1 to 64 plans. */
  readonly of: Readonly<Record<string, QuotaAmountConfig>>;
  /** For everybody else, those without a token included. */
  readonly else: QuotaAmountConfig;
}

/** A limit as a route uses it. */
export interface RouteLimitConfig {
  /** The name of a limit. */
  readonly name: string;
  /** What a request costs before it goes on, 0 to 1 000 000 000 and never more than could pass. Default 1. */
  readonly cost?: number;
  /** A header of the answer that says what it did cost: what that is over `cost` is charged too. Default none. */
  readonly costHeader?: string;
}

/** "key" is counted by `POST /_mesh/v1/limits/NAME/take` only. */
export type LimitKey =
  | "address"
  | "subject"
  | "tenant"
  | "client"
  | "route"
  | "key"
  | `claim:${string}`
  | `header:${string}`;
