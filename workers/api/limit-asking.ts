/**
 * What the limits' calls have in common: the limit and the budget that they mean, and how much of it there is.
 *
 * `key` is the budget's own text. For a limit by `key` that is whatever its callers agree on. For the others it is what
 * the gate makes of a request, so that a node can count against the same budget as the gate does: an address
 * (`192.0.2.7`), an IPv6 network (`2001:db8::/64`), a route's name, `["ISSUER","SUBJECT"]` for a subject, tenant,
 * client or claim, `["VALUE"]` for a header; for several parts the JSON array of them, without spaces.
 */
import * as v from "valibot";
import { maxBudgetBytes, maxTokens, type Quota, type QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import { quotaFor } from "../limit/quota.ts";
import type { Ask, LimitInForce, Waits } from "../limit/taken.ts";
import type { Isolate } from "../isolate.ts";
import { requireScope } from "./authorize.ts";
import { text, wholeNumber } from "./fields.ts";
import { refused } from "./refused.ts";

/** `mesh:read` may look; so may who may take. */
export const mayLook = requireScope("mesh:read", "mesh:limits");
export const mayDo = requireScope("mesh:limits");

export const key = text(1, maxBudgetBytes);
/** What the asker's token would say in the claim of the limit's table. 256 characters, as the configuration has it. */
export const plan = text(1, 768);
export const cost = wholeNumber(0, maxTokens);
/** Which budget, and how many tokens of it: a part of many bodies. */
export const taking = { key, cost: v.optional(cost, 1), plan: v.optional(plan) };

/** The limit as it is in force. */
export async function currentLimit(isolate: Isolate, name: string, context: Waits): Promise<LimitInForce> {
  await isolate.limits.current(context);
  return find(isolate, name);
}

/** `field` names where its name came from, when that was not the path. */
export function find(isolate: Isolate, name: string, field?: string): LimitInForce {
  const limit = isolate.limits.find(name);
  if (limit !== undefined) return limit;
  throw refused("not_found", `${field === undefined ? "" : `${field}: `}there is no limit of this name`);
}

/** Permits are held while a request is under way; whoever takes one here would never give it back. */
export function refuseConcurrency({ algorithm }: LimitInForce, field: string): void {
  if (algorithm !== "concurrency") return;
  throw refused("malformed_request", `${field}: expected a limit of tokens: received one of requests at once`);
}

interface Asked {
  readonly key: string;
  readonly cost: number;
  readonly plan?: string | undefined;
}

/** Who has a token for this call is known: its new budgets are not counted as a stranger's. */
export function askOf(limit: LimitInForce, { key: budget, cost: tokens, plan: planName }: Asked): Ask {
  const amountOf = (quota: Quota) => amountFor(quota, planName);
  return { limit, amountOf, budget, cost: tokens, neighbourhood: null };
}

export function amountFor(quota: Quota, planName: string | undefined): QuotaAmount {
  const isLookedUp = typeof quota === "object" && planName !== undefined;
  return quotaFor(quota, isLookedUp ? { claims: { [quota.claim]: planName } } : null);
}

export function unreachable(): Error {
  return refused("overloaded", "the limiter could not be asked", { headers: { "Retry-After": "1" } });
}
