/** The middleware that lets no request by without a good token. Of Hono only types are taken. */
import type { Context, Env, MiddlewareHandler } from "hono";
import type { Identity } from "../workers/token/identity.ts";
import { readCredential } from "../workers/token/credential.ts";
import { documentOfToken } from "./refusals.ts";
import { challengeOf, type TokenRefusal } from "./token-refusal.ts";
import type { TokenVerifier } from "./tokens.ts";

export type { TokenRefusal } from "./token-refusal.ts";

type Waitable<Value> = Value | Promise<Value>;

export interface RequireTokenOptions<E extends Env> {
  /** All of them must be in the token's `scope`. Default none. */
  readonly scopes?: readonly string[];
  /** Whether who is known may do this; false is answered as 403. Default: everyone who is known may. */
  readonly allow?: (identity: Identity, c: Context<E>) => Waitable<boolean>;
  /** What the challenges call this place (RFC 9110 section 11.5). Default "api". */
  readonly realm?: string;
  /** Another answer to a refused request. `WWW-Authenticate` and `Retry-After` are set on it. */
  readonly onRefused?: (c: Context<E>, refusal: TokenRefusal) => Waitable<Response>;
}

/** What `c.var` holds behind the middleware. */
export interface TokenVariables {
  identity: Identity;
}

type Judged =
  | { readonly kind: "accepted"; readonly identity: Identity }
  | ({ readonly kind: "refused" } & TokenRefusal);

/** Reads `Authorization: Bearer` (RFC 6750 section 2.1). Nothing in a refusal says which check of a token failed. */
export function requireToken<E extends Env = Env>(
  tokens: Pick<TokenVerifier, "verify">,
  { scopes = [], allow, realm = "api", onRefused }: RequireTokenOptions<E> = {},
): MiddlewareHandler<E & { Variables: TokenVariables }> {
  checkText("a realm of printable ASCII without quotes and backslashes", realm, /^[ !#-[\]-~]*$/);
  for (const scope of scopes) checkText("a scope (RFC 6749 section 3.3)", scope, /^[!#-[\]-~]+$/);

  const refused = (code: TokenRefusal["code"]): Judged => ({ kind: "refused", code, scopes });

  async function judge(c: Context<E>): Promise<Judged> {
    const credential = readCredential(c.req.header("Authorization") ?? null);
    if (credential.kind === "doubled") return refused("malformed_token");
    if (credential.kind !== "bearer") return refused("token_missing");
    const verdict = await tokens.verify(credential.token, { request: c.req.raw });
    if (verdict.kind === "refused") {
      const { code, reason } = verdict;
      return { ...refused(code), ...(reason === undefined ? {} : { reason }) };
    }
    const { identity } = verdict;
    if (!scopes.every((scope) => identity.scopes.includes(scope))) return refused("insufficient_scope");
    return allow === undefined || (await allow(identity, c)) ? verdict : refused("forbidden");
  }

  return async function requireTokenMiddleware(given, next) {
    // Hono's contexts are not covariant: this one has a variable more than the caller's.
    const c = given as unknown as Context<E>;
    const judged = await judge(c);
    if (judged.kind === "accepted") {
      given.set("identity", judged.identity);
      return next();
    }
    given.res = await (onRefused?.(c, judged) ?? documentOfToken(judged));
    const challenge = challengeOf(judged, realm);
    if (challenge !== null) given.header("WWW-Authenticate", challenge);
    // A verdict that could not be had may be had in a second; every other refusal is final.
    if (judged.code === "not_current") given.header("Retry-After", "1");
  };
}

function checkText(what: string, text: string, form: RegExp): void {
  if (!form.test(text))
    throw new TypeError(`cannot require a token: expected ${what}: received ${JSON.stringify(text)}`);
}
