/** All that can be decided about a token without a key: form, issuer, header, claims, in that order. */
import { checkClaims } from "./claim-rules.ts";
import { readCompactForm } from "./compact-form.ts";
import { checkHeader } from "./header-rules.ts";
import type { Identity } from "./identity.ts";
import { identityOf } from "./identity-of.ts";
import type { IssuerRules } from "./issuer-rules.ts";
import type { RefusalReason } from "./reasons.ts";
import type { JsonObject } from "./strict-json.ts";

/** What a signature is looked for, and whom the token names once it holds. */
export interface Signed {
  readonly rules: IssuerRules;
  readonly algorithm: string;
  readonly keyId: string | null;
  readonly identity: Identity;
}

/** What the token would be accepted as, once its signature holds. */
export interface Reading extends Signed {
  readonly kind: "readable";
  /** In between, time alone does not change the verdict; ms since 1970. */
  readonly goodFrom: number;
  readonly goodUntil: number;
}

interface Refused {
  readonly kind: "refused";
  readonly reason: RefusalReason;
  /** A configured one, which the token names. */
  readonly issuer?: string;
}

interface Parts {
  readonly kind: "parts";
  readonly rules: IssuerRules;
  readonly algorithm: string;
  readonly keyId: string | null;
  readonly claims: JsonObject;
}

/** `now` in ms since 1970. The claims are those of the very bytes that the signature covers: nothing is parsed twice. */
export function readToken(
  token: string,
  rulesOfIssuer: ReadonlyMap<string, IssuerRules>,
  now: number,
): Reading | Refused {
  const parts = readParts(token, rulesOfIssuer);
  if (parts.kind === "refused") return parts;
  const { rules, algorithm, keyId, claims } = parts;
  const finding = checkClaims(claims, rules, now);
  if (finding.kind === "refused") return { ...finding, issuer: rules.issuer };
  return {
    kind: "readable",
    rules,
    algorithm,
    keyId,
    identity: identityOf(claims, rules, finding.expiresAt),
    goodFrom: finding.goodFrom,
    goodUntil: finding.goodUntil,
  };
}

/** The same whatever the claims say of time and audience: for who holds the token and wants it ended. */
export function readSigned(
  token: string,
  rulesOfIssuer: ReadonlyMap<string, IssuerRules>,
): ({ readonly kind: "readable" } & Signed) | Refused {
  const parts = readParts(token, rulesOfIssuer);
  if (parts.kind === "refused") return parts;
  const { rules, algorithm, keyId, claims } = parts;
  const { exp } = claims;
  if (typeof exp !== "number" || !Number.isFinite(exp)) return { kind: "refused", reason: "claim_malformed" };
  return { kind: "readable", rules, algorithm, keyId, identity: identityOf(claims, rules, exp) };
}

function readParts(token: string, rulesOfIssuer: ReadonlyMap<string, IssuerRules>): Parts | Refused {
  const form = readCompactForm(token);
  if (form.kind === "refused") return form;
  const { header, claims } = form;
  const issuer = claims["iss"];
  if (issuer === undefined) return { kind: "refused", reason: "claim_missing" };
  if (typeof issuer !== "string") return { kind: "refused", reason: "claim_malformed" };
  // An exact match, and only a look-up: what a token says never becomes a URL (RFC 8725 section 3.10).
  const rules = rulesOfIssuer.get(issuer);
  if (rules === undefined) return { kind: "refused", reason: "issuer_unknown" };
  const found = checkHeader(header, rules);
  if (found.kind === "refused") return { ...found, issuer };
  return { kind: "parts", rules, algorithm: found.algorithm, keyId: found.keyId, claims };
}
