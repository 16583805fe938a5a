/** What every auth path reads of a request: the form, where it comes from, and a token that came with it. */
import type { Context } from "hono";
import { readCookie } from "../auth/cookie.ts";
import type { Origin } from "../auth/parts.ts";
import { clientAddress } from "../gate/address.ts";
import { isTrustedOrigin } from "../gate/cookie-origin.ts";
import { readTokenForm, type TokenForm } from "../token/client-credential.ts";
import { readCredential, type Credential } from "../token/credential.ts";
import type { Identity, Verdict } from "../token/identity.ts";
import { refusalOf } from "../token/refusals.ts";
import { boundOf } from "../token/resources.ts";
import { readText } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

export function originOfLogin(c: Call): Origin {
  const { isolate } = c.var;
  const found = clientAddress(isolate.mesh.addresses, isolate.local !== null, (name) => c.req.header(name));
  if (found.kind === "refused") throw refused("malformed_request", found.detail);
  return { address: found.address, zone: c.req.header("cf-worker") };
}

export async function readForm(request: Request): Promise<TokenForm> {
  const text = await readText(request);
  // What a body of these means is nobody's to say (RFC 9110 section 9.3.1), and their requests are kept in more places.
  if (text !== "" && safeMethods.has(request.method)) throw refused("malformed_request", "body: expected none");
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
  /** Then scripts of the page do not have it, and are not told. */
  readonly isCookie: boolean;
}

/** RFC 9110 section 9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Whoever sends the field means it: a cookie comes along by itself. */
export function presentedToken(c: Call): Presented | null {
  const credential = credentialOf(c);
  if (credential.kind === "bearer") return { token: credential.token, isCookie: false };
  const [token, ...more] = credential.kind === "other" ? [] : cookieTokens(c);
  if (token === undefined) return null;
  if (!safeMethods.has(c.req.method)) expectTrustedOrigin(c);
  if (more.length > 0) throw refused("malformed_token", "Cookie: expected the token's cookie once");
  return { token, isCookie: true };
}

/** That of the `Authorization` field. */
export function credentialOf(c: Call): Exclude<Credential, { readonly kind: "doubled" }> {
  const credential = readCredential(c.req.header("authorization") ?? null);
  if (credential.kind === "doubled") throw refused("malformed_token", "Authorization: expected one credential");
  return credential;
}

/** More than one where the cookie came more than once: nobody can say which of them counts. */
export function cookieTokens(c: Call): readonly string[] {
  const found = readCookie(c.req.header("cookie") ?? null, c.var.isolate.mesh.tokens.cookie);
  if (found.kind === "none") return [];
  return found.kind === "doubled" ? found.tokens : [found.token];
}

/** Whose it is, or a refusal. */
export async function verified(c: Call, { token }: Presented): Promise<Identity> {
  return accepted(await c.var.isolate.tokens.verify(token, c.executionCtx, Date.now()));
}

export function accepted(verdict: Verdict): Identity {
  if (verdict.kind === "accepted") return verdict.identity;
  throw refused(verdict.code, undefined, verdict.code === "not_current" ? { headers: { "Retry-After": "1" } } : {});
}

/**
 * A verdict by a Region's word: for who gets another token or a code by this one. A view may be a lease old, and what
 * came of an ended token within it would not be ended.
 */
export async function verdictOfRegion(c: Call, token: string): Promise<Verdict> {
  const { tokens, revocations } = c.var.isolate;
  const verdict = await tokens.verify(token, c.executionCtx, Date.now());
  if (verdict.kind === "refused") return verdict;
  const named = await tokens.nameOf(token, c.executionCtx, Date.now());
  if (named.kind === "refused") return refusalOf(named.reason);
  const isRevoked = await revocations.isRevoked(named.names);
  if (isRevoked === "unknown") return refusalOf("revocations_unknown");
  return isRevoked ? refusalOf("revoked") : verdict;
}

/** Whether these scopes may see and end the tokens of others. `identity` is null where credentials gave them. */
export function mayAll(c: Call, scopes: readonly string[], identity: Identity | null): boolean {
  const { issuer } = c.var.isolate.mesh.tokens;
  if (!scopes.includes("mesh:tokens") && !scopes.includes("mesh:admin")) return false;
  return identity === null || (identity.issuer === issuer && boundOf(identity, issuer) === null);
}

/** Also of what sets the cookie or takes it away. */
export function isFromTrustedOrigin(c: Call): boolean {
  return isTrustedOrigin(c.req.header("origin"), c.req.url, c.var.cors);
}

export function expectTrustedOrigin(c: Call): void {
  if (!isFromTrustedOrigin(c)) throw foreignOrigin();
}

export function foreignOrigin(): Error {
  return refused("forbidden", "Origin: expected this site's, or one listed with credentials, because of the cookie");
}

/** Where the auth paths are for clients. */
export function authBase(c: Call): string {
  const { auth } = c.var.isolate.mesh.mount;
  if (auth === null) return "/_mesh/v1/auth";
  return auth === "/" ? "" : auth;
}
