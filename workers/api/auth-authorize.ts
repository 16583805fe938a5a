/** …/authorize: a person lets a client act for them, and the client gets a code (RFC 6749 section 4.1, RFC 9700). */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { clientIdOf, readAuthorize, redirectWith, type AuthorizeRequest } from "../auth/authorize-request.ts";
import { giveCode, type Proof } from "../auth/codes.ts";
import { loginPage } from "../auth/login-page.ts";
import { authPartsOf } from "../auth/parts-of-isolate.ts";
import type { AuthParts, Login, Person } from "../auth/parts.ts";
import { issuedAtOf } from "../auth/renew.ts";
import { commonScopes, grantScopes } from "../auth/scopes.ts";
import { targetOf, wrongTarget } from "../auth/target.ts";
import { boundOf } from "../token/resources.ts";
import { readClientCredential } from "../token/client-credential.ts";
import { wholeSeconds } from "../limit/rate-limit-fields.ts";
import { originOfLogin, presentedToken, readForm, verdictOfRegion } from "./auth-asking.ts";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;
interface LoggedInAs {
  readonly person: Person;
  readonly proof: Proof;
  /** What the code may be for at most; `resources` null for everything. */
  readonly scopes: readonly string[];
  readonly resources: readonly string[] | null;
}
type LoggedIn = Login<LoggedInAs> | { readonly kind: "nobody" };

export function authorizePaths(): Hono<ApiEnv> {
  const paths = new Hono<ApiEnv>();
  paths.get("/authorize", (c) => authorize(c));
  paths.post("/authorize", (c) => authorize(c));
  return paths;
}

async function authorize(c: Call): Promise<Response> {
  const parts = authPartsOf(c.var.isolate, c.executionCtx);
  const { searchParams } = new URL(c.req.url);
  const id = clientIdOf(searchParams);
  const found = id === null ? null : await parts.people.client(id);
  if (found?.kind === "unreachable") throw refused("overloaded", undefined, { headers: { "Retry-After": "1" } });
  const asked = readAuthorize(searchParams, found?.kind === "found" ? found.who : null, parts);
  if (asked.kind === "malformed") throw refused("malformed_request", asked.detail);
  if (asked.kind === "told") {
    const { error, detail, state, redirectUri } = asked;
    return sentBack(c, redirectUri, { error, error_description: detail, state });
  }
  const login = await loggedIn(c, parts);
  switch (login.kind) {
    case "right":
      return withCode(c, parts, asked.request, login.who);
    case "nobody":
      return showLogin(c, asked.request, null, 200);
    case "wrong":
      return challenging(showLogin(c, asked.request, "This name and password do not belong together.", 401));
    case "refused": {
      const page = showLogin(c, asked.request, "Too many attempts. Wait a little, then try again.", 429);
      page.headers.set("Retry-After", String(Math.max(1, wholeSeconds(login.retryAfterMs))));
      return page;
    }
    case "unreachable":
      return showLogin(c, asked.request, "Nobody can check logins right now. Try again in a moment.", 503);
  }
}

/** By the form, by Basic credentials, or by a token of an account's own, also as a cookie. */
async function loggedIn(c: Call, parts: AuthParts): Promise<LoggedIn> {
  const form = c.req.method === "POST" ? await readForm(c.req.raw) : new Map<string, string>();
  const authorization = c.req.header("authorization") ?? null;
  // Whoever fills in the form means it, whatever cookie comes along.
  const presented = form.size === 0 ? presentedToken(c) : null;
  if (presented !== null) return byToken(c, parts, presented.token);
  const basic = form.size === 0 && authorization !== null ? readClientCredential(authorization, new Map()) : null;
  const name = form.get("username") ?? (basic?.kind === "given" ? basic.client : undefined);
  const password = form.get("password") ?? (basic?.kind === "given" ? basic.secrets[0] : undefined);
  if (name === undefined && password === undefined) return { kind: "nobody" };
  const proof = { by: "password", at: parts.now() } as const;
  const login = await parts.people.login(name ?? "", password ?? "", originOfLogin(c));
  if (login.kind !== "right") return login;
  return { kind: "right", who: { person: login.who, proof, scopes: login.who.scopes, resources: null } };
}

async function byToken(c: Call, parts: AuthParts, token: string): Promise<LoggedIn> {
  const { isolate } = c.var;
  const verdict = await verdictOfRegion(c, token);
  if (verdict.kind === "refused") return { kind: verdict.code === "not_current" ? "unreachable" : "nobody" };
  const { issuer, subject, client, scopes } = verdict.identity;
  if (issuer !== isolate.mesh.tokens.issuer || subject === client) return { kind: "nobody" };
  const read = await parts.people.read(subject);
  if (read.kind === "unreachable") return read;
  // A code never gives more than the token that it was got with.
  const resources = boundOf(verdict.identity, issuer);
  const proof = { by: "token", at: issuedAtOf(verdict.identity) } as const;
  return read.kind === "missing"
    ? { kind: "nobody" }
    : { kind: "right", who: { person: read.who, proof, scopes, resources } };
}

async function withCode(
  c: Call,
  parts: AuthParts,
  request: AuthorizeRequest,
  { person, proof, scopes: own, resources: granted }: LoggedInAs,
): Promise<Response> {
  const { client, redirectUri, state, codeChallenge, scope, resources } = request;
  const allowed = commonScopes(
    person.scopes.filter((each) => own.includes(each)),
    client.scopes,
  );
  const scopes = grantScopes(scope, allowed);
  if (scopes.kind !== "granted") {
    return sentBack(c, redirectUri, {
      error: "invalid_scope",
      error_description: "scope: expected scopes of the account",
      state,
    });
  }
  const target = targetOf(resources, { client, granted }, parts);
  if (target === null) {
    return sentBack(c, redirectUri, { error: wrongTarget.error, error_description: wrongTarget.detail, state });
  }
  const asked = { person, proof, client, redirectUri, codeChallenge, scopes: scopes.scopes, target };
  const code = await giveCode(parts, asked);
  // It is too old for this client, or for its account by now: nothing that a login does not mend.
  if (code.kind === "not_given" && code.error === "access_denied") return showLogin(c, request, null, 200);
  if (code.kind === "not_given") {
    // RFC 6749 section 4.1.2.1 has a list of its own.
    const error = code.error === "temporarily_unavailable" ? code.error : "access_denied";
    return sentBack(c, redirectUri, { error, error_description: code.detail ?? null, state });
  }
  return sentBack(c, redirectUri, { code: code.text, state });
}

function showLogin(c: Call, { client, redirectUri }: AuthorizeRequest, fault: string | null, status: number): Response {
  const { loginUrl } = c.var.isolate.mesh.tokens;
  if (loginUrl === null || fault !== null) return loginPage({ client: client.id, redirectUri, fault }, status);
  const url = new URL(loginUrl);
  for (const [name, value] of new URL(c.req.url).searchParams) url.searchParams.append(name, value);
  return new Response(null, { status: 303, headers: { Location: url.href, "Cache-Control": "no-store" } });
}

/** Every 401 names a scheme (RFC 9110 section 15.5.2); at this one no browser opens a window of its own. */
function challenging(page: Response): Response {
  page.headers.set("WWW-Authenticate", 'Bearer realm="mesh"');
  return page;
}

function sentBack(c: Call, redirectUri: string, answer: Readonly<Record<string, string | null>>): Response {
  const Location = redirectWith(redirectUri, c.var.isolate.mesh.tokens.issuer, answer);
  // 303: what was typed here is not sent on (RFC 9700 section 4.12).
  return new Response(null, {
    status: 303,
    headers: { Location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" },
  });
}
