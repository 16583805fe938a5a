/**
 * The resources whose path may hold an encoded slash or backslash: a budget of the mesh's own API, whose key is any text
 * (`2001:db8::/64`, `["ISSUER","SUBJECT"]`), and an account (`DOMAIN\\ada`). Only these literal paths are read so, and
 * they never reach an upstream; every other spelling, and every other path, is held against the canonical form.
 */
import type { CanonicalPath } from "./canonical-path.ts";

const prefixes = ["/_mesh/v1/limits/", "/_mesh/v1/accounts/"] as const;
/** The text is one segment of printable ASCII: everything else in it is percent-encoded. */
const form = /^\/_mesh\/v1\/(?:limits\/[a-z0-9][a-z0-9._-]{0,63}\/budgets|accounts)\/((?:(?![/\\?#])[!-~])+)$/;

/** null for every other path. The text's canonical form is what `encodeURIComponent` writes. */
export function budgetPath(rawPath: string): CanonicalPath | null {
  if (!prefixes.some((prefix) => rawPath.startsWith(prefix))) return null;
  const written = form.exec(rawPath)?.[1];
  if (written === undefined) return null;
  const key = decoded(written);
  if (key === null) return { kind: "refused", detail: "path: expected UTF-8, percent-encoded" };
  // A URL parser moves dot segments however they are spelt.
  if (key === "." || key === "..") return { kind: "refused", detail: "path: expected no dot segment" };
  return { kind: "canonical", path: rawPath.slice(0, rawPath.length - written.length) + encodeURIComponent(key) };
}

function decoded(written: string): string | null {
  try {
    return decodeURIComponent(written);
  } catch {
    return null;
  }
}
