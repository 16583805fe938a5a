/**
 * Gate step: the route's limits. All or nothing: when one refuses, what the others charged goes back.
 * Limits in shadow mode count, and are neither announced nor enforced.
 */
import type { Limit, Route } from "../config/mesh.ts";
import { budgetOf } from "../limit/budget.ts";
import type { LimitDesk, Taken } from "../limit/limit-desk.ts";
import { policyItem, stateItem, wholeSeconds } from "../limit/rate-limit-fields.ts";
import { refuse, type Refusal } from "../problem/problem.ts";
import type { Passage, Step } from "./passage.ts";

/** One limit of this passage: which budget, and what came of asking for it. */
interface Counted {
  readonly limit: Limit;
  readonly budget: string;
  taken: Taken | null;
}

/** A route's limits in order of name: no two requests charge the same ones in opposite orders. Those without a bound are left out. */
const orderedByRoute = new WeakMap<Route, readonly Limit[]>();
const policyByLimit = new WeakMap<Limit, string>();

export const limit: Step = (passage) => {
  if (passage.isExempt) return null;
  const limits = orderedOf(passage.route);
  return limits.length === 0 ? null : countAll(passage, limits);
};

async function countAll(passage: Passage, limits: readonly Limit[]): Promise<Refusal | null> {
  const { isolate, context, now } = passage;
  const desk = isolate.limits;
  const counted: Counted[] = [];
  for (const next of limits) {
    const budget = budgetOf(next, passage);
    counted.push({ limit: next, budget: typeof budget === "string" ? budget : await budget, taken: null });
  }
  const refusing = alreadyRefused(desk, counted, now) ?? (await firstRefused(desk, counted, context, now));
  announce(passage, desk, counted);
  return refusing === null ? null : refusalFor(refusing);
}

/** Where a later limit is known to refuse, the ones before it are not even charged. */
function alreadyRefused(desk: LimitDesk, counted: readonly Counted[], now: number): Counted | null {
  if (counted.length === 1) return null;
  for (const one of counted) {
    const refusal = desk.refusal(one.limit, one.budget, 1, now);
    if (refusal === null || refusal.allowed) continue;
    one.taken = refusal;
    return one;
  }
  return null;
}

async function firstRefused(
  desk: LimitDesk,
  counted: readonly Counted[],
  context: ExecutionContext,
  now: number,
): Promise<Counted | null> {
  for (const [index, one] of counted.entries()) {
    const asked = desk.take(one.limit, one.budget, 1, context, now);
    one.taken = asked instanceof Promise ? await asked : asked;
    if (one.taken.allowed) continue;
    for (const { limit: earlier, budget, taken } of counted.slice(0, index)) {
      if (taken !== null) desk.giveBack(earlier, budget, taken, context);
    }
    return one;
  }
  return null;
}

/** The policies of all enforced limits, and the state of those whose state is known. */
function announce({ head }: Passage, desk: LimitDesk, counted: readonly Counted[]): void {
  let policies = "";
  let states = "";
  for (const { limit: one, taken } of counted) {
    if (!desk.enforces(one)) continue;
    policies += policies === "" ? policyOf(one) : `, ${policyOf(one)}`;
    if (taken === null || taken.answeredBy === "fallback") continue;
    const state = stateItem(one.name, taken.remaining, taken.resetMs);
    states += states === "" ? state : `, ${state}`;
  }
  if (policies !== "") head["RateLimit-Policy"] = policies;
  if (states !== "") head["RateLimit"] = states;
}

function refusalFor({ limit: { name }, taken }: Counted): Refusal {
  const headers = { "Retry-After": String(Math.max(1, wholeSeconds(taken?.retryAfterMs ?? 0))) };
  if (taken?.answeredBy === "fallback")
    return refuse("overloaded", `the limit ${name} could not be asked`, { headers });
  return refuse("quota_exceeded", `the quota of the limit ${name} is used up`, {
    headers,
    members: { "violated-policies": [name] },
  });
}

function orderedOf(route: Route): readonly Limit[] {
  const known = orderedByRoute.get(route);
  if (known !== undefined) return known;
  const ordered = route.limits
    .filter(({ quota }) => quota !== "unlimited")
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  orderedByRoute.set(route, ordered);
  return ordered;
}

function policyOf(one: Limit): string {
  const known = policyByLimit.get(one);
  if (known !== undefined) return known;
  const policy = policyItem(one, one.quota === "unlimited" ? 0 : one.quota);
  policyByLimit.set(one, policy);
  return policy;
}
