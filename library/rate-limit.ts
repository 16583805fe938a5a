/** Limits as middleware. Of Hono only types are taken. */
import type { Context, Env, MiddlewareHandler } from "hono";
import { underHold } from "./held-request.ts";
import { isHold } from "./hold.ts";
import type { CostOf, LimitOutcome, LimitRequest, RateLimiter } from "./limit.ts";
import { limitFields } from "./refusal.ts";
import { documentOfLimit } from "./refusals.ts";

type Waitable<Value> = Value | Promise<Value>;

export interface RateLimitOptions<E extends Env, Outcome extends LimitOutcome = LimitOutcome> {
  /** Whose budget a request belongs to: any text but the empty one. */
  readonly key: (c: Context<E>) => Waitable<string>;
  /** Tokens that a request costs, 0 to 1 000 000 000. Default 1. Of requests at once there is none. */
  readonly cost?: CostOf<Outcome, number | ((c: Context<E>) => Waitable<number>)>;
  /** Requests that are not counted. */
  readonly skip?: (c: Context<E>) => Waitable<boolean>;
  /** Another answer to a refused request. The `RateLimit` fields and `Retry-After` are added to one without. */
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
  { key, cost, skip, onRefused }: RateLimitOptions<E, Outcome>,
): MiddlewareHandler<E & { Variables: RateLimitVariables<Outcome> }> {
  return async function rateLimitMiddleware(given, next) {
    // Hono's contexts are not covariant: this one has a variable more than the caller's.
    const c = given as unknown as Context<E>;
    if (skip !== undefined && (await skip(c))) {
      given.set("rateLimit", null);
      return next();
    }
    const tokens = typeof cost === "function" ? await cost(c) : cost;
    // Of requests at once the one permit, unless a caller without types says another cost: the limiter refuses that.
    const asked = { cost: tokens ?? 1, key: await key(c), signal: c.req.raw.signal };
    const outcome = await limiter.limit(asked as LimitRequest<Outcome>);
    given.set("rateLimit", outcome);
    if (outcome.success) await (isHold(outcome) ? underHold(given, outcome, limiter.name, next) : next());
    else given.res = await (onRefused?.(c, outcome) ?? documentOfLimit(limiter.name, outcome));
    // What `refusal` has made says it already.
    if (outcome.success || !given.res.headers.has("RateLimit-Policy")) announce(given, limiter, outcome);
  };
}

/** Appended, since several limits make one list; when to ask again is said by the one that refuses. */
function announce(c: Context, limiter: RateLimiter, outcome: LimitOutcome): void {
  // A switch of protocols has nothing to announce, and its answer must not be copied.
  if (c.res.status === 101) return;
  for (const [name, value] of limitFields(limiter, outcome)) c.header(name, value, { append: name !== "Retry-After" });
}
