/** /_mesh/v1/limits: which limits are in force, and all that can be done with them. */
import { Hono } from "hono/tiny";
import * as v from "valibot";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { name, noQuery, wholeNumberText } from "./fields.ts";
import { currentLimit, find, mayLook, unreachable } from "./limit-asking.ts";
import { limitBudgets } from "./limit-budgets.ts";
import { limitChanges } from "./limit-changes.ts";
import { limitReservations } from "./limit-reservations.ts";
import { shownLimit } from "./limit-shown.ts";
import { limitTakes } from "./limit-takes.ts";

const listQuery = v.strictObject({
  limit: v.optional(wholeNumberText(1, 1_000), "100"),
  /** The name after which the page begins. */
  cursor: v.optional(name),
});

export function limits(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.get("/", mayLook, async (c) => {
    const { limit: most, cursor } = readQuery(c.req.url, listQuery);
    const { isolate } = c.var;
    await isolate.limits.current(c.executionCtx);
    const names = [...isolate.limits.limits().keys()]
      .filter((each) => cursor === undefined || each > cursor)
      .toSorted();
    const now = Date.now();
    const page = names.slice(0, most);
    const shown = page.map((each) => shownLimit(find(isolate, each), isolate.mesh.limits.get(each), now));
    const last = page.at(-1);
    return c.json({ limits: shown, ...(last === undefined || names.length <= most ? {} : { cursor: last }) });
  });

  api.get("/:name", mayLook, async (c) => {
    readQuery(c.req.url, noQuery);
    const { isolate } = c.var;
    const limit = await currentLimit(isolate, c.req.param("name"), c.executionCtx);
    return c.json(shownLimit(limit, isolate.mesh.limits.get(limit.name), Date.now()));
  });

  api.get("/:name/counts", mayLook, async (c) => {
    readQuery(c.req.url, noQuery);
    const limit = find(c.var.isolate, c.req.param("name"));
    const counts = await c.var.isolate.limiterCalls.counts(limit.name);
    if (counts === null) throw unreachable();
    const { allowed, refused, nearLimit } = counts;
    return c.json({ limit: limit.name, allowed, refused, nearLimit });
  });

  api.route("/", limitChanges());
  api.route("/", limitTakes());
  api.route("/", limitReservations());
  api.route("/", limitBudgets());
  return api;
}
