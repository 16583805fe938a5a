/** The guides as their readers have them: their blocks, and what they say that comes of a line. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..", "..", "docs", "guides");

export interface Block {
  readonly guide: string;
  readonly language: string;
  readonly text: string;
  /** `plans-per-tenant.md:9`. */
  readonly at: string;
}

/** A line of a `console` block, and what is printed below it. */
export interface Prompted {
  readonly command: string;
  readonly answer: string;
}

/** File names, in order; and the page that tells how to get the token which they all need. */
export const guides: readonly string[] = [
  ...readdirSync(folder)
    .filter((name) => name.endsWith(".md"))
    .toSorted(),
  "../api.md",
];

export function textOf(guide: string): string {
  return readFileSync(join(folder, guide), "utf8");
}

export function blocksOf(guide: string): readonly Block[] {
  const text = textOf(guide);
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(({ index, 1: language = "", 2: inside = "" }) => {
    return { guide, language, text: inside, at: `${guide}:${text.slice(0, index).split("\n").length}` };
  });
}

export function isConfiguration({ language, text }: Block): boolean {
  return language === "ts" && text.includes("export default defineMesh(");
}

/** Tokens, accounts and mounts are one mesh's, not one route's: two guides that say something of them share no mesh. */
export function isOfTheWholeMesh(block: Block): boolean {
  return isConfiguration(block) && /^ {2}(?:accounts|mount|tokens):/m.test(block.text);
}

/** Its first line says what its file is called: `// limits.mjs`, `# limits.py`. */
export function programNameOf({ text }: Block): string | null {
  return /^(?:\/\/|#) (\S+\.\w+)\n/.exec(text)?.[1] ?? null;
}

/** Commands begin with `$ ` and go on while their lines end with a backslash. */
export function promptedIn({ text }: Block): readonly Prompted[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((prompted) => {
      const [command = ""] = /^(?:.*\\\n)*.*\n/.exec(prompted) ?? [];
      return { command: command.trimEnd(), answer: prompted.slice(command.length) };
    });
}

/** What a configuration block exports, by the functions that `selvedge` has. */
export function configurationOf({ text }: Block, functions: Readonly<Record<string, unknown>>): unknown {
  const names = Object.keys(functions);
  const body = text.replace(/^import .*$/m, "").replace("export default", "return");
  // eslint-disable-next-line typescript/no-implied-eval
  return (new Function(...names, body) as (...given: readonly unknown[]) => unknown)(...Object.values(functions));
}

/** As a pattern: what differs from call to call is any, and so is what the guide leaves out with an ellipsis. */
export function patternOf(answer: string): RegExp {
  const parts = comparable(answer)
    .split("…")
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(".*?")}$`, "s");
}

/** Without white space, which the guide has as it fits, and with one text in place of each that differs from call to call. */
export function comparable(answer: string): string {
  return (
    answer
      .replaceAll(/\s+/g, "")
      .replaceAll(/"(id|instance|at|since|reservation)":"[^"]*"/g, '"$1":"?"')
      .replaceAll(/(["']?)(seq|resetMs|retryAfterMs)\1:\d+/g, "$1$2$1:0")
      .replaceAll(/;t=\d+/g, ";t=0")
      .replaceAll(/;pk=:[^:]*:/g, ";pk=:?:")
      .replaceAll(/Retry-After:\d+/g, "Retry-After:0")
      // In which window each of several requests came is the clock's affair: those of all are not.
      .replaceAll(
        /"allowed":(\d+),"refused":(\d+)/g,
        (_, allowed, refused) => `"asked":${Number(allowed) + Number(refused)}`,
      )
      .replaceAll(
        /"used":(\d+),"remaining":(\d+)/g,
        (_, used, remaining) => `"ofall":${Number(used) + Number(remaining)}`,
      )
  );
}
