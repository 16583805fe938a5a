/** The body of a live change: within the bounds that the configuration has for this limit, and in force for a while. */
import * as v from "valibot";
import type { LimitChange } from "../../durable-objects/limiter/contract.ts";
import type { Limit } from "../config/mesh.ts";
import { changedLimit, type RuleChange } from "../limit/changed-limit.ts";
import { shortened } from "./body.ts";
import { refused } from "./refused.ts";

/** RFC 3339, in UTC. */
const instantForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,3})?Z$/;
const instantExpected = "expected an instant in UTC, such as 2030-01-31T12:00:00Z";

const instant = v.pipe(
  v.string(instantExpected),
  v.regex(instantForm, instantExpected),
  v.transform((written) => ({ written, at: Date.parse(written) })),
  // Days that no month has are read as days of the next one.
  v.check(
    ({ written, at }) => Number.isFinite(at) && new Date(at).toISOString().startsWith(written.slice(0, 19)),
    instantExpected,
  ),
  v.transform(({ at }) => at),
);

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
