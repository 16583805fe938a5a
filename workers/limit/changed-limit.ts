/** A limit with a live change applied, within the bounds that the configuration has for it. */
import * as v from "valibot";
import { maxTokens, type LimitChange } from "../../durable-objects/limiter/contract.ts";
import { limitSchema } from "../config/limit-schema.ts";
import type { Limit } from "../config/mesh.ts";
import { amountsOf } from "./quota.ts";

/** What of a rule may be changed while the mesh runs. */
export type RuleChange = Pick<LimitChange, "quota" | "windowMs" | "burst" | "mode">;

export type ChangedLimit =
  | { readonly kind: "changed"; readonly limit: Limit }
  /** `expected` fits after that word. */
  | { readonly kind: "refused"; readonly field: string; readonly expected: string };

const changeable = ["quota", "windowMs", "burst", "mode"] as const;

/** What the change does not name is the file's. */
export function changedLimit(filed: Limit, change: RuleChange): ChangedLimit {
  const { algorithm, quota, windowMs, burst, mode } = filed;
  const named = changeable.filter((field) => change[field] !== undefined).map((field) => [field, change[field]]);
  const settings = {
    by: "key",
    algorithm,
    quota,
    windowMs,
    mode,
    // A bucket of a quota of 0 has no size; every other one has.
    ...(burst === 0 ? {} : { burst }),
    ...(Object.fromEntries(named) as RuleChange),
  };
  const result = v.safeParse(limitSchema, settings, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    return { kind: "refused", field: v.getDotPath(issue) ?? "body", expected: issue.message };
  }
  const { output } = result;
  const limit = {
    ...filed,
    quota: output.quota,
    windowMs: output.windowMs,
    mode: output.mode,
    burst: output.burst ?? burst,
  };
  return isEmptyBucket(limit)
    ? { kind: "refused", field: "burst", expected: `a whole number from 1 to ${maxTokens}, because the file's is 0` }
    : { kind: "changed", limit };
}

/** It would admit nothing, whatever its quota says. */
function isEmptyBucket({ algorithm, burst, quota }: Limit): boolean {
  return algorithm === "token-bucket" && burst === 0 && amountsOf(quota).some((amount) => amount !== 0);
}
