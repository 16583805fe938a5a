/**
 * The token's cookie as a credential. What may change something by it, or opens a socket that goes on, must come from a
 * page that is trusted with it.
 */
import { readCookie, type CookieFinding } from "../auth/cookie.ts";
import { isTrustedOrigin } from "./cookie-origin.ts";
import { isWebSocketUpgrade } from "./hop-by-hop.ts";
import type { Passage } from "./passage.ts";

export type CookieCredential = CookieFinding | { readonly kind: "foreign_origin" };

/** RFC 9110 section 9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export function cookieCredential(passage: Passage): CookieCredential {
  const { fields, request, isolate, route } = passage;
  const found = readCookie(fields.get("cookie") ?? null, isolate.mesh.tokens.cookie);
  if (found.kind !== "token") return found;
  const isSafe = safeMethods.has(request.method) && !isWebSocketUpgrade(request.method, fields);
  if (isSafe || isTrustedOrigin(fields.get("origin"), request.url, route.cors)) return found;
  return { kind: "foreign_origin" };
}
