/** Which routes can never be reached, and what may be stripped: one pattern held against another. */
import type { Route } from "./mesh.ts";

interface Segments {
  readonly segments: readonly string[];
  /** Ends in `*`: everything below matches too, and the path itself. */
  readonly isOpen: boolean;
}

function segmentsOf(pattern: string): Segments {
  const isOpen = pattern.endsWith("/*");
  const fixed = isOpen ? pattern.slice(0, -2) : pattern;
  return { segments: fixed === "" ? [] : fixed.slice(1).split("/"), isOpen };
}

/** Every request that `later` matches is one that `earlier` takes. First match wins, so `later` is never reached. */
export function coversRoute(earlier: Route, later: Route): boolean {
  return (
    (earlier.host === null || earlier.host === later.host) &&
    coversMethods(earlier.methods, later.methods) &&
    coversPath(earlier.path.text, later.path.text)
  );
}

function coversMethods(earlier: Route["methods"], later: Route["methods"]): boolean {
  return earlier === null || (later !== null && [...later].every((method) => earlier.has(method)));
}

function coversPath(earlier: string, later: string): boolean {
  const [outer, inner] = [segmentsOf(earlier), segmentsOf(later)];
  const fits = outer.isOpen
    ? inner.segments.length >= outer.segments.length
    : !inner.isOpen && inner.segments.length === outer.segments.length;
  return fits && leads(outer.segments, inner.segments);
}

/** Whether `strip` matches the leading segments of every path that `pattern` matches. */
export function isLeadOf(strip: string, pattern: string): boolean {
  const lead = segmentsOf(strip);
  const whole = segmentsOf(pattern);
  return !lead.isOpen && lead.segments.length <= whole.segments.length && leads(lead.segments, whole.segments);
}

function leads(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.every((segment, index) => {
    const other = inner[index] ?? "";
    // A parameter is any segment but an empty one.
    return segment.startsWith(":") ? other !== "" : segment === other;
  });
}
