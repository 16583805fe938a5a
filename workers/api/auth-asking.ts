/** What every auth path reads of a request: the form, where it comes from, and a token that came with it. */
import type { Context } from "hono";
import { readCookie } from "../auth/cookie.ts";
import type { Origin } from "../auth/parts.ts";
import { clientAddress } from "../login/client-address.ts";
import { readTokenForm, type TokenForm } from "../token/client-credential.ts";
import { readCredential } from "../token/credential.ts";
import type { Identity } from "../token/identity.ts";
import { readText } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

export function originOfLogin(c: Call): Origin {
  const found = clientAddress(c.var.isolate, c.req.raw.headers);
  if (found.kind === "refused") throw refused("malformed_request", found.detail);
  return { address: found.address, zone: c.req.header("cf-worker") };
}

export async function readForm(request: Request): Promise<TokenForm> {
  const text = await readText(request);
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (text !== "" && type !== "application/x-www-form-urlencoded") {
    throw refused("malformed_request", "Content-Type: expected application/x-www-form-urlencoded");
  }
  const finding = readTokenForm(text);
  if (finding.kind === "malformed") throw refused("malformed_request", finding.detail);
  return finding.form;
}

/** A token in the `Authorization` field, else in the cookie. */
export interface Presented {
  readonly token: string;
  readonly isCookie: boolean;
}

export function presentedToken(c: Call): Presented | null {
  const credential = readCredential(c.req.header("authorization") ?? null);
  if (credential.kind === "doubled") throw refused("malformed_token", "Authorization: expected one credential");
  if (credential.kind === "bearer") return { token: credential.token, isCookie: false };
  if (credential.kind === "other") return null;
  const found = readCookie(c.req.header("cookie") ?? null, c.var.isolate.mesh.tokens.cookie);
  if (found.kind === "doubled") throw refused("malformed_token", "Cookie: expected the token's cookie once");
  return found.kind === "token" ? { token: found.token, isCookie: true } : null;
}

/** Whose it is, or a refusal. */
export async function verified(c: Call, { token }: Presented): Promise<Identity> {
  const verdict = await c.var.isolate.tokens.verify(token, c.executionCtx, Date.now());
  if (verdict.kind === "accepted") return verdict.identity;
  throw refused(verdict.code, undefined, verdict.code === "not_current" ? { headers: { "Retry-After": "1" } } : {});
}

/** A browser sends cookies along from anywhere: what changes something must come from this site itself. */
export function expectOwnOrigin(c: Call): void {
  const { origin } = new URL(c.req.url);
  if (c.req.header("origin") !== origin)
    throw refused("forbidden", "Origin: expected this site's, because a cookie came along");
}

/** Where the auth paths are for clients. */
export function authBase(c: Call): string {
  const { auth } = c.var.isolate.mesh.mount;
  if (auth === null) return "/_mesh/v1/auth";
  return auth === "/" ? "" : auth;
}
