/**
 * Which kept answers a request may have. Two requests share one only if they agree in all that the upstream can tell
 * apart without saying so in Vary: host, path, query, the route, the scheme and authority it is shown
 * (X-Forwarded-Proto, X-Forwarded-Host), and the parts of the identity that the route names.
 */
import type { CacheRule } from "../config/mesh.ts";
import type { Identity } from "../token/identity.ts";

export interface Key {
  readonly host: string;
  /** Canonical path with its query. */
  readonly path: string;
  /** Host and path: what invalidations speak of. A host holds no slash, and a path begins with one. */
  readonly url: string;
  /** Tells apart who asks for that URL, and how. */
  readonly selector: string;
}

export interface Asked {
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly route: string;
  /** The request's own URL and Host field, as the client wrote them. */
  readonly requestUrl: string;
  readonly hostField: string | null;
  readonly partition: string;
}

export function keyOf(asked: Asked): Key {
  const path = asked.path + asked.query;
  return { host: asked.host, path, url: asked.host + path, selector: selectorOf(asked) };
}

/** Without a line feed in any part that comes before another: route names, schemes and authorities have none. */
function selectorOf({ hostField, partition, requestUrl, route }: Asked): string {
  const from = requestUrl.indexOf("//") + 2;
  const authority = hostField ?? requestUrl.slice(from, requestUrl.indexOf("/", from));
  return `${route}\n${requestUrl.startsWith("https:") ? "https" : "http"}\n${authority}\n${partition}`;
}

export interface Partition {
  /** "" for a route that does not partition. */
  readonly text: string;
  /** All parts that the route names are there: credentials are part of the key. RFC 9111 section 3.5 is answered. */
  readonly coversIdentity: boolean;
}

const undivided: Partition = { text: "", coversIdentity: false };
const anonymous: Partition = { text: "anonymous", coversIdentity: false };
/** An accepted token's identity is one object for as long as its verdict is kept: written out once. */
const known = new WeakMap<Identity, { readonly by: CacheRule["partition"]; readonly partition: Partition }>();

export function partitionOf(by: CacheRule["partition"], identity: Identity | null): Partition {
  if (by.length === 0) return undivided;
  if (identity === null) return anonymous;
  const before = known.get(identity);
  if (before?.by === by) return before.partition;
  const values = by.map((part) => identity[part]);
  // Everything counts within its issuer; JSON keeps names apart whatever they hold.
  const partition = {
    text: JSON.stringify([identity.issuer, ...values]),
    coversIdentity: values.every((value) => value !== null),
  };
  known.set(identity, { by, partition });
  return partition;
}
