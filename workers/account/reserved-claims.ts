/** Claims that the mesh sets or reads itself (RFC 7519 section 4.1, RFC 9068, RFC 7800): nobody may have them otherwise. */

const reserved: ReadonlySet<string> = new Set([
  "act",
  "aud",
  "azp",
  "client_id",
  "cnf",
  "exp",
  "iat",
  "iss",
  "jti",
  "may_act",
  "nbf",
  "resources",
  "roles",
  "scope",
  "scp",
  "sid",
  "sub",
  "tenant",
  "typ",
]);

export function isReservedClaim(name: string): boolean {
  return reserved.has(name);
}
