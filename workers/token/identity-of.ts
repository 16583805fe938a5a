/** Reads who is asking out of accepted claims, by the issuer's own words for tenant, roles and client. */
import { claimAt } from "./claim-at.ts";
import type { Identity } from "./identity.ts";
import type { IssuerRules } from "./issuer-rules.ts";
import type { JsonObject } from "./strict-json.ts";

export function identityOf(claims: JsonObject, rules: IssuerRules, expiresAt: number): Identity {
  return Object.freeze({
    issuer: rules.issuer,
    subject: textOf(claims["sub"]) ?? "",
    client: textOf(claimAt(claims, rules.claims.client)) ?? textOf(claims["client_id"]) ?? textOf(claims["azp"]),
    tenant: textOf(claimAt(claims, rules.claims.tenant)),
    roles: namesOf(claimAt(claims, rules.claims.roles)),
    scopes: namesOf(claims["scope"] ?? claims["scp"]),
    claims,
    expiresAt,
  });
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** A list of texts, or one text with spaces between (RFC 6749 section 3.3). What is neither names nothing. */
function namesOf(value: unknown): readonly string[] {
  if (typeof value === "string") return Object.freeze(value.split(" ").filter((name) => name !== ""));
  if (!Array.isArray(value)) return noNames;
  const names: unknown[] = value;
  return Object.freeze(names.filter((name) => typeof name === "string" && name !== "") as string[]);
}

const noNames: readonly string[] = Object.freeze([]);
