/** The refusals of a verifier: one value a reason, so that a flood of bad tokens makes no garbage of its own. */
import type { Verdict } from "./identity.ts";
import { codeOf, type RefusalReason } from "./reasons.ts";

const refusals = new Map<RefusalReason, Verdict>();

export function refusalOf(reason: RefusalReason): Verdict {
  let verdict = refusals.get(reason);
  if (verdict === undefined) {
    verdict = Object.freeze({ kind: "refused", code: codeOf(reason), reason } as const);
    refusals.set(reason, verdict);
  }
  return verdict;
}
