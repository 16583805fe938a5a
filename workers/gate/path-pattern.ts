/**
 * Patterns of canonical paths: `/a/b` is that path, `:name` is one whole segment, and a last `*` is everything below
 * (`/x/*` is `/x`, `/x/` and `/x/y`). Case counts, and `/a` is not `/a/`: what an upstream tells apart, the gate does too.
 */
import { canonicalPath } from "./canonical-path.ts";
import { otherReadingOf } from "./path-reading.ts";

export type PathParams = Readonly<Record<string, string>>;

export interface PathPattern {
  /** As it was written. */
  readonly text: string;
  /** Names of the parameters, in order. */
  readonly names: readonly string[];
  /** The parameters' values as they stand in the path (still percent-encoded), or null when it does not match. */
  match(path: string): PathParams | null;
  /** How many characters of the path the pattern covers when it need only be the leading segments; -1 when it does not match. */
  lead(path: string): number;
}

type Segment = { readonly kind: "literal"; readonly text: string } | { readonly kind: "name"; readonly name: string };

const noParams: PathParams = Object.freeze({});
const parameterName = /^[A-Za-z_]\w*$/;

/** Throws an Error that says what was expected: a pattern comes from the configuration. */
export function compilePattern(text: string): PathPattern {
  const isOpen = text.endsWith("/*");
  const fixed = isOpen ? text.slice(0, -2) : text;
  const segments = isOpen && fixed === "" ? [] : segmentsOf(text, fixed, isOpen);
  const names = segments.flatMap((segment) => (segment.kind === "name" ? [segment.name] : []));
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw mistaken(text, `each parameter once: received :${repeated} again`);
  const lead = names.length === 0 ? leadOfLiteral(fixed) : leadOfSegments(segments);
  return {
    text,
    names,
    lead,
    match(path) {
      const end = lead(path);
      if (end === -1 || (!isOpen && end !== path.length)) return null;
      return names.length === 0 ? noParams : paramsOf(segments, path);
    },
  };
}

function segmentsOf(text: string, fixed: string, isOpen: boolean): readonly Segment[] {
  if (!fixed.startsWith("/")) throw mistaken(text, "a slash at its beginning");
  const parts = fixed.slice(1).split("/");
  const last = parts.length - 1;
  return parts.map((part, index) => {
    if (part === "" && (isOpen || index !== last)) throw mistaken(text, "no empty segment");
    return segmentOf(text, part);
  });
}

function segmentOf(text: string, part: string): Segment {
  if (part.startsWith(":")) {
    const name = part.slice(1);
    if (parameterName.test(name)) return { kind: "name", name };
    throw mistaken(text, `a parameter's name of letters, digits and underscores: received :${name}`);
  }
  if (part.includes("*")) throw mistaken(text, "`*` only as its last segment");
  const canonical = canonicalPath(`/${part}`);
  if (canonical.kind === "refused") throw mistaken(text, `a canonical path: ${canonical.detail}`);
  if (canonical.path !== `/${part}`) {
    throw mistaken(text, `its canonical spelling, ${canonical.path.slice(1)}: received ${part}`);
  }
  if (otherReadingOf(part) !== null)
    throw mistaken(text, `no \`;\`, and marks such as @ as they are: received ${part}`);
  return { kind: "literal", text: part };
}

function leadOfLiteral(fixed: string): (path: string) => number {
  const end = fixed.length;
  const endsInSlash = fixed.endsWith("/");
  return (path) => (path.startsWith(fixed) && (endsInSlash || endsSegment(path, end)) ? end : -1);
}

function leadOfSegments(segments: readonly Segment[]): (path: string) => number {
  return (path) => {
    let at = 0;
    for (const segment of segments) {
      if (path.charAt(at) !== "/") return -1;
      const end = endOfSegment(path, at + 1);
      if (segment.kind === "name" ? end === at + 1 : path.slice(at + 1, end) !== segment.text) return -1;
      at = end;
    }
    return at;
  };
}

/** Only after `lead` has said that the path matches. */
function paramsOf(segments: readonly Segment[], path: string): PathParams {
  const params: Record<string, string> = {};
  let at = 0;
  for (const segment of segments) {
    const end = endOfSegment(path, at + 1);
    if (segment.kind === "name") params[segment.name] = path.slice(at + 1, end);
    at = end;
  }
  return params;
}

function endsSegment(path: string, at: number): boolean {
  return at === path.length || path.charAt(at) === "/";
}

function endOfSegment(path: string, from: number): number {
  const slash = path.indexOf("/", from);
  return slash === -1 ? path.length : slash;
}

function mistaken(text: string, expected: string): Error {
  return new Error(`cannot read the path pattern "${text}": expected ${expected}`);
}
