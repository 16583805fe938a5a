/**
 * The mesh API's limits: which are in force, taking tokens, and looking at a budget.
 *
 * `key` is the budget's own text. For a limit by `key` that is whatever its callers agree on. For the others it is what
 * the gate makes of a request, so that a node can count against the same budget as the gate does: an address
 * (`192.0.2.7`), an IPv6 network (`2001:db8::/64`), a route's name, `["ISSUER","SUBJECT"]` for a subject, tenant,
 * client or claim, `["VALUE"]` for a header; for several parts the JSON array of them, without spaces.
 */
import { Hono } from "hono";
import * as v from "valibot";
import { maxBudgetBytes, maxTokens } from "../../durable-objects/limiter/contract.ts";
import type { Limit, LimitPart } from "../config/mesh.ts";
import type { Isolate } from "../isolate.ts";
import { requireScope } from "./authorize.ts";
import { checked, readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { name, text, wholeNumber, wholeNumberText } from "./fields.ts";
import { refused } from "./refused.ts";

const key = text(1, maxBudgetBytes);
const listQuery = v.strictObject({
  limit: v.optional(wholeNumberText(1, 1_000), "100"),
  /** The name after which the page begins. */
  cursor: v.optional(name),
});
const takeBody = v.strictObject({ key, cost: v.optional(wholeNumber(0, maxTokens), 1) });

/** `mesh:read` may look; so may who may take. */
const mayLook = requireScope("mesh:read", "mesh:limits");

export function limits(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.get("/", mayLook, (c) => {
    const { limit: most, cursor } = readQuery(c.req.url, listQuery);
    const names = [...c.var.isolate.limits.limits().keys()]
      .filter((each) => cursor === undefined || each > cursor)
      .toSorted();
    const page = names.slice(0, most).map((each) => shown(find(c.var.isolate, each)));
    const last = page.at(-1)?.name;
    return c.json({ limits: page, ...(last === undefined || names.length <= most ? {} : { cursor: last }) });
  });

  api.get("/:name", mayLook, (c) => c.json(shown(find(c.var.isolate, c.req.param("name")))));

  api.post("/:name/take", requireScope("mesh:limits"), async (c) => {
    const { isolate } = c.var;
    const limit = find(isolate, c.req.param("name"));
    const asked = await readBody(c.req.raw, takeBody);
    const taken = await isolate.limits.take(limit, asked.key, asked.cost, c.executionCtx, Date.now());
    const { allowed, remaining, resetMs, retryAfterMs, answeredBy } = taken;
    return c.json({ allowed, remaining, resetMs, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), answeredBy });
  });

  api.get("/:name/budgets/:key", mayLook, async (c) => {
    const limit = find(c.var.isolate, c.req.param("name"));
    const budget = checked(v.object({ key }), { key: c.req.param("key") }).key;
    if (limit.quota === "unlimited") throw refused("not_found", "an unlimited limit has no budgets");
    const peeked = await c.var.isolate.limits.peek(limit, limit.quota, budget);
    if (peeked === null)
      throw refused("overloaded", "the limiter could not be asked", { headers: { "Retry-After": "1" } });
    const { used, remaining, resetMs, quota } = peeked;
    return c.json({ limit: limit.name, key: budget, quota, used, remaining, resetMs });
  });

  return api;
}

function find(isolate: Isolate, limitName: string): Limit {
  const limit = isolate.limits.limits().get(limitName);
  if (limit === undefined) throw refused("not_found", "there is no limit of this name");
  return limit;
}

/** As the configuration says it; `source` tells that it comes from there. */
function shown({ name: limitName, by, algorithm, quota, windowMs, mode, onError }: Limit) {
  const parts = by.map(partText);
  return {
    name: limitName,
    by: parts.length === 1 ? parts[0] : parts,
    algorithm,
    quota,
    windowMs,
    mode,
    onError,
    source: "file",
  };
}

function partText(part: LimitPart): string {
  return part.kind === "claim" || part.kind === "header" ? `${part.kind}:${part.name}` : part.kind;
}
