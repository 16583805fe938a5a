/** All that can be decided about a token without a key: form, issuer, header, claims, in that order. */
import { checkClaims } from "./claim-rules.ts";
import { readCompactForm } from "./compact-form.ts";
import { checkHeader } from "./header-rules.ts";
import type { Identity } from "./identity.ts";
import { identityOf } from "./identity-of.ts";
import type { IssuerRules } from "./issuer-rules.ts";
import type { RefusalReason } from "./reasons.ts";

/** What the token would be accepted as, once its signature holds. */
export interface Reading {
  readonly kind: "readable";
  readonly rules: IssuerRules;
  readonly algorithm: string;
  readonly keyId: string | null;
  readonly identity: Identity;
  /** In between, time alone does not change the verdict; ms since 1970. */
  readonly goodFrom: number;
  readonly goodUntil: number;
}

/** `now` in ms since 1970. The claims are those of the very bytes that the signature covers: nothing is parsed twice. */
export function readToken(
  token: string,
  rulesOfIssuer: ReadonlyMap<string, IssuerRules>,
  now: number,
): Reading | { readonly kind: "refused"; readonly reason: RefusalReason } {
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
  if (found.kind === "refused") return found;
  const finding = checkClaims(claims, rules, now);
  if (finding.kind === "refused") return finding;
  return {
    kind: "readable",
    rules,
    algorithm: found.algorithm,
    keyId: found.keyId,
    identity: identityOf(claims, rules, finding.expiresAt),
    goodFrom: finding.goodFrom,
    goodUntil: finding.goodUntil,
  };
}
