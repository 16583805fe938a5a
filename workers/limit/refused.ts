/** How a refusal of a limit reads: a mesh's gate and the libraries say it in the same words. */
import { wholeSeconds } from "./rate-limit-fields.ts";
import type { Taken } from "./taken.ts";

/** The value of `Retry-After`: 0 would invite to ask again at once. */
export function retryAfter(retryAfterMs: number): string {
  return String(Math.max(1, wholeSeconds(retryAfterMs)));
}

/** The `detail` of its problem document. `isHeld`: of a limit of requests at once. */
export function refusalDetail(
  name: string,
  isHeld: boolean,
  { answeredBy, quota, retryAfterMs }: Pick<Taken, "answeredBy" | "quota" | "retryAfterMs">,
): string {
  if (answeredBy === "fallback") return `the limit ${name} could not be asked`;
  if (isHeld) return `no more than ${quota} requests run at once under the limit ${name}`;
  return retryAfterMs === undefined
    ? `the request costs more than the limit ${name} ever admits`
    : `the quota of the limit ${name} is used up`;
}
