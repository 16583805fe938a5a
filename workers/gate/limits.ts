/**
 * Gate step: the route's limits that count this method. All or nothing. Permits for requests at once are taken first:
 * to give one back costs nothing and is exact, while tokens that came from the limiter may be lost on their way back.
 * Limits in shadow mode count, and are neither announced nor enforced.
 */
import type { Quota, QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import type { Route, RouteLimit } from "../config/mesh.ts";
import { chargeRest } from "../limit/afterwards.ts";
import { budgetOf } from "../limit/budget.ts";
import { countsMethod } from "../limit/counted-methods.ts";
import { costIn } from "../limit/cost-field.ts";
import { neighbourhoodOf } from "../limit/neighbourhood.ts";
import { quotaFor } from "../limit/quota.ts";
import type { Decided } from "../limit/limit-desk.ts";
import type { Ask } from "../limit/taken.ts";
import type { Refusal } from "../problem/problem.ts";
import { isPreflight } from "./cors.ts";
import { announce, isRefusing, refusalFor, type Said } from "./limit-answer.ts";
import type { Passage, Step, StepResult } from "./passage.ts";

/** A route's limits for one method, each kind in order of name: no two requests take the same ones in opposite orders. */
interface Counting {
  readonly permits: readonly RouteLimit[];
  readonly tokens: readonly RouteLimit[];
}

const byRoute = new WeakMap<Route, Map<string, Counting>>();
const none: readonly never[] = [];
/** No plan is needed to read it. */
const amountOfAll = (quota: Quota): QuotaAmount => quotaFor(quota, null);

export const limit: Step = (passage) => {
  if (passage.isExempt) return null;
  const { permits, tokens } = limitsOf(passage);
  if (permits.length > 0) return limitHeld(passage, permits, tokens);
  if (tokens.length === 0) return null;
  const asks = asksOf(passage, tokens);
  return asks instanceof Promise ? asks.then((found) => takeAll(passage, found, none)) : takeAll(passage, asks, none);
};

/** What the answer says its request has cost, beyond what was taken for it before, is charged too. */
export function settleCosts(passage: Passage, answer: Headers): void {
  const { asks, context, isolate, requestId } = passage;
  for (const [index, { costHeader }] of limitsOf(passage).tokens.entries()) {
    const ask = asks[index];
    const field = costHeader === null ? null : answer.get(costHeader);
    if (ask === undefined || field === null) continue;
    const cost = costIn(field);
    // What was taken stands: the client cannot help what the service says wrongly.
    if (cost === null) console.warn({ event: "cost_not_understood", limit: ask.limit.name, costHeader, requestId });
    else if (cost > ask.cost) chargeRest(isolate.limits, { ...ask, cost: cost - ask.cost }, context);
  }
}

async function limitHeld(
  passage: Passage,
  permits: readonly RouteLimit[],
  tokens: readonly RouteLimit[],
): Promise<StepResult> {
  const asks = await asksOf(passage, permits);
  const tokenAsks = await asksOf(passage, tokens);
  const { taken, allowed, stay } = await passage.isolate.permits.take(asks, passage.context);
  // From here on the gate ends it, whatever happens.
  passage.stay = stay;
  const said = asks.map((ask, index): Said => ({ ask, taken: taken[index] ?? null }));
  if (allowed && tokens.length > 0) return takeAll(passage, tokenAsks, said);
  return conclude(
    passage,
    said,
    tokenAsks.map((ask): Said => ({ ask, taken: null })),
  );
}

function takeAll(passage: Passage, asks: readonly Ask[], held: readonly Said[]): StepResult | Promise<StepResult> {
  passage.asks = asks;
  const taken = passage.isolate.limits.take(asks, passage.context);
  // Told is what decided: a rule that was renewed on the way may be another one than the request was asked under.
  const told = (all: Decided) =>
    (all.asks ?? asks).map((ask, index): Said => ({ ask, taken: all.taken[index] ?? null }));
  return taken instanceof Promise
    ? taken.then((all) => conclude(passage, held, told(all)))
    : conclude(passage, held, told(taken));
}

function conclude(passage: Passage, held: readonly Said[], counted: readonly Said[]): Refusal | null {
  const all = held.length === 0 ? counted : [...held, ...counted].toSorted(byName);
  announce(passage, all);
  const refusing = all.find(isRefusing);
  return refusing === undefined ? null : refusalFor(refusing);
}

function byName(one: Said, other: Said): number {
  return one.ask.limit.name < other.ask.limit.name ? -1 : 1;
}

function asksOf(passage: Passage, counting: readonly RouteLimit[]): readonly Ask[] | Promise<readonly Ask[]> {
  const ready: Ask[] = [];
  const asks: (Ask | Promise<Ask>)[] = counting.map((routed) => askOf(passage, routed));
  for (const ask of asks) if (!(ask instanceof Promise)) ready.push(ask);
  return ready.length === asks.length ? ready : Promise.all(asks.map(async (ask) => ask));
}

/** Synchronous but for a budget that is too long to be its own name. */
function askOf(passage: Passage, { limit: filed, cost }: RouteLimit): Ask | Promise<Ask> {
  const found = passage.isolate.limits.find(filed.name);
  if (found === undefined) throw new Error(`cannot count: there is no limit ${filed.name}`);
  const { identity } = passage;
  const amountOf = typeof found.quota === "object" ? (quota: Quota) => quotaFor(quota, identity) : amountOfAll;
  const neighbourhood = neighbourhoodOf(filed, passage);
  const budget = budgetOf(filed, passage);
  if (typeof budget === "string") return { limit: found, amountOf, budget, cost, neighbourhood };
  return budget.then((named) => ({ limit: found, amountOf, budget: named, cost, neighbourhood }));
}

function limitsOf({ route, request: { method }, fields }: Passage): Counting {
  const asksFirst = isPreflight(method, fields);
  // No method has a question mark in its name.
  const kind = asksFirst ? "OPTIONS?" : method;
  let byMethod = byRoute.get(route);
  if (byMethod === undefined) {
    byMethod = new Map();
    byRoute.set(route, byMethod);
  }
  const known = byMethod.get(kind);
  if (known !== undefined) return known;
  const counting = route.limits
    .filter(({ limit: counted }) => countsMethod(counted.methods, method) && (!asksFirst || countsAnybody(counted)))
    .toSorted((one, other) => (one.limit.name < other.limit.name ? -1 : 1));
  const parted = Map.groupBy(counting, isOfPermits);
  const found = { permits: parted.get(true) ?? none, tokens: parted.get(false) ?? none };
  // Methods are any token: only so many are remembered as a route can have use for.
  if (byMethod.size < 32) byMethod.set(kind, found);
  return found;
}

/**
 * A preflight does not tell who asks: people behind one address would use up each other's requests if theirs counted
 * like a stranger's, so a limit that needs to know counts none of them.
 */
function countsAnybody({ by, quota }: RouteLimit["limit"]): boolean {
  return typeof quota !== "object" && by.every(({ kind }) => kind === "address" || kind === "route");
}

function isOfPermits({ limit: { algorithm } }: RouteLimit): boolean {
  return algorithm === "concurrency";
}
