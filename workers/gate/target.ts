/** What a request asks for: host, canonical path and query, from the request target as it was sent. */
import { budgetPath } from "./budget-path.ts";
import { canonicalPath } from "./canonical-path.ts";

export type Target =
  | {
      readonly kind: "target";
      readonly scheme: "http" | "https";
      /** Lower case, without a port and without the root's dot: what routes are matched by. */
      readonly host: string;
      /** As the client wrote it, with its port: for X-Forwarded-Host. */
      readonly authority: string;
      readonly path: string;
      /** With its question mark, or empty. */
      readonly query: string;
    }
  | { readonly kind: "refused"; readonly detail: string };

/** A name or an IPv4 address, or an IPv6 address in brackets; a port or none. RFC 3986 section 3.2.2. */
const authorityForm = /^([a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?\.?|\[[0-9a-f:.]{2,45}\])(?::\d{0,5})?$/i;

/** Of these `new URL` does not take every one: an IPv6 address, what ends like an IPv4 address, an A-label, a long port. */
const mayBeNone = /^\[|(?:^|\.)\d[^.:]*\.?(?::|$)|xn--|:\d{5}$/i;

/**
 * `url` is the runtime's: scheme, the Host field as it came, and the raw target in one text. Nothing of it is parsed by
 * `new URL`, which throws for a bad host and moves dot segments. A Host that holds a slash, a question mark or a number
 * sign would shift what is the path, so the field is held against its form first.
 */
export function readTarget(url: string, hostField: string | null): Target {
  const scheme = url.startsWith("https://") ? "https" : "http";
  const from = scheme.length + 3;
  const slash = url.indexOf("/", from);
  if (slash === -1) return refused("target: expected a path that begins with a slash");
  const authority = url.slice(from, slash);
  const host = hostOf(authority);
  if (host === null || (hostField !== null && hostField !== authority && hostOf(hostField) !== host)) {
    return refused("host: expected one name or address, with a port or without");
  }
  const mark = url.indexOf("?", slash);
  const rawPath = mark === -1 ? url.slice(slash) : url.slice(slash, mark);
  const path = budgetPath(rawPath) ?? canonicalPath(rawPath);
  if (path.kind === "refused") return path;
  const query = mark === -1 ? "" : url.slice(mark);
  if (query.includes("#")) return refused("query: expected no fragment");
  return { kind: "target", scheme, host, authority: hostField ?? authority, path: path.path, query };
}

/** Lower case, without the port and the dot of the root; null when it is no host. */
function hostOf(authority: string): string | null {
  const name = authorityForm.exec(authority)?.[1];
  if (name === undefined || (mayBeNone.test(authority) && !URL.canParse(`http://${authority}`))) return null;
  return (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
}

function refused(detail: string): Target {
  return { kind: "refused", detail };
}
