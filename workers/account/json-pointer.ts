/** JSON pointers (RFC 6901): how a configuration says where in an answer something stands. */

/** The reference tokens, unescaped; empty for the whole document. */
export type JsonPointer = readonly string[];

const mostSteps = 16;
const longestText = 256;

/** null for what is no pointer: each step begins with a slash, `~0` is a tilde, `~1` a slash. */
export function parsePointer(text: string): JsonPointer | null {
  if (text === "") return [];
  if (!text.startsWith("/") || text.length > longestText || /~(?![01])/.test(text)) return null;
  const steps = text.slice(1).split("/");
  return steps.length > mostSteps ? null : steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** undefined where the pointer leads nowhere. */
export function valueAt(document: unknown, pointer: JsonPointer): unknown {
  let value = document;
  for (const step of pointer) {
    if (typeof value !== "object" || value === null) return undefined;
    if (Array.isArray(value)) {
      if (!/^(?:0|[1-9]\d{0,8})$/.test(step)) return undefined;
      const items: unknown[] = value;
      value = items[Number(step)];
    } else {
      if (!Object.hasOwn(value, step)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[step];
    }
  }
  return value;
}
