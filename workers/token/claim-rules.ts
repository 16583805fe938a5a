/** What a token's claims must say at one instant (RFC 7519 section 4.1, RFC 9068 section 4). */
import type { IssuerRules } from "./issuer-rules.ts";
import type { RefusalReason } from "./reasons.ts";
import type { JsonObject } from "./strict-json.ts";

export type ClaimsFinding =
  | {
      readonly kind: "good";
      /** Seconds since 1970. */
      readonly expiresAt: number;
      /** The instants in between which the clock cannot change this finding, ms since 1970. The end has no tolerance in it. */
      readonly goodFrom: number;
      readonly goodUntil: number;
    }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

/** No instant is later than the end of the year 9999: milliseconds stay exact, and nothing is finite only by name. */
const latestInstant = 253_402_300_799;

export function checkClaims(claims: JsonObject, rules: IssuerRules, now: number): ClaimsFinding {
  // Bound to a key (RFC 7800, RFC 9449, RFC 8705): as a Bearer token it would be worth what a stolen one is worth.
  if (!isAbsent(claims, "cnf")) return refused("bound_to_key");
  if (rules.requiredClaims.some((name) => isAbsent(claims, name))) return refused("claim_missing");
  if (isAbsent(claims, "sub")) return refused("claim_missing");
  if (typeof claims["sub"] !== "string" || claims["sub"] === "") return refused("claim_malformed");
  if (isAbsent(claims, "aud")) return refused("claim_missing");
  const audience = audienceOf(claims["aud"]);
  if (audience === null) return refused("claim_malformed");
  if (!isAudience(audience, claims, rules)) return refused("audience_wrong");
  return checkTimes(claims, rules, now);
}

function checkTimes(claims: JsonObject, rules: IssuerRules, now: number): ClaimsFinding {
  const { exp, nbf, iat } = claims;
  if (exp === undefined) return refused("claim_missing");
  if (!isInstant(exp) || !(nbf === undefined || isInstant(nbf)) || !(iat === undefined || isInstant(iat))) {
    return refused("claim_malformed");
  }
  const toleranceMs = rules.toleranceSeconds * 1_000;
  const maxLifetimeMs = rules.maxLifetimeSeconds * 1_000;
  const endsAt = exp * 1_000;
  if (now >= endsAt + toleranceMs) return refused("expired");
  const beginsAt = nbf === undefined ? 0 : nbf * 1_000 - toleranceMs;
  if (now < beginsAt) return refused("not_yet_valid");
  // Without `iat` the life that is left must do: it never grows.
  if (iat === undefined) {
    const soonest = endsAt - maxLifetimeMs;
    if (now < soonest) return refused("lifetime_too_long");
    return good(exp, Math.max(beginsAt, soonest));
  }
  if (endsAt - iat * 1_000 > maxLifetimeMs) return refused("lifetime_too_long");
  const issuedAt = iat * 1_000 - toleranceMs;
  if (now < issuedAt) return refused("issued_in_future");
  return good(exp, Math.max(beginsAt, issuedAt));
}

function good(exp: number, goodFrom: number): ClaimsFinding {
  return { kind: "good", expiresAt: exp, goodFrom, goodUntil: exp * 1_000 };
}

function isInstant(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= latestInstant;
}

/** RFC 7519 section 4.1.3: one text, or a list of nothing but texts. */
function audienceOf(aud: unknown): readonly string[] | null {
  if (typeof aud === "string") return [aud];
  if (!Array.isArray(aud)) return null;
  const names: unknown[] = aud;
  return names.every((name) => typeof name === "string") ? names : null;
}

/** What a token of the mesh's own is bound to is looked at once it is known what is asked for with it. */
function isAudience(audience: readonly string[], { resources }: JsonObject, rules: IssuerRules): boolean {
  if (audience.some((name) => rules.audience.includes(name))) return true;
  if (rules.takesResources !== true || !Array.isArray(resources) || audience.length === 0) return false;
  return audience.every((name) => resources.includes(name));
}

function isAbsent(claims: JsonObject, name: string): boolean {
  return !Object.hasOwn(claims, name) || claims[name] === null;
}

function refused(reason: RefusalReason): ClaimsFinding {
  return { kind: "refused", reason };
}
