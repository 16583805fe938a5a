/** What the answer to a counted request says of its limit, and the whole answer to one that is refused. */
import { permitStateItem } from "../workers/limit/permit-fields.ts";
import { stateItem } from "../workers/limit/rate-limit-fields.ts";
import { retryAfter } from "../workers/limit/refused.ts";
import { isHold } from "./hold.ts";
import type { LimitOutcome, RateLimiter } from "./limit.ts";
import { documentOfLimit } from "./refusals.ts";

type Named = Pick<RateLimiter, "name" | "policy">;

/**
 * The answer to a request that `limiter` has refused, a problem document (RFC 9457) with `RateLimit-Policy`, `RateLimit`
 * and `Retry-After`: 429, or 503 when the limiter could not be asked. The middleware `rateLimit` answers the same.
 */
export function refusal(limiter: Named, outcome: LimitOutcome): Response {
  const answer = documentOfLimit(limiter.name, outcome);
  for (const [name, value] of limitFields(limiter, outcome)) answer.headers.set(name, value);
  return answer;
}

/** What is not known of the state is not said. */
export function limitFields({ name, policy }: Named, outcome: LimitOutcome): readonly (readonly [string, string])[] {
  const { success, remaining, resetMs, retryAfterMs, answeredBy } = outcome;
  const fields: (readonly [string, string])[] = [];
  if (policy !== null) {
    fields.push(["RateLimit-Policy", policy]);
    // Nobody knows when a permit is free.
    const state = isHold(outcome) ? permitStateItem(name, remaining) : stateItem(name, remaining, resetMs);
    if (answeredBy !== "fallback") fields.push(["RateLimit", state]);
  }
  if (!success && retryAfterMs !== undefined) fields.push(["Retry-After", retryAfter(retryAfterMs)]);
  return fields;
}
