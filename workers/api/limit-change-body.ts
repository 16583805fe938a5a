/** The body of a live change: within the bounds that the configuration has for this limit, and in force for a while. */
import * as v from "valibot";
import type { LimitChange } from "../../durable-objects/limiter/contract.ts";
import type { Limit } from "../config/mesh.ts";
import { changedLimit, type RuleChange } from "../limit/changed-limit.ts";
import { shortened } from "./body.ts";
import { instant } from "./fields.ts";
import { refused } from "./refused.ts";

/** What the rule may be is said by the limit's own schema. */
export const changeBody = v.strictObject({
  quota: v.optional(v.unknown()),
  windowMs: v.optional(v.unknown()),
  burst: v.optional(v.unknown()),
  mode: v.optional(v.unknown()),
  expiresAt: v.optional(instant),
});

/** What of the body goes into the event; refused when the limit would be none that the configuration allows. */
export function checkedChange(
  filed: Limit,
  { expiresAt, ...rule }: v.InferOutput<typeof changeBody>,
  now: number,
): RuleChange & Pick<LimitChange, "expiresAt"> {
  if (Object.keys(rule).length === 0) {
    throw refused("malformed_request", "body: expected quota, windowMs, burst or mode");
  }
  if (expiresAt !== undefined && expiresAt <= now) {
    throw refused("malformed_request", "expiresAt: expected an instant that is still to come");
  }
  // Not yet known to be one: that is what comes next.
  const change = rule as RuleChange;
  const changed = changedLimit(filed, change);
  if (changed.kind === "refused") {
    throw refused("malformed_request", `${shortened(changed.field)}: expected ${changed.expected}`);
  }
  return { ...change, ...(expiresAt === undefined ? {} : { expiresAt }) };
}
