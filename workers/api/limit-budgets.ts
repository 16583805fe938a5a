/**
 * `GET` and `DELETE /limits/{name}/budgets/{key}`: what a budget has left, and making it as good as new. The reset is
 * the limiter's first; then it is an event, because edges may still refuse by what they heard before.
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { PeekAnswer } from "../../durable-objects/limiter/contract.ts";
import type { Published } from "../broadcast/publisher.ts";
import { forgetBudget } from "../limit/afterwards.ts";
import type { LimitInForce } from "../limit/taken.ts";
import type { LimitResetData } from "../view/limit-data.ts";
import { checked, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { acknowledgement } from "./fields.ts";
import { amountFor, currentLimit, key, mayDo, mayLook, plan, unreachable } from "./limit-asking.ts";
import { publishedAnswer } from "./published.ts";
import { refused } from "./refused.ts";

const peekQuery = v.strictObject({ plan: v.optional(plan) });
const resetQuery = v.strictObject({ ...acknowledgement, plan: v.optional(plan) });
const path = v.strictObject({ key });

export function limitBudgets(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.get("/:name/budgets/:key", mayLook, async (c) => {
    const asked = readQuery(c.req.url, peekQuery);
    const { limit, budget, quota } = await budgetOf(c, c.req.param(), asked.plan);
    const peeked = await c.var.isolate.limiterCalls.peek({ limit, quota, budget });
    if (peeked === null) throw unreachable();
    return c.json(shownBudget(limit, budget, peeked));
  });

  api.delete("/:name/budgets/:key", mayDo, async (c) => {
    const { ack, timeoutMs, plan: planName } = readQuery(c.req.url, resetQuery);
    const { limit, budget, quota } = await budgetOf(c, c.req.param(), planName);
    const renewed = await c.var.isolate.limiterCalls.reset({ limit, quota, budget });
    forgetBudget(c.var.isolate.limits, limit.name, budget);
    if (renewed === null) throw unreachable();
    const data: LimitResetData = { limit: limit.name, budget: await sha256Of(budget) };
    const event = { id: crypto.randomUUID(), type: "limit_reset", data };
    const published = await c.var.isolate.publisher.publish(c.executionCtx, event, ack, timeoutMs);
    refuseUntold(published);
    const answer = publishedAnswer(published, ack !== "none");
    return c.json({ ...shownBudget(limit, budget, renewed), ...answer.body }, answer.status);
  });

  return api;
}

interface Named {
  readonly limit: LimitInForce;
  readonly budget: string;
  readonly quota: number;
}

async function budgetOf(
  c: Context<ApiEnv>,
  named: { readonly name: string; readonly key: string },
  planName: string | undefined,
): Promise<Named> {
  const { key: budget } = checked(path, { key: named.key });
  const limit = await currentLimit(c.var.isolate, named.name, c.executionCtx);
  const quota = amountFor(limit.quota, planName);
  if (quota === "unlimited") throw refused("not_found", "what is unlimited has no budget");
  return { limit, budget, quota };
}

function shownBudget({ name }: LimitInForce, budget: string, { used, remaining, resetMs, quota }: PeekAnswer) {
  return { limit: name, key: budget, quota, used, remaining, resetMs };
}

/** The budget is new already: what is missing is that the edges hear of it. */
function refuseUntold({ kind }: Published): void {
  const detail = "the budget was reset, but not every edge may hear of it: send it again";
  if (kind === "outcome_unknown") throw refused(kind, detail);
  if (kind === "overloaded") throw refused(kind, detail, { headers: { "Retry-After": "1" } });
}

/** Lower-case hex. */
async function sha256Of(budget: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(budget)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
