/** Whether a known identity may use a route: of one of its issuers, all of its scopes, any one of its roles, every claim, its tenant. */
import type { Allow } from "../config/mesh.ts";
import { claimAt } from "../token/claim-at.ts";
import type { Identity } from "../token/identity.ts";
import type { PathParams } from "./path-pattern.ts";
import { otherReadingOf } from "./path-reading.ts";

export type Allowed = "allowed" | "scopes_missing" | "forbidden";

export function allowedBy(allow: Allow, identity: Identity, params: PathParams): Allowed {
  if (allow.issuers?.includes(identity.issuer) === false) return "forbidden";
  if (!allow.scopes.every((scope) => identity.scopes.includes(scope))) return "scopes_missing";
  const hasRole = allow.roles.length === 0 || allow.roles.some((role) => identity.roles.includes(role));
  const hasClaims = allow.claims.every(({ path, values }) => hasOneOf(claimAt(identity.claims, path), values));
  return hasRole && hasClaims && isOwnTenant(allow, identity, params) ? "allowed" : "forbidden";
}

/** A list that holds one of them will do: claims such as `groups` are lists. */
function hasOneOf(claim: unknown, values: Allow["claims"][number]["values"]): boolean {
  const held: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return held.some((one) => values.some((value) => value === one));
}

/**
 * What the path names is compared as it was meant, after its percent-encoding, and within the allowed issuers. In both
 * readings: an upstream that drops parameters would take `acme;x` for `acme`, another one for a tenant of that name.
 */
function isOwnTenant({ tenant }: Allow, identity: Identity, params: PathParams): boolean {
  if (tenant === null) return true;
  const named = params[tenant];
  if (named === undefined || identity.tenant === null) return false;
  return [named, otherReadingOf(named) ?? named].every((reading) => decoded(reading) === identity.tenant);
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Bytes that are no UTF-8 are no tenant's name.
    return null;
  }
}
