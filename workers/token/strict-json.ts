/**
 * JSON objects as tokens must write them: no member twice (RFC 7515 section 4), and not nested without end. Two parsers
 * that differ about a doubled member would disagree about who is asking.
 */
import type { RefusalReason } from "./reasons.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export type StrictJson =
  | { readonly kind: "object"; readonly value: JsonObject }
  | {
      readonly kind: "refused";
      readonly reason: Extract<RefusalReason, "not_json_object" | "not_utf8" | "member_repeated" | "nested_too_deep">;
    };

export const maxDepth = 32;

export function parseStrictObject(text: string): StrictJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON is an ordinary finding about a stranger's token.
    return { kind: "refused", reason: "not_json_object" };
  }
  if (!isJsonObject(value)) return { kind: "refused", reason: "not_json_object" };
  const fault = faultOf(text);
  return fault === null ? { kind: "object", value } : { kind: "refused", reason: fault };
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Walks a text that is known to be JSON, so that only strings, brackets and colons need a look: a string followed by a
 * colon is a member's name, compared after its escapes are undone. Half a surrogate pair, which an escape can smuggle
 * in, is no UTF-8: two such texts would be one once they are written out.
 */
function faultOf(text: string): "member_repeated" | "nested_too_deep" | "not_utf8" | null {
  const names: Set<string>[] = [];
  let index = 0;
  while (index < text.length) {
    const character = text[index];
    index += 1;
    if (character === "{" || character === "[") {
      names.push(new Set());
      if (names.length > maxDepth) return "nested_too_deep";
    } else if (character === "}" || character === "]") {
      names.pop();
    } else if (character === '"') {
      const end = endOfString(text, index);
      const content = contentOf(text.slice(index - 1, end));
      if (!content.isWellFormed()) return "not_utf8";
      if (isFollowedByColon(text, end)) {
        if (names.at(-1)?.has(content) === true) return "member_repeated";
        names.at(-1)?.add(content);
      }
      index = end;
    }
  }
  return null;
}

function contentOf(quoted: string): string {
  return quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

/** The index after the closing quotation mark of the string whose content begins at `index`. */
function endOfString(text: string, index: number): number {
  let at = index;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(text: string, index: number): boolean {
  let at = index;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at += 1;
  return text[at] === ":";
}
