/** What a caller is told of one limit: made of what the lease, the limiter or a refusal said. */
import type { LimitInForce, Taken } from "./taken.ts";

/** When the limiter cannot be reached: how long a refused client should wait, ms. */
const fallbackRetryMs = 1_000;

export interface Refused {
  readonly remaining: number;
  readonly resetMs: number;
  /** null: never. */
  readonly retryMs: number | null;
}

export function unlimited(): Taken {
  return {
    allowed: true,
    remaining: Number.MAX_SAFE_INTEGER,
    resetMs: 0,
    answeredBy: "limiter",
    quota: "unlimited",
  };
}

export function admitted(answeredBy: "lease" | "limiter", quota: number, remaining: number, resetMs: number): Taken {
  return { allowed: true, remaining, resetMs, answeredBy, quota };
}

export function refusedBy(
  answeredBy: "limiter" | "deny_cache",
  quota: number,
  isEnforced: boolean,
  { remaining, resetMs, retryMs }: Refused,
): Taken {
  const known = { remaining, resetMs, answeredBy, quota } as const;
  if (!isEnforced) return { ...known, allowed: true };
  return retryMs === null ? { ...known, allowed: false } : { ...known, allowed: false, retryAfterMs: retryMs };
}

export function fallback({ onError }: LimitInForce, quota: number, isEnforced: boolean): Taken {
  const known = { remaining: 0, answeredBy: "fallback", quota } as const;
  return onError === "open" || !isEnforced
    ? { ...known, allowed: true, resetMs: 0 }
    : { ...known, allowed: false, resetMs: fallbackRetryMs, retryAfterMs: fallbackRetryMs };
}
