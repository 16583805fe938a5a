/** What a revocation may name a token by, as its signed claims say it. */
import type { RevocationTarget, TokenNames } from "../../durable-objects/revocations/contract.ts";
import { encodeBase64url } from "./base64url.ts";
import type { Identity } from "./identity.ts";
import type { IssuerRules } from "./issuer-rules.ts";

export interface NamedBy {
  readonly identity: Identity;
  readonly rules: IssuerRules;
  /** The key that signed it. */
  readonly keyId: string;
}

/** A promise for a token without a `jti` only: it is named by its digest. */
export function namesOf(token: string, { identity, rules, keyId }: NamedBy): TokenNames | Promise<TokenNames> {
  const { claims, issuer, subject, client, tenant } = identity;
  const { jti, sid, iat } = claims;
  const names: TokenNames = {
    issuer,
    subject,
    kid: keyId,
    ...(client === null ? {} : { client }),
    ...(tenant === null ? {} : { tenant }),
    ...(isName(sid) ? { family: sid } : {}),
    issuedFrom: typeof iat === "number" ? (iat - rules.toleranceSeconds) * 1_000 : null,
  };
  return isName(jti) ? { ...names, jti } : digestOf(token).then((digest) => ({ ...names, token: digest }));
}

/** What names this token and no other. */
export function soleNameOf({ issuer, jti, token }: TokenNames): RevocationTarget {
  return { issuer, ...(jti === undefined ? {} : { jti }), ...(token === undefined ? {} : { token }) };
}

async function digestOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return encodeBase64url(new Uint8Array(digest));
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
