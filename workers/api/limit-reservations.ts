/** `POST /limits/{name}/reserve` and `/settle`: tokens for work whose cost is known only at its end. */
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { SettleAnswer } from "../../durable-objects/limiter/contract.ts";
import { readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { noQuery, wholeNumber } from "./fields.ts";
import { amountFor, cost, currentLimit, key, mayDo, plan, refuseConcurrency, unreachable } from "./limit-asking.ts";
import { reservation, reservationText } from "./limit-reservation.ts";
import { refused } from "./refused.ts";

const reserveBody = v.strictObject({
  key,
  cost,
  plan: v.optional(plan),
  ttlMs: v.optional(wholeNumber(1_000, 86_400_000), 60_000),
});
const settleBody = v.strictObject({ reservation, cost });

/** Nothing is counted, so nothing is to be settled. */
const unlimited = { remaining: Number.MAX_SAFE_INTEGER } as const;

export function limitReservations(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.post("/:name/reserve", mayDo, async (c) => {
    readQuery(c.req.url, noQuery);
    const { ttlMs, ...asked } = await readBody(c.req.raw, reserveBody);
    const limit = await currentLimit(c.var.isolate, c.req.param("name"), c.executionCtx);
    refuseConcurrency(limit, "name");
    const id = crypto.randomUUID();
    const given = { reservation: reservationText({ id, key: asked.key, plan: asked.plan }) };
    const quota = amountFor(limit.quota, asked.plan);
    if (quota === "unlimited") {
      return c.json({ allowed: true, ...given, ...unlimited, resetMs: 0 });
    }
    const taken = await c.var.isolate.limiterCalls.reserve({ limit, quota, budget: asked.key }, asked.cost, id, ttlMs);
    if (taken === null) throw unreachable();
    const { allowed, remaining, resetMs, retryAfterMs } = taken;
    const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
    return c.json({ allowed, ...(allowed ? given : {}), remaining, resetMs, ...retry });
  });

  api.post("/:name/settle", mayDo, async (c) => {
    readQuery(c.req.url, noQuery);
    const { reservation: held, cost: tokens } = await readBody(c.req.raw, settleBody);
    const limit = await currentLimit(c.var.isolate, c.req.param("name"), c.executionCtx);
    refuseConcurrency(limit, "name");
    const quota = amountFor(limit.quota, held.plan);
    if (quota === "unlimited") return c.json({ charged: 0, returned: 0, ...unlimited });
    const settled = await c.var.isolate.limiterCalls.settle({ limit, quota, budget: held.key }, held.id, tokens);
    if (settled === null) throw unreachable();
    return c.json(shownSettled(settled));
  });

  return api;
}

function shownSettled(settled: SettleAnswer) {
  switch (settled.kind) {
    case "settled": {
      const { charged, returned, remaining } = settled;
      return { charged, returned, remaining };
    }
    case "conflict":
      throw refused("conflict", "cost: expected the one that this reservation was settled at before");
    case "unknown":
      throw refused("not_found", "this limit has no such reservation");
    case "expired":
      throw refused("not_found", "the reservation has expired: its cost was charged");
  }
}
