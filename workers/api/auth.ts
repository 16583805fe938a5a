/** /_mesh/v1/auth: how a token is got, what it says, and the keys that verify it. No Bearer token is needed here. */
import { type Context, Hono } from "hono";
import { keyringStub } from "../../durable-objects/stubs.ts";
import { wholeSeconds } from "../limit/rate-limit-fields.ts";
import { clientAddress } from "../gate/address.ts";
import { clientLogin, loginGuardOf } from "../login/client-login.ts";
import { adminScopes, scopesAskedFor } from "../token/admin-client.ts";
import {
  readClientCredential,
  readTokenForm,
  type ClientCredential,
  type TokenForm,
} from "../token/client-credential.ts";
import { readCredential } from "../token/credential.ts";
import type { Identity } from "../token/identity.ts";
import { readText } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

const tokenPath = "/token";
const keysPath = "/.well-known/jwks.json";
const metadataPath = "/.well-known/oauth-authorization-server";
/** Keys and metadata change seldom, and are told to everyone. */
const published = { "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*" } as const;

export function authPaths(): Hono<ApiEnv> {
  const auth = new Hono<ApiEnv>();
  auth.post(tokenPath, (c) => issueToken(c));
  auth.get(tokenPath, (c) => describeToken(c));
  auth.all(tokenPath, allowOnly("GET, HEAD, POST"));
  auth.get(keysPath, (c) => listKeys(c));
  auth.all(keysPath, allowOnly("GET, HEAD"));
  auth.get(metadataPath, describeServer);
  auth.all(metadataPath, allowOnly("GET, HEAD"));
  return auth;
}

/** RFC 6749 section 4.4: a token for the built-in client. */
async function issueToken(c: Call): Promise<Response> {
  const authorization = c.req.header("authorization") ?? null;
  const form = await readForm(c.req.raw);
  const credential = readClientCredential(authorization, form);
  if (credential.kind === "malformed") throw refused("malformed_request", credential.detail);
  checkGrant(form, authorization !== null);
  if (credential.kind === "missing") throw wrongCredentials();
  await admit(c, credential);
  const scopes = scopesAskedFor(form.get("scope"));
  if (scopes === null) throw refused("malformed_request", `scope: expected one or more of ${adminScopes.join(" ")}`);
  return signFor(c, credential.client, scopes);
}

/** Whoever is not told here that the secret is wrong has the right one. */
async function admit(c: Call, credential: ClientCredential): Promise<void> {
  const { isolate } = c.var;
  const found = clientAddress(isolate.mesh.addresses, isolate.local !== null, (name) => c.req.header(name));
  if (found.kind === "refused") throw refused("malformed_request", found.detail);
  const from = { address: found.address, zone: c.req.header("cf-worker") };
  const login = await clientLogin(loginGuardOf(isolate), credential, from, isolate.env);
  switch (login.kind) {
    case "right":
      return;
    case "wrong":
      throw wrongCredentials();
    case "refused":
      throw refused("too_many_logins", undefined, { headers: { "Retry-After": retryAfter(login.retryAfterMs) } });
    case "unreachable":
      throw refused("overloaded", "the login guard could not be asked", { headers: { "Retry-After": "1" } });
  }
}

function retryAfter(ms: number): string {
  return String(Math.max(1, wholeSeconds(ms)));
}

async function signFor(c: Call, client: string, scopes: readonly string[]): Promise<Response> {
  const { env, mesh } = c.var.isolate;
  const { audience, ttlSeconds } = mesh.tokens;
  const scope = scopes.join(" ");
  const signed = await keyringStub(env, mesh.environment).sign({
    v: 1,
    type: "at+jwt",
    claims: { aud: audience, sub: client, client_id: client, roles: [], scope },
    ttlSeconds,
  });
  // Why is in the keyring's log; it is the operator's to mend, and nothing for the caller.
  if (signed.kind === "refused") throw refused("internal_error");
  return Response.json(
    { access_token: signed.token, token_type: "Bearer", expires_in: ttlSeconds, roles: [], scope },
    {
      headers: {
        "Auth-Token": signed.token,
        "Auth-Token-Valid-Until": new Date(signed.expiresAt).toISOString(),
        "Cache-Control": "no-store",
        Pragma: "no-cache",
      },
    },
  );
}

/** Basic credentials without a form ask for the one thing that they can be given. */
function checkGrant(form: TokenForm, isBasic: boolean): void {
  const grant = form.get("grant_type");
  if (grant === "client_credentials" || (grant === undefined && isBasic && form.size === 0)) return;
  throw refused("malformed_request", "grant_type: expected client_credentials");
}

async function readForm(request: Request): Promise<TokenForm> {
  const text = await readText(request);
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (text !== "" && type !== "application/x-www-form-urlencoded") {
    throw refused("malformed_request", "Content-Type: expected application/x-www-form-urlencoded");
  }
  const finding = readTokenForm(text);
  if (finding.kind === "malformed") throw refused("malformed_request", finding.detail);
  return finding.form;
}

/** The presented token's facts, for whoever holds it. */
async function describeToken(c: Call): Promise<Response> {
  const credential = readCredential(c.req.header("authorization") ?? null);
  if (credential.kind === "doubled") throw refused("malformed_token", "Authorization: expected one credential");
  if (credential.kind !== "bearer") throw refused("token_missing");
  const verdict = await c.var.isolate.tokens.verify(credential.token, c.executionCtx, Date.now());
  if (verdict.kind === "refused") throw refused(verdict.code);
  return Response.json(factsOf(verdict.identity), { headers: { "Cache-Control": "no-store" } });
}

function factsOf(identity: Identity): Readonly<Record<string, unknown>> {
  const { issuer, subject, client, tenant, roles, scopes, claims, expiresAt } = identity;
  return {
    issuer,
    subject,
    client,
    tenant,
    roles,
    scope: scopes.join(" "),
    id: typeof claims["jti"] === "string" ? claims["jti"] : null,
    issuedAt: typeof claims["iat"] === "number" ? new Date(claims["iat"] * 1_000).toISOString() : null,
    expiresAt: new Date(expiresAt * 1_000).toISOString(),
  };
}

/** RFC 7517 section 5. */
async function listKeys(c: Call): Promise<Response> {
  const data = await c.var.isolate.tokens.ownKeys(c.executionCtx, Date.now());
  if (data === null) throw refused("overloaded", undefined, { headers: { "Retry-After": "5" } });
  return Response.json({ keys: data.keys }, { headers: { ...published, "Content-Type": "application/jwk-set+json" } });
}

/** RFC 8414 section 2: what is true now, at the address under which it was asked for. */
function describeServer(c: Call): Response {
  const url = new URL(c.req.url);
  const base = url.origin + url.pathname.slice(0, -metadataPath.length);
  return Response.json(
    {
      issuer: c.var.isolate.mesh.tokens.issuer,
      token_endpoint: base + tokenPath,
      jwks_uri: base + keysPath,
      scopes_supported: adminScopes,
      response_types_supported: [],
      grant_types_supported: ["client_credentials"],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    },
    { headers: published },
  );
}

function allowOnly(methods: string): () => never {
  return function refuseMethod() {
    throw refused("method_not_allowed", undefined, { headers: { Allow: methods } });
  };
}

/** RFC 6749 section 5.2. Whether the client exists is not told. */
function wrongCredentials(): Error {
  return refused("token_invalid", "expected the client's id and secret", {
    headers: { "WWW-Authenticate": 'Basic realm="mesh", charset="UTF-8"' },
  });
}
