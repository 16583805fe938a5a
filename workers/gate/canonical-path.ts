/**
 * One spelling of every path. The runtime hands over the request target as the client wrote it, routers match it as it
 * stands, and `fetch` normalises it: `/public/../admin` would match `/public/*` and reach `/admin`. So the gate works
 * with one canonical path, matches that, and sends exactly that. What has two readings is refused, not repaired.
 */
export type CanonicalPath =
  | { readonly kind: "canonical"; readonly path: string }
  /** `detail` says what was wrong; it never repeats the path. */
  | { readonly kind: "refused"; readonly detail: string };

/** Segments of unreserved characters and sub-delimiters that hold no dot segment: nothing to do. RFC 3986 section 3.3. */
const plainPath = /^(?:\/(?!\.\.?(?:\/|$))[\w.~!$&'()*+,=:@-]+)*\/?$/;
const unreserved = /[A-Za-z0-9\-._~]/;
/** Printable ASCII: what is neither a path character nor a mark with a meaning of its own is percent-encoded. */
const pathCharacter = /[\w.~!$&'()*+,;=:@/-]/;

/** `rawPath` is the path of the request target as it was sent, without the query. */
export function canonicalPath(rawPath: string): CanonicalPath {
  if (rawPath !== "" && plainPath.test(rawPath)) return { kind: "canonical", path: rawPath };
  if (!rawPath.startsWith("/")) return refused("expected a path that begins with a slash");
  let path = "";
  for (let index = 0; index < rawPath.length; index += 1) {
    const character = rawPath.charAt(index);
    if (character === "%") {
      const byte = byteOf(rawPath.slice(index + 1, index + 3));
      if (byte === null) return refused("expected two hexadecimal digits after each percent sign");
      const spelled = spell(byte);
      if (spelled === null) return refused(`expected no encoded slash, backslash or control character`);
      path += spelled;
      index += 2;
      continue;
    }
    const code = rawPath.charCodeAt(index);
    if (code <= 0x20 || code === 0x7f) return refused("expected no space and no control character");
    if (code > 0x7f) return refused("expected characters beyond ASCII to be percent-encoded");
    if (character === "\\") return refused("expected no backslash");
    if (character === "#" || character === "?")
      return refused("expected no query mark and no fragment within the path");
    path += pathCharacter.test(character) ? character : encoded(code);
  }
  const detail = faultOf(path);
  return detail === null ? { kind: "canonical", path } : refused(detail);
}

/** What is wrong with a path whose escapes are canonical; null when nothing is. */
function faultOf(path: string): string | null {
  // UTF-8 for `/`, `.` or a control character in more bytes than it takes (RFC 3629 section 3), and the C1 controls.
  if (/%C[01]|%E0%[89]|%F0%8|%C2%[89]/.test(path)) return "expected no overlong encoding and no control character";
  if (path.includes("//")) return "expected no empty segment";
  const segments = path.split("/");
  segments.shift();
  for (const segment of segments) {
    if (segment === "") continue;
    const name = nameOf(segment);
    if (name === "") return "expected a name before the parameters of each segment";
    if (isDots(name)) return "expected no dot segment";
  }
  return path.includes("%25") && hidesSegment(path) ? "expected no dot segment and no nameless one" : null;
}

/** A segment without its parameters: some servers drop `;x` before they look for dot segments. */
function nameOf(segment: string): string {
  const end = segment.search(/;|%3B/);
  return end === -1 ? segment : segment.slice(0, end);
}

function isDots(name: string): boolean {
  return name === "." || name === "..";
}

/** Whether decoding once more, or several times more, would make a dot segment or take a name away: some servers decode twice. */
function hidesSegment(path: string): boolean {
  const decoded = path
    .replaceAll(/%(?:25)+2e/gi, ".")
    .replaceAll(/%(?:25)+(?:2f|5c)/gi, "/")
    .replaceAll(/%(?:25)+3b/gi, ";");
  return decoded.split("/").some((segment) => isDots(nameOf(segment)) || (segment !== "" && nameOf(segment) === ""));
}

function byteOf(digits: string): number | null {
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : null;
}

/** How a byte that came percent-encoded is written; null for one that may not be there. */
function spell(byte: number): string | null {
  if (byte < 0x20 || byte === 0x7f || byte === 0x2f || byte === 0x5c) return null;
  const character = String.fromCharCode(byte);
  return byte < 0x80 && unreserved.test(character) ? character : encoded(byte);
}

function encoded(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function refused(detail: string): CanonicalPath {
  return { kind: "refused", detail: `path: ${detail}` };
}
