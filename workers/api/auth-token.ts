/** …/token and …/tokens/{user}: tokens got, shown, renewed and ended. RESTHeart's contract, and RFC 6749. */
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { give } from "../auth/give.ts";
import type { Given } from "../auth/issue.ts";
import { renew } from "../auth/renew.ts";
import { authPartsOf } from "../auth/parts-of-isolate.ts";
import { readTokenRequest } from "../auth/token-request.ts";
import { readCredential } from "../token/credential.ts";
import type { Identity } from "../token/identity.ts";
import { challengeFor, oauthRefused } from "./auth-refused.ts";
import { authBase, originOfLogin, presentedToken, readForm, verified, type Presented } from "./auth-asking.ts";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { endSubject, endToken } from "./end-session.ts";
import { ackedByRegions } from "./fields.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

/** Their presence says it, whatever their value: so RESTHeart's clients write them. */
const silent = { noauthchallenge: v.optional(v.string()) };
const switches = v.strictObject({ ...silent, renew: v.optional(v.string()) });
const userQuery = v.strictObject(silent);
/** Of calls that end tokens. */
export const endQuery = v.strictObject({ ...silent, ...ackedByRegions.entries });
/** What scripts of other sites may read of an answer. */
const exposed = "Auth-Token, Auth-Token-Valid-Until, Auth-Token-Location";

export function tokenPaths(): Hono<ApiEnv> {
  const paths = new Hono<ApiEnv>();
  paths.post("/token", async (c) => answerWith(c, await ask(c)));
  paths.get("/token", async (c) => answerWith(c, await ask(c)));
  paths.delete("/token", endPresented);
  paths.get("/tokens/:user", showUser);
  paths.delete("/tokens/:user", endUser);
  return paths;
}

/** A token that is there already, or one that is given now. */
export interface Answered {
  readonly token: string;
  /** It came in a cookie, where scripts cannot read it: it goes into no body that they can. */
  readonly isHidden: boolean;
  /** ms since 1970. */
  readonly expiresAt: number;
  readonly refreshToken: string | null;
  /** null for a client's own. */
  readonly username: string | null;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly identity: Identity | null;
}

/** By credentials, or by a token: then that one is answered, or with `renew` another one in its place. */
export async function ask(c: Call): Promise<Answered> {
  const { renew: isRenewed } = readQuery(c.req.url, switches);
  const authorization = c.req.header("authorization") ?? null;
  const form = await readForm(c.req.raw);
  // A form says who asks, whatever cookie comes along.
  const presented = form.size > 0 || readCredential(authorization).kind === "other" ? null : presentedToken(c);
  if (presented === null) return given(await askWithCredentials(c, authorization, form));
  const identity = await verified(c, presented);
  if (isRenewed === undefined) return known(presented, identity);
  if (identity.issuer !== c.var.isolate.mesh.tokens.issuer)
    throw refused("forbidden", "only the mesh's own tokens are renewed");
  const renewed = await renew(authPartsOf(c.var.isolate, c.executionCtx), identity);
  if (renewed.kind === "not_given") throw oauthRefused(renewed);
  return given(renewed);
}

async function askWithCredentials(
  c: Call,
  authorization: string | null,
  form: Awaited<ReturnType<typeof readForm>>,
): Promise<Given> {
  const asked = readTokenRequest(authorization, form);
  if (asked.kind === "malformed")
    throw oauthRefused({ code: "malformed_request", error: asked.error, detail: asked.detail });
  if (asked.kind === "missing") {
    throw credentialsMissing(c);
  }
  const parts = authPartsOf(c.var.isolate, c.executionCtx);
  const outcome = await give(parts, asked.request, originOfLogin(c));
  if (outcome.kind === "given") return outcome;
  throw oauthRefused(outcome, outcome.code === "token_invalid" ? challengeFor(c) : {});
}

function credentialsMissing(c: Call): Error {
  const missing = { code: "token_missing", error: "invalid_client", detail: "expected credentials" } as const;
  return oauthRefused(missing, challengeFor(c));
}

function given({ token, expiresAt, refreshToken, subject }: Given): Answered {
  const { name, client, roles, scopes } = subject;
  return { token, expiresAt, refreshToken, username: name === client ? null : name, roles, scopes, identity: null };
}

function known({ token }: Presented, identity: Identity): Answered {
  const { subject, client, roles, scopes, expiresAt } = identity;
  const username = subject === client ? null : subject;
  return { token, expiresAt: expiresAt * 1_000, refreshToken: null, username, roles, scopes, identity };
}

function answerWith(c: Call, answered: Answered): Response {
  const { token, expiresAt, refreshToken, username, roles, scopes, identity } = answered;
  const left = Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000));
  const body = {
    access_token: token,
    token_type: "Bearer",
    expires_in: identity === null ? c.var.isolate.mesh.tokens.ttlSeconds : left,
    ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    ...(username === null ? {} : { username }),
    roles,
    scope: scopes.join(" "),
    ...(identity === null ? {} : factsOf(identity)),
  };
  return Response.json(body, { headers: headOf(c, token, expiresAt) });
}

export function headOf(c: Call, token: string, expiresAt: number): Record<string, string> {
  return {
    "Auth-Token": token,
    "Auth-Token-Valid-Until": new Date(expiresAt).toISOString(),
    "Auth-Token-Location": `${authBase(c)}/token`,
    "Access-Control-Expose-Headers": exposed,
    "Cache-Control": "no-store",
    Pragma: "no-cache",
  };
}

function factsOf(identity: Identity): Readonly<Record<string, unknown>> {
  const { issuer, subject, client, tenant, claims, expiresAt } = identity;
  return {
    issuer,
    subject,
    client,
    tenant,
    id: typeof claims["jti"] === "string" ? claims["jti"] : null,
    issuedAt: typeof claims["iat"] === "number" ? new Date(claims["iat"] * 1_000).toISOString() : null,
    expiresAt: new Date(expiresAt * 1_000).toISOString(),
  };
}

/** Ends the token, and all that came of the same login, in the whole mesh. */
async function endPresented(c: Call): Promise<Response> {
  const how = readQuery(c.req.url, ackedByRegions);
  const presented = presentedToken(c);
  if (presented === null) throw refused("token_missing");
  return endToken(c, await verified(c, presented), presented.token, how);
}

/** RESTHeart 8: the own token, as its headers say it. Of others only that they are there. */
async function showUser(c: Call): Promise<Response> {
  readQuery(c.req.url, v.strictObject({}));
  const { identity, presented, user } = await userAsked(c);
  if (user !== identity.subject) {
    const read = await authPartsOf(c.var.isolate, c.executionCtx).people.read(user);
    if (read.kind === "unreachable") throw refused("overloaded", undefined, { headers: { "Retry-After": "1" } });
    if (read.kind === "missing") throw refused("not_found", "there is no such account");
    return Response.json({ username: user, roles: read.who.roles }, { headers: { "Cache-Control": "no-store" } });
  }
  const expiresAt = identity.expiresAt * 1_000;
  const body = {
    auth_token: presented.token,
    auth_token_valid_until: new Date(expiresAt).toISOString(),
    username: user,
    roles: identity.roles,
  };
  return Response.json(body, { headers: headOf(c, presented.token, expiresAt) });
}

async function endUser(c: Call): Promise<Response> {
  const how = readQuery(c.req.url, ackedByRegions);
  const { identity, user } = await userAsked(c);
  return endSubject(c, identity, user, how);
}

/** The own name, or any with `mesh:tokens`. Who may not see others' does not learn which there are. */
async function userAsked(c: Call): Promise<{ identity: Identity; presented: Presented; user: string }> {
  const presented = presentedToken(c);
  if (presented === null) throw refused("token_missing");
  const identity = await verified(c, presented);
  const user = c.req.param("user") ?? "";
  const isOwn = identity.issuer === c.var.isolate.mesh.tokens.issuer;
  const mayAll = identity.scopes.includes("mesh:tokens") || identity.scopes.includes("mesh:admin");
  if (!isOwn || (user !== identity.subject && !mayAll))
    throw refused("forbidden", "expected the own name, or the scope mesh:tokens");
  return { identity, presented, user };
}
