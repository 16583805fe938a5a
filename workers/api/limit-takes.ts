/** `POST /limits/{name}/take` and `/limits/take`: tokens of one budget, or of several, all or nothing. */
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { Ask, Taken } from "../limit/taken.ts";
import { expectBoundTo, requireScopeOfEach } from "./authorize.ts";
import { readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { name, noQuery } from "./fields.ts";
import { askOf, currentLimit, find, mayDo, refuseConcurrency, taking } from "./limit-asking.ts";
import { refused } from "./refused.ts";

const mostTakes = 16;
const takesExpected = `expected a list of 1 to ${mostTakes}`;

const takeBody = v.strictObject(taking);
const takesBody = v.strictObject({
  takes: v.pipe(
    v.array(v.strictObject({ limit: name, ...taking }), takesExpected),
    v.minLength(1, takesExpected),
    v.maxLength(mostTakes, takesExpected),
  ),
});

export function limitTakes(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.post("/:name/take", mayDo, async (c) => {
    readQuery(c.req.url, noQuery);
    const body = await readBody(c.req.raw, takeBody);
    const { isolate } = c.var;
    const limit = await currentLimit(isolate, c.req.param("name"), c.executionCtx);
    refuseConcurrency(limit, "name");
    const { taken } = await isolate.limits.take([askOf(limit, body)], c.executionCtx);
    const [only] = taken;
    if (!only) throw new Error(`cannot tell what was taken of ${limit.name}: expected an answer: received none`);
    return c.json(shownTaken(only));
  });

  api.post("/take", requireScopeOfEach("mesh:limits"), async (c) => {
    readQuery(c.req.url, noQuery);
    const { takes } = await readBody(c.req.raw, takesBody);
    for (const { limit } of takes) expectBoundTo(c, "limit", limit);
    refuseRepeated(takes);
    const { isolate } = c.var;
    await isolate.limits.current(c.executionCtx);
    const asks = takes.map((each, index): Ask => {
      const limit = find(isolate, each.limit, `takes.${index}.limit`);
      refuseConcurrency(limit, `takes.${index}.limit`);
      return askOf(limit, each);
    });
    const { allowed, taken } = await isolate.limits.take(asks, c.executionCtx);
    const shown = takes.map(({ limit, key }, index) => ({ limit, key, ...shownOrUnknown(taken[index] ?? null) }));
    return c.json({ allowed, takes: shown });
  });

  return api;
}

/** Two takes from one budget would be one of their sum, or half of it: nobody could say which. */
function refuseRepeated(takes: readonly { readonly limit: string; readonly key: string }[]): void {
  const seen = new Set<string>();
  for (const [index, { limit, key }] of takes.entries()) {
    // No name holds a line break.
    const budget = `${limit}\n${key}`;
    if (seen.has(budget)) throw refused("malformed_request", `takes.${index}: expected each limit and key once`);
    seen.add(budget);
  }
}

function shownTaken({ allowed, remaining, resetMs, retryAfterMs, answeredBy }: Taken) {
  return { allowed, remaining, resetMs, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), answeredBy };
}

/** Of a limit that was not needed to refuse nothing is known, and nothing was taken. */
function shownOrUnknown(taken: Taken | null) {
  return taken === null ? { allowed: null } : shownTaken(taken);
}
