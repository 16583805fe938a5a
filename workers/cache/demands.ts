/** What a request asks of a cache. RFC 9111 section 5.2.1. */
import type { Fields } from "../gate/fields.ts";
import { readDirectives, secondsOf } from "./cache-control.ts";
import { ageMs } from "./entry.ts";
import type { Terms } from "./terms.ts";

export interface Demands {
  readonly noStore: boolean;
  readonly noCache: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAgeMs: number;
  readonly minFreshMs: number;
  /** How stale an answer may be; 0 when none may. */
  readonly maxStaleMs: number;
}

const nothing: Demands = {
  noStore: false,
  noCache: false,
  onlyIfCached: false,
  maxAgeMs: Infinity,
  minFreshMs: 0,
  maxStaleMs: 0,
};

/** Pragma counts only without Cache-Control. Section 5.4. */
export function demandsOf(fields: Fields): Demands {
  const cacheControl = fields.get("cache-control");
  if (cacheControl === undefined) {
    const pragma = fields.get("pragma");
    return pragma === undefined ? nothing : { ...nothing, noCache: readDirectives(pragma).has("no-cache") };
  }
  const directives = readDirectives(cacheControl);
  const maxStale = directives.get("max-stale") === "" ? Infinity : secondsOf(directives, "max-stale");
  return {
    noStore: directives.has("no-store"),
    noCache: directives.has("no-cache"),
    onlyIfCached: directives.has("only-if-cached"),
    // A number that cannot be read asks for the strictest.
    maxAgeMs: msOf(secondsOf(directives, "max-age"), Infinity, 0),
    minFreshMs: msOf(secondsOf(directives, "min-fresh"), 0, Infinity),
    maxStaleMs: msOf(maxStale, 0, 0),
  };
}

function msOf(seconds: number | null | "unfit", absent: number, unreadable: number): number {
  if (seconds === null) return absent;
  return typeof seconds === "number" ? seconds * 1000 : unreadable;
}

/** `request`: fresh, but not enough for what this request asks. */
export type Usability = "usable" | "expired" | "request";

export function usabilityOf(entry: Terms, demands: Demands, now: number): Usability {
  const leftMs = entry.freshUntil - now;
  // max-age=0 means "ask", also within the first millisecond.
  if (demands.noCache || ageMs(entry, now) >= demands.maxAgeMs) return leftMs > 0 ? "request" : "expired";
  if (leftMs > 0) return leftMs >= demands.minFreshMs ? "usable" : "request";
  const mayBeStale = demands.maxStaleMs > 0 && demands.minFreshMs === 0 && !entry.mustRevalidate;
  return mayBeStale && -leftMs <= demands.maxStaleMs ? "usable" : "expired";
}
