/**
 * Whose pages may act by the token's cookie. A browser sends it along whoever makes the request, from another host of the
 * same site too (`SameSite`): what changes something must come from a page of this origin, or of one that the operator
 * lists with credentials where the request leads.
 */
import type { Cors } from "../config/mesh.ts";

/** `origin` is the field as it came, `url` the request's own, `cors` what holds for its path. */
export function isTrustedOrigin(origin: string | undefined, url: string, cors: Cors | null): boolean {
  if (origin === undefined) return false;
  if (origin === new URL(url).origin) return true;
  return cors !== null && cors.credentials && cors.origins !== "*" && cors.origins.has(origin);
}
