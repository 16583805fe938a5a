/** …/introspect (RFC 7662) and …/revoke (RFC 7009): what holds of a token, and its end, for clients. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { clientOf } from "../auth/give.ts";
import { readRefresh } from "../auth/grant-text.ts";
import { asked } from "../auth/holder.ts";
import { authPartsOf } from "../auth/parts-of-isolate.ts";
import { notCurrent, notGiven, unreachable, type AuthParts, type Client } from "../auth/parts.ts";
import { showRefresh } from "../auth/shown-refresh.ts";
import { readAskingClient } from "../auth/token-request.ts";
import { ownClient } from "../token/admin-client.ts";
import { readCredential } from "../token/credential.ts";
import type { Identity, Verdict } from "../token/identity.ts";
import type { TokenForm } from "../token/client-credential.ts";
import { answerOAuthOnly, challengeFor, oauthRefused } from "./auth-refused.ts";
import { apiKeyPrefix, readApiKey } from "../account/api-key-text.ts";
import { latestInstant } from "../account/api-keys.ts";
import { askAccounts } from "./account-asking.ts";
import { mayAll, originOfLogin, readForm } from "./auth-asking.ts";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { eventsOf } from "./end-session.ts";
import { ackedByRegions, noQuery } from "./fields.ts";
import { publishOwed } from "./publish-owed.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;
/** Who asks: a client, or whoever may see and end all tokens. */
type Asker = { readonly name: string } & (
  | { readonly kind: "client"; readonly client: Client }
  | { readonly kind: "operator" }
);

const noStore = { "Cache-Control": "no-store", Pragma: "no-cache" } as const;

export function introspectPaths(): Hono<ApiEnv> {
  const paths = new Hono<ApiEnv>();
  paths.post("/introspect", (c) => introspect(c));
  paths.post("/revoke", (c) => revoke(c));
  paths.onError(answerOAuthOnly);
  return paths;
}

/** Whatever is not good, for whatever reason, is `{"active": false}` and nothing else. */
async function introspect(c: Call): Promise<Response> {
  readQuery(c.req.url, noQuery);
  const form = await readTokenForm(c);
  const parts = authPartsOf(c.var.isolate, c.executionCtx);
  const asker = await askerOf(c, parts, form);
  // A public client proves nothing: anybody could ask in its name.
  if (asker.kind === "client" && asker.client.isPublic) throw oauthRefused(wrongClient, challengeFor(c));
  const token = form.get("token") ?? "";
  const body = (await describeAccess(c, token)) ?? (await describeRefresh(c, parts, token)) ?? { active: false };
  return Response.json(body, { headers: noStore });
}

/** 200 also for a token that is none, or good no longer: it is ended either way (RFC 7009 section 2.2). */
async function revoke(c: Call): Promise<Response> {
  const how = readQuery(c.req.url, ackedByRegions);
  const form = await readTokenForm(c);
  const parts = authPartsOf(c.var.isolate, c.executionCtx);
  const asker = await askerOf(c, parts, form);
  const token = form.get("token") ?? "";
  const refresh = await readRefresh(token, parts.key);
  if (refresh !== null) return revokeFamily(c, parts, asker, refresh.family, how);
  const verdict = await verdictOn(c, token);
  if (verdict.kind === "refused" && verdict.code === "not_current") throw oauthRefused(notCurrent);
  if (verdict.kind === "accepted") {
    const { issuer, client } = verdict.identity;
    // An outside issuer's clients are others, whatever their names.
    expectOwner(asker, issuer === c.var.isolate.mesh.tokens.issuer ? client : null);
    const key = readApiKey(token);
    const events = key === null ? await eventsOf(c, verdict.identity, token) : await keyEnded(c, key.id, asker.name);
    if (events.length > 0) await publishOwed(c.var.isolate, c.executionCtx, events, how);
  }
  return new Response(null, { status: 200, headers: noStore });
}

/** A token, or an API key: programs show both in the same way. */
async function verdictOn(c: Call, text: string): Promise<Verdict> {
  const { apiKeys, tokens } = c.var.isolate;
  const verifier = text.startsWith(apiKeyPrefix) ? apiKeys : tokens;
  return verifier.verify(text, c.executionCtx, Date.now());
}

async function keyEnded(c: Call, id: string, by: string): Promise<readonly NewEvent[]> {
  const { requestId } = c.var;
  const removed = await askAccounts(c, id, (object) => object.removeKey({ v: 1, id, by, requestId }));
  return removed.kind === "removed" ? removed.events : [];
}

async function revokeFamily(
  c: Call,
  parts: AuthParts,
  asker: Asker,
  family: string,
  how: { readonly ack: "none" | "regions" | "everywhere"; readonly timeoutMs: number },
): Promise<Response> {
  const seen = await asked(parts.grants(family).peek({ v: 1, family }));
  if (seen === null) throw oauthRefused(unreachable);
  let events = seen.kind === "ended" ? (seen.events ?? []) : [];
  if (seen.kind === "live") {
    expectOwner(asker, seen.grant.client ?? ownClient);
    const ended = await asked(parts.grants(family).end({ v: 1, family, by: seen.grant.subject }));
    if (ended === null) throw oauthRefused(unreachable);
    ({ events } = ended);
  }
  // Also of what ended before: whoever asks again after a 503 waits for the same regions.
  if (events.length > 0) await publishOwed(c.var.isolate, c.executionCtx, events, how);
  return new Response(null, { status: 200, headers: noStore });
}

async function readTokenForm(c: Call): Promise<TokenForm> {
  const form = await readForm(c.req.raw);
  if (!form.has("token")) throw refused("malformed_request", "token: expected");
  return form;
}

const wrongClient = notGiven("token_invalid", "invalid_client", "expected the client's id and secret");

async function askerOf(c: Call, parts: AuthParts, form: TokenForm): Promise<Asker> {
  const authorization = c.req.header("authorization") ?? null;
  const credential = readCredential(authorization);
  if (credential.kind === "bearer") return byToken(c, credential.token);
  const found = readAskingClient(authorization, form);
  if (found.kind === "malformed") throw refused("malformed_request", found.detail);
  const client = await clientOf(parts, found.client, originOfLogin(c));
  if (client.kind === "not_given") throw oauthRefused(client, client.code === "token_invalid" ? challengeFor(c) : {});
  if (client.who === null) throw oauthRefused(wrongClient, challengeFor(c));
  const { id: name, isAdmin } = client.who;
  return isAdmin ? { kind: "operator", name } : { kind: "client", name, client: client.who };
}

async function byToken(c: Call, token: string): Promise<Asker> {
  const { isolate } = c.var;
  const verdict = await isolate.tokens.verify(token, c.executionCtx, Date.now());
  if (verdict.kind === "refused") throw refused(verdict.code);
  const { identity } = verdict;
  if (!mayAll(c, identity.scopes, identity)) throw refused("forbidden", "expected the scope mesh:tokens");
  return { kind: "operator", name: identity.client ?? identity.subject };
}

function expectOwner(asker: Asker, client: string | null): void {
  if (asker.kind === "operator" || asker.name === client) return;
  throw oauthRefused(notGiven("malformed_request", "unauthorized_client", "token: expected one of this client's own"));
}

async function describeAccess(c: Call, token: string): Promise<Readonly<Record<string, unknown>> | null> {
  const verdict = await verdictOn(c, token);
  if (verdict.kind === "accepted") return described(verdict.identity);
  if (verdict.code === "not_current") throw oauthRefused(notCurrent);
  return null;
}

function described({ issuer, subject, client, tenant, roles, scopes, claims, expiresAt }: Identity) {
  return {
    active: true,
    token_type: "Bearer",
    iss: issuer,
    sub: subject,
    ...(subject === client ? {} : { username: subject }),
    ...(client === null ? {} : { client_id: client }),
    ...(tenant === null ? {} : { tenant }),
    aud: claims["aud"],
    ...(claims["resources"] === undefined ? {} : { resources: claims["resources"] }),
    scope: scopes.join(" "),
    roles,
    ...(expiresAt === latestInstant ? {} : { exp: expiresAt }),
    ...(claims["iat"] === undefined ? {} : { iat: claims["iat"] }),
    ...(claims["jti"] === undefined ? {} : { jti: claims["jti"] }),
  };
}

async function describeRefresh(
  c: Call,
  parts: AuthParts,
  token: string,
): Promise<Readonly<Record<string, unknown>> | null> {
  const shown = await showRefresh(parts, token);
  if (shown.kind === "not_given") throw oauthRefused(shown);
  if (shown.kind === "none") return null;
  const { grant, scopes, endsAt } = shown;
  const { subject, client, startedAt } = grant;
  return {
    active: true,
    token_type: "refresh_token",
    iss: c.var.isolate.mesh.tokens.issuer,
    sub: subject,
    username: subject,
    client_id: client ?? ownClient,
    scope: scopes.join(" "),
    iat: Math.floor(startedAt / 1_000),
    exp: Math.floor(endsAt / 1_000),
  };
}
