/** A limit: what is counted, and how. */
import type { Limit, LimitPart } from "./mesh.ts";
import { limitSchema } from "./limit-schema.ts";
import type { Mistakes } from "./mistakes.ts";

/** A budget's key is kept, listed and shown: no credential may be one. */
const credentialHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);

export function compileLimit(name: string, value: unknown, mistakes: Mistakes): Limit | null {
  const path = ["limits", name] as const;
  const settings = mistakes.read(limitSchema, value, path);
  if (settings === null) return null;
  const { algorithm, quota, windowMs, mode, onError } = settings;
  const texts = typeof settings.by === "string" ? [settings.by] : settings.by;
  const by = texts.map(partOf);
  if (by.length > 1 && texts.includes("key")) {
    mistakes.add([...path, "by"], '"key" alone: its caller says the whole key', settings.by);
  }
  if (by.some((part) => part.kind === "header" && credentialHeaders.has(part.name))) {
    mistakes.add([...path, "by"], "a header that holds no credential", settings.by);
  }
  return { name, by, algorithm, quota, windowMs, mode, onError };
}

/** Header names compare without regard to case (RFC 9110 section 5.1), claims do not. */
function partOf(text: string): LimitPart {
  if (text.startsWith("claim:")) return { kind: "claim", name: text.slice("claim:".length) };
  if (text.startsWith("header:")) return { kind: "header", name: text.slice("header:".length).toLowerCase() };
  // The schema lets through only these.
  return { kind: text as "address" | "subject" | "tenant" | "client" | "route" | "key" };
}
