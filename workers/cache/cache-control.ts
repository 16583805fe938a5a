/** Cache-Control, of requests and of answers. RFC 9111 section 5.2. */

/** Lower-case names; the argument without its quotes, "" for none. */
export type Directives = ReadonlyMap<string, string>;

/** Stands for a malformed argument, and for two that contradict each other: it is no number. */
const unreadable = "?";

/** Larger numbers mean "for ever". RFC 9111 section 1.2.2. */
export const mostSeconds = 2_147_483_648;

const none: Directives = new Map();
/** Elements between commas; a comma inside a quoted string is text. A quote that never ends hides nothing behind it. */
const elements = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/g;
const element = /^([!#$%&'*+.^_`|~0-9a-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9a-z-]+)))?$/i;
const leadingName = /^[!#$%&'*+.^_`|~0-9a-z-]+/i;

export function readDirectives(text: string | null): Directives {
  if (text === null) return none;
  const directives = new Map<string, string>();
  for (const [name, argument] of (text.match(elements) ?? []).flatMap(readElement)) {
    const before = directives.get(name);
    // Section 4.2.1: of several values the answer is held for stale, rather than to believe one of them.
    directives.set(name, before === undefined || before === argument ? argument : unreadable);
  }
  return directives;
}

/** Whole seconds; null when the directive is absent, "unfit" when its argument is not a number. Section 1.2.2. */
export function secondsOf(directives: Directives, name: string): number | null | "unfit" {
  const argument = directives.get(name);
  if (argument === undefined) return null;
  return /^\d+$/.test(argument) ? Math.min(Number(argument), mostSeconds) : "unfit";
}

type Directive = readonly [name: string, argument: string];

/** What is malformed hides nothing in its quotes: each name in it is there, and none has an argument to go by. */
function readElement(part: string): readonly Directive[] {
  const [, name, quoted, token] = element.exec(part.trim()) ?? [];
  if (name !== undefined) return [[name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? token ?? ""]];
  const names = part.split(",").flatMap((piece) => leadingName.exec(piece.trim()) ?? []);
  return names.map((each) => [each.toLowerCase(), unreadable]);
}
