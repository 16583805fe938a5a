/**
 * What the mesh's own tokens may act on: `service:NAME` at the gate, `lock:NAME` and `limit:NAME` at the mesh API. Whoever
 * is bound to resources may act on those and do nothing else. Pure.
 */
import type { Identity } from "./identity.ts";

/** A kind and a name, or the beginning of one: `lock:inventory.*`. */
export const resourceForm = /^[a-z][a-z_-]{0,31}:(?:\*|[a-z0-9][a-z0-9._-]{0,63}\*?)$/;

/** null: bound to nothing. What another issuer says in this claim is about its own clients. */
export function boundOf(
  { issuer, claims }: Pick<Identity, "issuer" | "claims">,
  ownIssuer: string,
): readonly string[] | null {
  const resources = claims["resources"];
  if (resources === undefined || issuer !== ownIssuer) return null;
  const named: readonly unknown[] = Array.isArray(resources) ? resources : [];
  return named.filter((one) => typeof one === "string");
}

/** One that ends with "*" covers whatever begins as it does. */
export function isCovered(resource: string, bound: readonly string[]): boolean {
  return bound.some((one) => one === resource || (one.endsWith("*") && resource.startsWith(one.slice(0, -1))));
}

/** Whether the identity may not act on this one, because of what it is bound to. */
export function isBoundElsewhere(
  identity: Identity,
  ownIssuer: string,
  kind: string,
  named: { readonly name: string },
) {
  const bound = boundOf(identity, ownIssuer);
  return bound !== null && !isCovered(`${kind}:${named.name}`, bound);
}
