/** …/token/cookie, …/token/redirect and …/logout: the token's delivery to browsers, and its end. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { clearCookie, fitsCookie, longestCookie, setCookie } from "../auth/cookie.ts";
import { ask, endQuery } from "./auth-token.ts";
import { cookieTokens, credentialOf, expectTrustedOrigin, foreignOrigin, isFromTrustedOrigin } from "./auth-asking.ts";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { endToken } from "./end-session.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

export function cookiePaths(): Hono<ApiEnv> {
  const paths = new Hono<ApiEnv>();
  paths.post("/token/cookie", (c) => giveCookie(c));
  paths.get("/token/redirect", (c) => redirectWithToken(c));
  paths.post("/logout", (c) => logOut(c));
  return paths;
}

/** The token goes into the cookie only: scripts of the page never see it. */
async function giveCookie(c: Call): Promise<Response> {
  // Another site's form must not log its reader in as somebody else.
  if (c.req.header("origin") !== undefined) expectTrustedOrigin(c);
  const { cookie } = c.var.isolate.mesh.tokens;
  const { token, expiresAt, username, roles } = await ask(c, "elsewhere");
  if (!fitsCookie(cookie, token)) {
    throw refused("conflict", `token: expected at most ${longestCookie} bytes: browsers drop longer cookies`);
  }
  const left = Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000));
  const headers = {
    "Set-Cookie": setCookie(cookie, token, left),
    "Auth-Token-Valid-Until": new Date(expiresAt).toISOString(),
    "Cache-Control": "no-store",
  };
  return Response.json({ authenticated: true, username, roles, expires_in: left }, { headers });
}

/** To the configured address and no other, in the fragment: it reaches no server, and no log. */
async function redirectWithToken(c: Call): Promise<Response> {
  const { redirectUrl } = c.var.isolate.mesh.tokens;
  if (redirectUrl === null) throw refused("not_found", "tokens.redirectUrl is not configured");
  const { token, isHidden, expiresAt } = await ask(c, "body");
  // Scripts of the page read the fragment.
  if (isHidden) throw refused("malformed_request", "expected credentials, or a token that is not in a cookie");
  const fragment = new URLSearchParams({
    access_token: token,
    token_type: "Bearer",
    expires_in: String(Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000))),
  });
  const headers = {
    Location: `${redirectUrl}#${fragment.toString()}`,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
  };
  return new Response(null, { status: 307, headers });
}

/**
 * Ends the tokens and clears the cookie, which goes too when its token is good no longer. Never one without the other: a
 * copy of a token whose cookie is gone would live on, and its owner believe it dead.
 */
async function logOut(c: Call): Promise<Response> {
  const { ack, timeoutMs } = readQuery(c.req.url, endQuery);
  const { tokens, isCleared } = leaving(c);
  let ended = new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
  for (const token of tokens) {
    const verdict = await c.var.isolate.tokens.verify(token, c.executionCtx, Date.now());
    if (verdict.kind === "refused" && verdict.code === "not_current") {
      throw refused("not_current", undefined, { headers: { "Retry-After": "1" } });
    }
    if (verdict.kind === "refused") continue;
    const answer = await endToken(c, verdict.identity, token, { ack, timeoutMs });
    if (ended.status === 204) ended = answer;
  }
  if (isCleared) ended.headers.append("Set-Cookie", clearCookie(c.var.isolate.mesh.tokens.cookie));
  return ended;
}

/**
 * The field's token and the cookie's: each of them, where a neighbouring host has set a cookie beside. A page that is not
 * trusted ends what it brings itself, and leaves alone what its reader's browser has of this site.
 */
function leaving(c: Call): { readonly tokens: ReadonlySet<string>; readonly isCleared: boolean } {
  const credential = credentialOf(c);
  const brought = credential.kind === "bearer" ? [credential.token] : [];
  const kept = cookieTokens(c);
  // No page at all: programs send no Origin.
  const isProgram = kept.length === 0 && c.req.header("origin") === undefined;
  const isCleared = isProgram || isFromTrustedOrigin(c);
  if (!isCleared && brought.length === 0) throw foreignOrigin();
  return { tokens: new Set(isCleared ? [...brought, ...kept] : brought), isCleared };
}
