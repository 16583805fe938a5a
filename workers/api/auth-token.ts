/** …/token: tokens got, shown, renewed and ended. RESTHeart's contract, and RFC 6749. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import { give } from "../auth/give.ts";
import type { Given } from "../auth/issue.ts";
import { renew } from "../auth/renew.ts";
import { authPartsOf } from "../auth/parts-of-isolate.ts";
import { readTokenRequest } from "../auth/token-request.ts";
import type { TokenForm } from "../token/client-credential.ts";
import { readCredential } from "../token/credential.ts";
import type { Identity } from "../token/identity.ts";
import { challengeFor, oauthRefused } from "./auth-refused.ts";
import {
  accepted,
  authBase,
  originOfLogin,
  presentedToken,
  readForm,
  verdictOfRegion,
  verified,
  type Presented,
} from "./auth-asking.ts";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { endToken } from "./end-session.ts";
import { ackedByRegions } from "./fields.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

/** Their presence says it, whatever their value: so RESTHeart's clients write them. */
export const silent = { noauthchallenge: v.optional(v.string()) };
const switches = v.strictObject({ ...silent, renew: v.optional(v.string()) });
/** Of calls that end tokens. */
export const endQuery = v.strictObject({ ...silent, ...ackedByRegions.entries });
/** What scripts of other sites may read of an answer. */
const exposed = "Auth-Token, Auth-Token-Valid-Until, Auth-Token-Location";

export function tokenPaths(): Hono<ApiEnv> {
  const paths = new Hono<ApiEnv>();
  paths.post("/token", (c) => answerWith(c));
  paths.get("/token", (c) => answerWith(c));
  paths.delete("/token", (c) => endPresented(c));
  return paths;
}

/** A token that is there already, or one that is given now. */
export interface Answered {
  readonly token: string;
  /** It came in a cookie, where scripts cannot read it: it goes into nothing that they can. */
  readonly isHidden: boolean;
  /** ms since 1970. */
  readonly expiresAt: number;
  readonly refreshToken: string | null;
  readonly subject: string;
  /** null for a client's own. */
  readonly username: string | null;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** null for a token that is given now, by the mesh. */
  readonly identity: Identity | null;
}

/** By credentials, or by a token: then that one is answered, or with `renew` another one in its place. */
export async function ask(c: Call, place: "body" | "elsewhere"): Promise<Answered> {
  const { renew: isRenewed } = readQuery(c.req.url, switches);
  const form = await readForm(c.req.raw);
  if (place === "elsewhere" && form.get("grant_type") === "refresh_token") {
    throw refused("malformed_request", "grant_type: a cookie has no room for the next refresh token: renew its token");
  }
  const found = await askWith(c, form);
  if (isRenewed === undefined || found.identity === null) return found;
  if (found.isHidden && place === "body") {
    throw refused("malformed_request", "renew: a token in a cookie is renewed at …/token/cookie");
  }
  if (found.identity.issuer !== c.var.isolate.mesh.tokens.issuer) {
    throw refused("forbidden", "only the mesh's own tokens are renewed");
  }
  const identity = accepted(await verdictOfRegion(c, found.token));
  const renewed = await renew(authPartsOf(c.var.isolate, c.executionCtx), identity);
  if (renewed.kind === "not_given") throw oauthRefused(renewed);
  return given(renewed);
}

/** A form says who asks, whatever cookie comes along. */
export async function askWith(c: Call, form: TokenForm): Promise<Answered> {
  const authorization = c.req.header("authorization") ?? null;
  const presented = form.size > 0 || readCredential(authorization).kind === "other" ? null : presentedToken(c);
  return presented === null
    ? askWithCredentials(c, authorization, form)
    : known(presented, await verified(c, presented));
}

async function askWithCredentials(c: Call, authorization: string | null, form: TokenForm): Promise<Answered> {
  const asked = readTokenRequest(authorization, form);
  if (asked.kind === "malformed")
    throw oauthRefused({ code: "malformed_request", error: asked.error, detail: asked.detail });
  if (asked.kind === "missing") {
    const missing = { code: "token_missing", error: "invalid_client", detail: "expected credentials" } as const;
    throw oauthRefused(missing, challengeFor(c));
  }
  const parts = authPartsOf(c.var.isolate, c.executionCtx);
  const outcome = await give(parts, asked.request, originOfLogin(c));
  if (outcome.kind === "given") return given(outcome);
  throw oauthRefused(outcome, outcome.code === "token_invalid" ? challengeFor(c) : {});
}

function given({ token, expiresAt, refreshToken, subject }: Given): Answered {
  const { name, client, roles, scopes } = subject;
  const username = name === client ? null : name;
  return {
    token,
    isHidden: false,
    expiresAt,
    refreshToken,
    subject: name,
    username,
    roles,
    scopes,
    identity: null,
  };
}

function known({ token, isCookie }: Presented, identity: Identity): Answered {
  const { subject, client, roles, scopes } = identity;
  return {
    token,
    isHidden: isCookie,
    expiresAt: identity.expiresAt * 1_000,
    refreshToken: null,
    subject,
    username: subject === client ? null : subject,
    roles,
    scopes,
    identity,
  };
}

async function answerWith(c: Call): Promise<Response> {
  const answered = await ask(c, "body");
  const { token, isHidden, expiresAt, refreshToken, username, roles, scopes, identity } = answered;
  const left = Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000));
  const body = {
    ...(isHidden ? {} : { access_token: token }),
    token_type: "Bearer",
    expires_in: identity === null ? c.var.isolate.mesh.tokens.ttlSeconds : left,
    ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    ...(username === null ? {} : { username }),
    roles,
    scope: scopes.join(" "),
    ...(identity === null ? {} : factsOf(identity)),
  };
  return Response.json(body, { headers: headOf(c, answered) });
}

export function headOf(
  c: Call,
  { token, isHidden, expiresAt }: Pick<Answered, "token" | "isHidden" | "expiresAt">,
): Record<string, string> {
  return {
    ...(isHidden ? {} : { "Auth-Token": token }),
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
  const { ack, timeoutMs } = readQuery(c.req.url, endQuery);
  const presented = presentedToken(c);
  if (presented === null) throw refused("token_missing");
  return endToken(c, await verified(c, presented), presented.token, { ack, timeoutMs });
}
