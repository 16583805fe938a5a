/**
 * The mesh API's locks. Each lock is decided by one object; what is added here is a name for each request, so that a lost
 * answer can be asked for again, and the care for callers that wait and go away.
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import {
  longestText,
  longestTtlMs,
  longestWaitMs,
  shortestTtlMs,
  type Hold,
  type LockContract,
} from "../../durable-objects/lock/contract.ts";
import { lockStub } from "../../durable-objects/stubs.ts";
import { expectBoundTo, requireScope, requireScopeOfEach } from "./authorize.ts";
import { checked, readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { name, text, wholeNumber, wholeNumberText } from "./fields.ts";
import { acquireLock } from "./lock-acquire.ts";
import { asked } from "./lock-asking.ts";
import { listLocks } from "./lock-list.ts";
import { refused } from "./refused.ts";

const holder = text(1, longestText);
const token = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const ttlMs = wholeNumber(shortestTtlMs, longestTtlMs);
const mostRenewals = 100;

const notAvailable = "expected no such field: not available in this version";

const acquireBody = v.pipe(
  v.strictObject({
    holder,
    ttlMs,
    waitMs: v.optional(wholeNumber(0, longestWaitMs), 0),
    atLeastMs: v.optional(wholeNumber(0, longestTtlMs), 0),
    mode: v.optional(v.literal("exclusive", 'expected "exclusive": "shared" is not available in this version')),
    permits: v.optional(v.undefined(notAvailable)),
    requestId: v.optional(text(1, longestText)),
  }),
  v.forward(
    v.check(({ atLeastMs, ttlMs: length }) => atLeastMs <= length, "expected at most ttlMs"),
    ["atLeastMs"],
  ),
);
const renewBody = v.strictObject({ holder, token, ttlMs: v.optional(ttlMs) });
const releaseBody = v.strictObject({ holder, token });
const renewAllBody = v.strictObject({
  holder,
  holds: v.pipe(
    v.array(v.strictObject({ lock: name, token }), "expected a list of { lock, token }"),
    v.minLength(1, "expected at least one hold"),
    v.maxLength(mostRenewals, `expected at most ${mostRenewals} holds`),
  ),
});
const listQuery = v.strictObject({
  limit: v.optional(wholeNumberText(1, 1_000), "100"),
  cursor: v.optional(v.string("expected a cursor")),
});

/** `mesh:read` may look; so may who may lock. */
const mayLook = requireScope("mesh:read", "mesh:locks");
const mayLock = requireScope("mesh:locks");

export function locks(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.get("/", mayLook, async (c) => {
    const { limit, cursor } = readQuery(c.req.url, listQuery);
    return c.json(await listLocks(c.env, c.var.isolate.mesh.environment, limit, cursor));
  });

  api.post("/renew", requireScopeOfEach("mesh:locks"), async (c) => {
    const { holder: who, holds } = await readBody(c.req.raw, renewAllBody);
    for (const { lock } of holds) expectBoundTo(c, "lock", lock);
    return c.json({ holds: await Promise.all(holds.map((hold) => renewedOrNot(c, { holder: who, ...hold }))) });
  });

  api.post("/:name/acquire", mayLock, async (c) => {
    const lock = lockOf(c);
    const body = await readBody(c.req.raw, acquireBody);
    return c.json(await acquireLock(stubs(c, lock), { lock, ...body }, c.req.raw.signal, c.executionCtx));
  });

  api.post("/:name/renew", mayLock, async (c) => {
    const lock = lockOf(c);
    const { ttlMs: length, ...hold } = await readBody(c.req.raw, renewBody);
    const wish = length === undefined ? {} : { ttlMs: length };
    const answer = await asked(stubs(c, lock), (stub) => stub.renew({ v: 1, lock, ...hold, ...wish }));
    return c.json(held(answer));
  });

  api.post("/:name/release", mayLock, async (c) => {
    const lock = lockOf(c);
    const hold = await readBody(c.req.raw, releaseBody);
    const { token: last } = held(await asked(stubs(c, lock), (stub) => stub.release({ v: 1, lock, ...hold })));
    return c.json({ lock, holder: hold.holder, token: last });
  });

  api.get("/:name", mayLook, async (c) => {
    const lock = lockOf(c);
    return c.json((await asked(stubs(c, lock), (stub) => stub.inspect({ v: 1, lock }))).state);
  });

  api.delete("/:name", mayLock, async (c) => {
    const lock = lockOf(c);
    return c.json((await asked(stubs(c, lock), (stub) => stub.clear({ v: 1, lock }))).state);
  });

  return api;
}

/** A stub belongs to one try: after an exception a new one is needed. */
function stubs(c: Context<ApiEnv>, lock: string): () => LockContract {
  return () => lockStub(c.env, c.var.isolate.mesh.environment, lock);
}

function lockOf(c: Context<ApiEnv>): string {
  return checked(v.strictObject({ name }), { name: c.req.param("name") }).name;
}

function held(
  answer: { readonly kind: "renewed" | "released"; readonly hold: Hold } | { readonly kind: "not_holder" },
): Hold {
  if (answer.kind === "not_holder") throw refused("not_holder");
  return answer.hold;
}

/** One hold that has ended does not keep the others from being renewed. */
async function renewedOrNot(
  c: Context<ApiEnv>,
  hold: { readonly holder: string; readonly lock: string; readonly token: number },
) {
  const answer = await asked(stubs(c, hold.lock), (stub) => stub.renew({ v: 1, ...hold }));
  return answer.kind === "not_holder"
    ? { lock: hold.lock, token: hold.token, renewed: false, code: "not_holder" }
    : { ...answer.hold, renewed: true };
}
