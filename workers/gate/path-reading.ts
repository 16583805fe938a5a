/**
 * The other reading of a canonical path: by servers that drop path parameters before they route (`/login;x`, RFC 3986
 * section 3.3, as servlet containers do), that decode marks (`%40` for `@`), or that decode twice. Paths are matched as
 * they stand, and what a server would take for another route's is refused: no upstream need be known for that.
 */

/** `%`, encoded more than once; a slash and a backslash would make other segments, and stay. */
const doubled = /%(?:25)+(?=(?!2F|5C)[0-9A-F]{2})/gi;
const escaped = /%([2-9A-F][0-9A-F])/gi;
const parameters = /;[^/]*/g;
/** What may stand for itself within a segment: the others have only their encoded form. RFC 3986 section 3.3. */
const ownCharacter = /[\w.~!$&'()*+,;=:@-]/;

/** null when there is no other. Literal segments of patterns have none, so whatever a path matches, its other reading does too. */
export function otherReadingOf(path: string): string | null {
  if (!path.includes("%") && !path.includes(";")) return null;
  const reading = path.replaceAll(doubled, "%").replaceAll(escaped, decoded).replaceAll(parameters, "");
  return reading === path ? null : reading;
}

function decoded(escape: string, digits: string): string {
  const character = String.fromCharCode(Number.parseInt(digits, 16));
  return ownCharacter.test(character) ? character : escape.toUpperCase();
}
