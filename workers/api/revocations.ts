/** /_mesh/v1/revocations: tokens that are good no longer, by what names them; what holds, and how it is lifted. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import type { Revocation, RevocationData, RevocationTarget } from "../../durable-objects/revocations/contract.ts";
import { nameClasses } from "../../durable-objects/revocations/naming.ts";
import { isApiKeyId } from "../account/api-key-text.ts";
import { latestInstant } from "../account/api-keys.ts";
import type { Mesh } from "../config/mesh.ts";
import type { Identity } from "../token/identity.ts";
import { soleNameOf } from "../token/token-names.ts";
import { tokenLifeMs } from "../token/revocation-life.ts";
import { liftedEvent, revocationEvent, type RevocationTerms } from "../token/revoke.ts";
import { askLog } from "./ask-log.ts";
import { requireScope } from "./authorize.ts";
import { readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { ackedByRegions, noQuery, wholeNumberText } from "./fields.ts";
import { publishedAnswer } from "./published.ts";
import { refused } from "./refused.ts";
import { findRevocation, listRevocations } from "./revocation-asking.ts";
import { expectLocksNobodyOut, expectMayName } from "./lock-out.ts";
import { eventId, isTokenAlone, revocationBody, targetIn, type RevocationBody } from "./revocation-body.ts";

type Call = Context<ApiEnv>;

/** How far ahead a cut-off may be: the Log tells of a revocation as long as tokens of now may live, and a little longer. */
const furthestAheadMs = 3_600_000;
type Acknowledgement = v.InferOutput<typeof ackedByRegions>;

const listQuery = v.strictObject({
  limit: v.optional(wholeNumberText(1, 1_000), "100"),
  /** The id after which the page begins. */
  cursor: v.optional(eventId),
});

export function revocations(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.post("/", requireScope("mesh:tokens"), async (c) => {
    const asked = readQuery(c.req.url, ackedByRegions);
    const body = await readBody(c.req.raw, revocationBody);
    const { target, terms } = await termsOf(c, body);
    expectMayName(c.var.isolate.mesh, target, c.var.identity.scopes);
    await expectLocksNobodyOut(c.var.isolate, target, body.issuedBefore ?? null);
    const { id, issuedBefore } = body;
    if (issuedBefore !== undefined && issuedBefore > Date.now() + furthestAheadMs) {
      throw refused("malformed_request", "issuedBefore: expected no later than an hour from now");
    }
    const more = { ...(id === undefined ? {} : { id }), ...(issuedBefore === undefined ? {} : { issuedBefore }) };
    const { mesh } = c.var.isolate;
    const by = callerOf(c.var.identity);
    const event = revocationEvent(mesh, target, { ...terms, ...more, by, now: Date.now() });
    return publish(c, event, asked, body);
  });

  api.get("/", requireScope("mesh:tokens", "mesh:read"), async (c) => {
    const { limit, cursor } = readQuery(c.req.url, listQuery);
    const { items, isLast } = await listRevocations(c.var.isolate, cursor ?? "", limit);
    const last = items.at(-1);
    return c.json({ revocations: items.map(shown), ...(isLast || last === undefined ? {} : { cursor: last.id }) });
  });

  api.get("/:id", requireScope("mesh:tokens", "mesh:read"), async (c) => {
    readQuery(c.req.url, noQuery);
    return c.json(shown(await find(c)));
  });

  api.delete("/:id", requireScope("mesh:tokens"), async (c) => {
    const { ack, timeoutMs } = readQuery(c.req.url, ackedByRegions);
    const { id, data } = await find(c);
    expectMayName(c.var.isolate.mesh, targetOf(data), c.var.identity.scopes);
    if (data.isFinal) throw refused("conflict", "it ended with a logout, a reuse, a change or a removal");
    const published = await c.var.isolate.publisher.publish(c.executionCtx, liftedEvent(id, data), ack, timeoutMs);
    const answer = publishedAnswer(published, ack !== "none");
    return c.json({ ...answer.body, revocation: id }, answer.status);
  });

  return api;
}

interface Meant {
  readonly target: RevocationTarget;
  readonly terms: Pick<RevocationTerms, "endsAt">;
}

/** A token is taken at its word only when its issuer signed it: nobody ends another's by writing its `jti` down. */
async function termsOf(c: Call, body: RevocationBody): Promise<Meant> {
  const { isolate } = c.var;
  if (body.token === undefined) {
    const target = targetIn(isolate.mesh, body);
    if (Object.keys(target).length > 0) return { target, terms: isOfApiKey(isolate.mesh, target) ? endless : {} };
    const expected = "expected token, jti, subject, client, tenant, family, kid or issuer";
    throw refused("malformed_request", `body: ${expected}`);
  }
  if (!isTokenAlone(body)) throw refused("malformed_request", "token: expected alone, or with its issuer");
  const now = Date.now();
  const named = await isolate.tokens.nameOf(body.token, c.executionCtx, now);
  if (named.kind === "refused") throw refusedToken(named.reason);
  const { names, expiresAt } = named;
  if (body.issuer !== undefined && body.issuer !== names.issuer) {
    throw refused("malformed_request", "issuer: expected the token's own");
  }
  if (expiresAt <= now) throw refused("malformed_request", "token: expected one that has not expired");
  if (expiresAt > now + tokenLifeMs(isolate.mesh, names.issuer)) {
    throw refused("malformed_request", "token: expected one with no longer life than its issuer's tokens may have");
  }
  return { target: soleNameOf(names), terms: { endsAt: expiresAt } };
}

/** The id of a key stands where a token has its `jti`, and a key has no end of its own. */
function isOfApiKey({ tokens }: Pick<Mesh, "tokens">, { jti = "", issuer = tokens.issuer }: RevocationTarget): boolean {
  return isApiKeyId(jti) && issuer === tokens.issuer;
}

const endless = { endsAt: latestInstant * 1_000 };

function refusedToken(reason: string): Error {
  if (reason === "view_not_current" || reason === "keys_unavailable") {
    return refused("not_current", undefined, { headers: { "Retry-After": "1" } });
  }
  return refused("malformed_request", "token: expected one that the mesh or a configured issuer has signed");
}

async function publish(
  c: Call,
  event: NewEvent & { readonly data: RevocationData },
  { ack, timeoutMs }: Acknowledgement,
  body: RevocationBody,
): Promise<Response> {
  const { publisher } = c.var.isolate;
  let { data } = event;
  let published = await publisher.publish(c.executionCtx, event, ack, timeoutMs);
  if (published.kind === "conflict" && body.id !== undefined) {
    // Instants differ from one try to the next; what was asked for does not.
    const first = await firstOf(c, event, body.issuedBefore);
    if (first !== null) {
      ({ data } = first);
      published = await publisher.publish(c.executionCtx, first, ack, timeoutMs);
    }
  }
  const answer = publishedAnswer(published, ack !== "none");
  const endsAt = new Date(data.endsAt).toISOString();
  return c.json({ ...answer.body, revocation: event.id, endsAt }, answer.status);
}

/** The event that was published under this id before, when it revokes the same; null for another. */
async function firstOf(
  c: Call,
  { id, data }: NewEvent & { readonly data: RevocationData },
  issuedBefore: number | undefined,
): Promise<(NewEvent & { readonly data: RevocationData }) | null> {
  const found = await askLog(c.var.isolate, (log) => log.receipts({ v: 1, id }));
  if (found.kind === "unknown" || found.event.type !== "revocation") return null;
  const { type, retain } = found.event;
  const before = found.event.data as RevocationData;
  const isSame = nameClasses.every((name) => before[name] === data[name]) && before.by === data.by;
  if (!isSame) return null;
  if (issuedBefore !== undefined && issuedBefore !== before.issuedBefore) return null;
  return { id, type, data: before, ...(retain === undefined ? {} : { retain }) };
}

function targetOf({ issuedBefore: _1, endsAt: _2, by: _3, since: _4, isFinal: _5, ...target }: RevocationData) {
  return target;
}

async function find(c: Call): Promise<Revocation> {
  const id = c.req.param("id") ?? "";
  if (!v.is(eventId, id)) throw refused("malformed_request", "id: expected 1 to 128 of [A-Za-z0-9._:-]");
  const found = await findRevocation(c.var.isolate, id);
  if (found === null) throw refused("not_found", "no revocation of this id holds");
  return found;
}

function shown({ id, data }: Revocation): Readonly<Record<string, unknown>> {
  const { issuedBefore, endsAt, by, since, isFinal } = data;
  return {
    id,
    ...targetOf(data),
    ...(issuedBefore === undefined ? {} : { issuedBefore: new Date(issuedBefore).toISOString() }),
    endsAt: new Date(endsAt).toISOString(),
    by,
    since: new Date(since).toISOString(),
    ...(isFinal ? { isFinal } : {}),
  };
}

/** Who is accountable: the program, or the person where no program is named. */
function callerOf({ client, subject }: Identity): string {
  return client ?? subject;
}
