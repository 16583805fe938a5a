/** Which paths the mesh answers itself, and under which of its names. */
import type { Mesh } from "./config/mesh.ts";

const metadataPath = "/.well-known/oauth-authorization-server";
/** What `mount.auth` puts elsewhere, below /_mesh/v1/auth. */
const authPaths: ReadonlySet<string> = new Set([
  "/token",
  "/token/cookie",
  "/token/redirect",
  "/logout",
  "/authorize",
  "/introspect",
  "/revoke",
  "/.well-known/jwks.json",
  "/.well-known/assertions.json",
  metadataPath,
]);
/** RESTHeart 8 names users in the path. */
const userTokens = /^\/tokens\/[^/]+$/;
const healthPaths = ["/healthz", "/readyz"] as const;

/** The path below /_mesh/ that a canonical path asks for; null for one that is the upstream's. */
export function ownPath(mount: Mesh["mount"], path: string): string | null {
  if (path === "/_mesh" || path.startsWith("/_mesh/")) return path;
  if (mount.health && healthPaths.some((mounted) => mounted === path)) return `/_mesh${path}`;
  if (mount.auth === null) return null;
  const base = mount.auth.endsWith("/") ? mount.auth.slice(0, -1) : mount.auth;
  // An issuer with a path has its metadata before that path (RFC 8414 section 3.1).
  if (base !== "" && path === `${metadataPath}${base}`) return `/_mesh/v1/auth${metadataPath}`;
  if (!path.startsWith(base)) return null;
  const rest = path.slice(base.length);
  return authPaths.has(rest) || userTokens.test(rest) ? `/_mesh/v1/auth${rest}` : null;
}
