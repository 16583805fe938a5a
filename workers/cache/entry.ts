/** One kept answer, shared by all requests that may have it: plain data, never a stream. */
import { listedIn, isHopByHop } from "../gate/hop-by-hop.ts";
import type { Marked } from "../view/view.ts";
import type { Terms } from "./terms.ts";

export interface Entry extends Marked, Terms {
  readonly status: number;
  /** What every answer made of it begins with; lower-case names. */
  readonly head: Readonly<Record<string, string>>;
  /** The bytes as the upstream encoded them; null for a status without a body. */
  readonly body: Uint8Array<ArrayBuffer> | null;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Names that it varies by. */
  readonly names: readonly string[];
  /** When its fill began, by the clock of this isolate. */
  readonly startedAt: number;
}

/** Said anew for each request, of one connection, or for caches in front of the service only. */
const notKept: ReadonlySet<string> = new Set([
  "age",
  "cache-status",
  "cache-tag",
  "content-length",
  "ratelimit",
  "ratelimit-policy",
  "server-timing",
  "set-cookie",
  "surrogate-control",
  "surrogate-key",
]);

/** The part of a head that is kept. `ours` are fields that the gate sets on every answer: they win. RFC 9111 section 3.1. */
export function keptHead(headers: Headers, ours: Readonly<Record<string, string>>): Record<string, string> {
  const withheld = new Set(Object.keys(ours).map((name) => name.toLowerCase()));
  const listed = listedIn(headers.get("connection"));
  const head: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (notKept.has(name) || isHopByHop(name) || listed.has(name) || withheld.has(name)) continue;
    head[name] = value;
  }
  return head;
}

/** Never below 0: a clock that was set back makes nothing younger than new. */
export function ageMs(entry: Terms, now: number): number {
  return Math.max(0, now - entry.bornAt);
}

export function ageSeconds(entry: Terms, now: number): number {
  return Math.floor(ageMs(entry, now) / 1000);
}

/** Whole seconds of freshness that are left; below 0 for a stale one. RFC 9211 section 2.4. */
export function ttlSeconds(entry: Terms, now: number): number {
  return Math.floor((entry.freshUntil - now) / 1000);
}

/** May it stand in for an error of the upstream? RFC 5861 section 4. */
export function standsInForErrors(entry: Terms, now: number): boolean {
  return !entry.mustRevalidate && now < entry.freshUntil + entry.staleIfErrorMs;
}

/** What it takes in memory, roughly: the bytes, two for each character, and what the objects around them cost. */
export function costOf(entry: Entry): number {
  let characters = entry.host.length + entry.path.length;
  for (const name in entry.head) characters += name.length + (entry.head[name]?.length ?? 0);
  for (const tag of entry.tags) characters += tag.length + 16;
  return (entry.body?.byteLength ?? 0) + 2 * characters + 1024;
}
