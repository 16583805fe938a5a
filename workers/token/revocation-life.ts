/** How long a revocation must be known: until nothing that it names can be good any more. */
import type { Mesh } from "../config/mesh.ts";
import { rulesOf, type IssuerRules } from "./issuer-rules.ts";

/** Clocks of two hosts may be 250 ms apart, and `exp` has whole seconds. */
const marginMs = 2_000;

type Issuers = Pick<Mesh, "tokens" | "issuers">;

/** From `exp` on, how much longer its issuer's token may be accepted; of any issuer for null. */
export function afterExpiryMs(mesh: Issuers, issuer: string | null): number {
  return longest(mesh, issuer, ({ toleranceSeconds }) => toleranceSeconds * 1_000) + marginMs;
}

/** Of one token that was issued up to now. */
export function tokenLifeMs(mesh: Issuers, issuer: string | null): number {
  const issuedMs = longest(mesh, issuer, ({ maxLifetimeSeconds, toleranceSeconds }) => {
    // It may be dated ahead by the tolerance, and is accepted for the tolerance past its end.
    return (maxLifetimeSeconds + 2 * toleranceSeconds) * 1_000;
  });
  return issuedMs + marginMs;
}

/** Of all that came of logins up to now: a refresh token of the mesh gives new tokens until its own end. */
export function loginLifeMs(mesh: Issuers, issuer: string | null): number {
  const isOwn = issuer === null || issuer === mesh.tokens.issuer;
  const refreshMs = isOwn ? (mesh.tokens.refresh?.ttlSeconds ?? 0) * 1_000 : 0;
  return Math.max(tokenLifeMs(mesh, issuer), refreshMs + marginMs);
}

/** The longest life of any that ends: for so long the Log tells of it to Regions that come late. */
export function longestRevocationMs(mesh: Issuers): number {
  return loginLifeMs(mesh, null);
}

function longest(mesh: Issuers, issuer: string | null, of: (rules: IssuerRules) => number): number {
  const rules = rulesOf(mesh);
  const one = issuer === null ? undefined : rules.get(issuer);
  return Math.max(...(one === undefined ? [...rules.values()] : [one]).map(of));
}
