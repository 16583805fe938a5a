/** Limits as middleware. Of Hono only types are taken. */
import type { Context, Env, MiddlewareHandler } from "hono";
import { permitStateItem } from "../workers/limit/permit-fields.ts";
import { stateItem, wholeSeconds } from "../workers/limit/rate-limit-fields.ts";
import { isHold, underHold } from "./held-request.ts";
import type { LimitOutcome, RateLimiter } from "./limit.ts";
import { quotaExceeded, unreachable } from "./refusals.ts";

type Waitable<Value> = Value | Promise<Value>;

export interface RateLimitOptions<E extends Env> {
  /** Whose budget a request belongs to: any text but the empty one. */
  readonly key: (c: Context<E>) => Waitable<string>;
  /** Tokens that a request costs, 0 to 1 000 000 000. Default 1, and 1 of requests at once. */
  readonly cost?: number | ((c: Context<E>) => Waitable<number>);
  /** Requests that are not counted. */
  readonly skip?: (c: Context<E>) => Waitable<boolean>;
  /** Another answer to a refused request. The `RateLimit` fields and `Retry-After` are added to it. */
  readonly onRefused?: (c: Context<E>, outcome: LimitOutcome) => Waitable<Response>;
}

/** What `c.var` holds behind the middleware. */
export interface RateLimitVariables<Outcome extends LimitOutcome = LimitOutcome> {
  /** null for a request that `skip` let by. */
  rateLimit: Outcome | null;
}

/**
 * The draft's two fields on every answer (draft-ietf-httpapi-ratelimit-headers); a refusal is 429, or 503 unreachable.
 * A permit is held until the answer's last byte. When it cannot be renewed, a request without an answer gets 504.
 */
export function rateLimit<E extends Env = Env, Outcome extends LimitOutcome = LimitOutcome>(
  limiter: RateLimiter<Outcome>,
  { key, cost = 1, skip, onRefused }: RateLimitOptions<E>,
): MiddlewareHandler<E & { Variables: RateLimitVariables<Outcome> }> {
  return async function rateLimitMiddleware(given, next) {
    // Hono's contexts are not covariant: this one has a variable more than the caller's.
    const c = given as unknown as Context<E>;
    if (skip !== undefined && (await skip(c))) {
      given.set("rateLimit", null);
      return next();
    }
    const tokens = typeof cost === "function" ? await cost(c) : cost;
    const outcome = await limiter.limit({ key: await key(c), cost: tokens, signal: c.req.raw.signal });
    given.set("rateLimit", outcome);
    if (outcome.success) await (isHold(outcome) ? underHold(given, outcome, limiter.name, next) : next());
    else given.res = await (onRefused ?? refusalOf(limiter.name))(c, outcome);
    announce(given, limiter, outcome);
  };
}

function refusalOf(name: string): (c: unknown, outcome: LimitOutcome) => Response {
  return (_, { answeredBy, retryAfterMs }) =>
    answeredBy === "fallback" ? unreachable(name) : quotaExceeded(name, retryAfterMs === undefined);
}

/** Appended, since several limits make one list. What is not known of the state is not said. */
function announce(c: Context, { name, policy }: RateLimiter, outcome: LimitOutcome): void {
  // A switch of protocols has nothing to announce, and its answer must not be copied.
  if (c.res.status === 101) return;
  const { success, remaining, resetMs, retryAfterMs, answeredBy } = outcome;
  if (policy !== null) {
    c.header("RateLimit-Policy", policy, { append: true });
    // Nobody knows when a permit is free.
    const state = isHold(outcome) ? permitStateItem(name, remaining) : stateItem(name, remaining, resetMs);
    if (answeredBy !== "fallback") c.header("RateLimit", state, { append: true });
  }
  if (!success && retryAfterMs !== undefined) c.header("Retry-After", String(Math.max(1, wholeSeconds(retryAfterMs))));
}
