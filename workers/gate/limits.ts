/**
 * Gate step: the route's limits that count this method. All or nothing. Limits in shadow mode count, and are neither
 * announced nor enforced.
 */
import type { Quota, QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import type { Route, RouteLimit } from "../config/mesh.ts";
import { budgetOf } from "../limit/budget.ts";
import type { LimitDesk } from "../limit/limit-desk.ts";
import { neighbourhoodOf } from "../limit/neighbourhood.ts";
import { quotaFor } from "../limit/quota.ts";
import { policyItem, stateItem, wholeSeconds } from "../limit/rate-limit-fields.ts";
import type { Ask, Taken, TakenAll } from "../limit/taken.ts";
import { refuse, type Refusal } from "../problem/problem.ts";
import type { Passage, Step } from "./passage.ts";

/** A route's limits by method, in order of name: no two requests charge the same ones in opposite orders. */
const byRoute = new WeakMap<Route, Map<string, readonly RouteLimit[]>>();
const none: readonly RouteLimit[] = [];
/** No plan is needed to read it. */
const amountOfAll = (quota: Quota): QuotaAmount => quotaFor(quota, null);

export const limit: Step = (passage) => {
  const counting = passage.isExempt ? none : limitsOf(passage.route, passage.request.method);
  if (counting.length === 0) return null;
  const asks = asksOf(passage, counting);
  return asks instanceof Promise ? asks.then((found) => takeAll(passage, found)) : takeAll(passage, asks);
};

/** What the answer says its request has cost, beyond what was taken for it before, is charged too. */
export function settleCosts({ asks, context, isolate, route, request }: Passage, answer: Headers): void {
  for (const [index, { costHeader }] of limitsOf(route, request.method).entries()) {
    const ask = asks[index];
    const cost = costHeader === null ? null : costIn(answer.get(costHeader));
    if (ask === undefined || cost === null || cost <= ask.cost) continue;
    isolate.limits.charge({ ...ask, cost: cost - ask.cost }, context);
  }
}

function takeAll(passage: Passage, asks: readonly Ask[]): Refusal | null | Promise<Refusal | null> {
  passage.asks = asks;
  const taken = passage.isolate.limits.take(asks, passage.context);
  return taken instanceof Promise ? taken.then((all) => conclude(passage, asks, all)) : conclude(passage, asks, taken);
}

function conclude(passage: Passage, asks: readonly Ask[], { allowed, taken }: TakenAll): Refusal | null {
  announce(passage, asks, taken);
  if (allowed) return null;
  const at = taken.findIndex((one) => one?.allowed === false);
  const [ask, refusing] = [asks[at], taken[at]];
  if (ask === undefined || !refusing) throw new Error("expected the limit that refuses: received none");
  return refusalFor(ask.limit.name, refusing);
}

function asksOf(passage: Passage, counting: readonly RouteLimit[]): readonly Ask[] | Promise<readonly Ask[]> {
  const desk = passage.isolate.limits;
  const ready: Ask[] = [];
  const asks: (Ask | Promise<Ask>)[] = counting.map((routed) => askOf(passage, desk, routed));
  for (const ask of asks) if (!(ask instanceof Promise)) ready.push(ask);
  return ready.length === asks.length ? ready : Promise.all(asks.map(async (ask) => ask));
}

/** Synchronous but for a budget that is too long to be its own name. */
function askOf(passage: Passage, desk: LimitDesk, { limit: filed, cost }: RouteLimit): Ask | Promise<Ask> {
  const found = desk.find(filed.name);
  if (found === undefined) throw new Error(`cannot count: there is no limit ${filed.name}`);
  const { identity } = passage;
  const amountOf = typeof found.quota === "object" ? (quota: Quota) => quotaFor(quota, identity) : amountOfAll;
  const neighbourhood = neighbourhoodOf(filed, passage);
  const budget = budgetOf(filed, passage);
  if (typeof budget === "string") return { limit: found, amountOf, budget, cost, neighbourhood };
  return budget.then((named) => ({ limit: found, amountOf, budget: named, cost, neighbourhood }));
}

/** The policies of all enforced limits that bind this asker, and the state of those whose state is known. */
function announce({ head, isolate }: Passage, asks: readonly Ask[], taken: TakenAll["taken"]): void {
  let policies = "";
  let states = "";
  for (const [index, { limit: one, amountOf }] of asks.entries()) {
    const quota = amountOf(one.quota);
    if (quota === "unlimited" || !isolate.limits.enforces(one)) continue;
    const policy = policyItem(one, quota);
    policies += policies === "" ? policy : `, ${policy}`;
    const said = taken[index] ?? null;
    if (said === null || said.answeredBy === "fallback") continue;
    const state = stateItem(one.name, said.remaining, said.resetMs);
    states += states === "" ? state : `, ${state}`;
  }
  if (policies !== "") head["RateLimit-Policy"] = policies;
  if (states !== "") head["RateLimit"] = states;
}

function refusalFor(name: string, { answeredBy, retryAfterMs }: Taken): Refusal {
  const headers: Record<string, string> =
    retryAfterMs === undefined ? {} : { "Retry-After": String(Math.max(1, wholeSeconds(retryAfterMs))) };
  if (answeredBy === "fallback") return refuse("overloaded", `the limit ${name} could not be asked`, { headers });
  const detail =
    retryAfterMs === undefined
      ? `the request costs more than the limit ${name} ever admits`
      : `the quota of the limit ${name} is used up`;
  return refuse("quota_exceeded", detail, { headers, members: { "violated-policies": [name] } });
}

function limitsOf(route: Route, method: string): readonly RouteLimit[] {
  let byMethod = byRoute.get(route);
  if (byMethod === undefined) {
    byMethod = new Map();
    byRoute.set(route, byMethod);
  }
  const known = byMethod.get(method);
  if (known !== undefined) return known;
  const counting = route.limits
    .filter(({ limit: { methods, algorithm } }) => algorithm !== "concurrency" && (methods?.has(method) ?? true))
    .toSorted((one, other) => (one.limit.name < other.limit.name ? -1 : 1));
  // Methods are any token: only so many are remembered as a route can have use for.
  if (byMethod.size < 32) byMethod.set(method, counting);
  return counting;
}

/** A whole number that a limit can charge; anything else says nothing. */
function costIn(field: string | null): number | null {
  return field !== null && /^\d{1,9}$/.test(field) ? Number(field) : null;
}
