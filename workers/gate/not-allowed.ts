/** What a route expected of whom it does not let in: the configuration's words, and nothing of the token. */
import type { Allow } from "../config/mesh.ts";
import type { Identity } from "../token/identity.ts";
import { allowedBy } from "./allowed.ts";
import type { PathParams } from "./path-pattern.ts";

const anyone: Allow = { scopes: [], roles: [], claims: [], tenant: null, issuers: null };

/** The first that is lacking, in the order in which they are looked at. Only for who is not allowed: it looks again. */
export function expectedBy(allow: Allow, identity: Identity, params: PathParams): string {
  const { issuers, scopes, roles, claims } = allow;
  const lacks = (part: Partial<Allow>) => allowedBy({ ...anyone, ...part }, identity, params) !== "allowed";
  if (lacks({ issuers })) return "issuer: expected another one: this route takes tokens of some issuers only";
  if (lacks({ scopes })) return `scope: expected ${scopes.join(" ")}`;
  if (lacks({ roles })) return `roles: expected ${roles.join(" or ")}`;
  const claim = claims.find((one) => lacks({ claims: [one] }));
  if (claim !== undefined) return `claim ${claim.path}: expected ${claim.values.join(" or ")}`;
  return "tenant: expected the one that the path names";
}
