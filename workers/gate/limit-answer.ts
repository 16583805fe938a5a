/** What an answer says of the limits that counted its request, and how one of them refuses. */
import { permitPolicyItem, permitStateItem } from "../limit/permit-fields.ts";
import { policyItem, stateItem } from "../limit/rate-limit-fields.ts";
import { refusalDetail, retryAfter } from "../limit/refused.ts";
import type { Ask, Taken } from "../limit/taken.ts";
import { refuse, type Refusal } from "../problem/problem.ts";
import type { Passage } from "./passage.ts";

/** What a limit was asked, and what it said; null where it was not needed to refuse. */
export interface Said {
  readonly ask: Ask;
  readonly taken: Taken | null;
}

interface Refusing extends Said {
  readonly taken: Taken;
}

/** Items of one field, about a hundred bytes each: some clients and proxies refuse a head of more than 8 KiB. */
const mostItems = 16;

/** The policies of all enforced limits that bind this asker, and the state of those whose state is known. */
export function announce({ head, isolate }: Passage, all: readonly Said[]): void {
  const { limits, partitionKeys } = isolate;
  let policies = "";
  let states = "";
  for (const { ask, taken } of all.length > mostItems ? mostTelling(all) : all) {
    const { limit, amountOf, budget } = ask;
    const quota = amountOf(limit.quota);
    if (quota === "unlimited" || !limits.enforces(limit)) continue;
    const isHeld = limit.algorithm === "concurrency";
    const partition = partitionKeys.parameterOf(limit, budget);
    const policy = isHeld ? permitPolicyItem(limit.name, quota) : policyItem(limit, quota);
    policies += policies === "" ? `${policy}${partition}` : `, ${policy}${partition}`;
    if (taken === null || taken.answeredBy === "fallback") continue;
    const { remaining, resetMs } = taken;
    const state = isHeld ? permitStateItem(limit.name, remaining) : stateItem(limit.name, remaining, resetMs);
    states += states === "" ? `${state}${partition}` : `, ${state}${partition}`;
  }
  if (policies !== "") head["RateLimit-Policy"] = policies;
  if (states !== "") head["RateLimit"] = states;
}

/** Those that refuse, and as many of the others as there is room for; in the same order. */
function mostTelling(all: readonly Said[]): readonly Said[] {
  let room = mostItems - all.filter(isRefusing).length;
  const telling = all.filter((said) => {
    if (isRefusing(said)) return true;
    room -= 1;
    return room >= 0;
  });
  return telling.slice(0, mostItems);
}

export function isRefusing(said: Said): said is Refusing {
  return said.taken?.allowed === false;
}

export function refusalFor({ ask, taken }: Refusing): Refusal {
  const { name, algorithm } = ask.limit;
  const { answeredBy, retryAfterMs } = taken;
  const headers: Record<string, string> = retryAfterMs === undefined ? {} : { "Retry-After": retryAfter(retryAfterMs) };
  const detail = refusalDetail(name, algorithm === "concurrency", taken);
  if (answeredBy === "fallback") return refuse("overloaded", detail, { headers });
  return refuse("quota_exceeded", detail, { headers, members: { "violated-policies": [name] } });
}
