/**
 * The token's cookie as a credential. A browser sends it along whoever makes the request: what may change something, or
 * opens a socket that goes on, must come from a page of this site, or of one that the route's CORS lets in with credentials.
 */
import { readCookie, type CookieFinding } from "../auth/cookie.ts";
import { isWebSocketUpgrade } from "./hop-by-hop.ts";
import type { Passage } from "./passage.ts";

export type CookieCredential = CookieFinding | { readonly kind: "foreign_origin" };

/** RFC 9110 section 9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export function cookieCredential(passage: Passage): CookieCredential {
  const { fields, request, isolate } = passage;
  const found = readCookie(fields.get("cookie") ?? null, isolate.mesh.tokens.cookie);
  if (found.kind !== "token") return found;
  const isSafe = safeMethods.has(request.method) && !isWebSocketUpgrade(request.method, fields);
  return isSafe || isOwnOrigin(passage) ? found : { kind: "foreign_origin" };
}

function isOwnOrigin({ fields, request, route }: Passage): boolean {
  const origin = fields.get("origin");
  if (origin === undefined) return false;
  if (origin === new URL(request.url).origin) return true;
  const { cors } = route;
  return cors !== null && cors.credentials && cors.origins !== "*" && cors.origins.has(origin);
}
