/** A limit: what is counted, and how. */
import { safeMethods } from "../limit/counted-methods.ts";
import { amountsOf } from "../limit/quota.ts";
import type { Limit, LimitPart } from "./mesh.ts";
import { limitSchema, type LimitSettings } from "./limit-schema.ts";
import type { Mistakes } from "./mistakes.ts";
import type { PathKey } from "./refusal.ts";

/** A budget's key is kept, listed and shown: no credential may be one. */
const credentialHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization", "x-api-key"]);

export function compileLimit(name: string, value: unknown, mistakes: Mistakes): Limit | null {
  const path = ["limits", name] as const;
  const settings = mistakes.read(limitSchema, value, path);
  if (settings === null) return null;
  const { algorithm, quota, windowMs, mode, onError, timeoutMs, prefix } = settings;
  const by = compileParts(settings.by, [...path, "by"], mistakes);
  if (algorithm === "concurrency" && by.some(({ kind }) => kind === "key")) {
    mistakes.add(
      [...path, "by"],
      "what a request has: a permit is held while a request runs, and never taken by key",
      "key",
    );
  }
  const burst = compileBurst(settings);
  const methods = compileMethods(settings.methods);
  return { name, by, algorithm, quota, windowMs, burst, mode, onError, timeoutMs, methods, prefix };
}

function compileParts(setting: LimitSettings["by"], at: readonly PathKey[], mistakes: Mistakes): readonly LimitPart[] {
  const texts = typeof setting === "string" ? [setting] : setting;
  const by = texts.map(partOf);
  if (by.length > 1 && texts.includes("key")) {
    mistakes.add(at, '"key" alone: its caller says the whole key', setting);
  }
  if (by.some((part) => part.kind === "header" && credentialHeaders.has(part.name))) {
    mistakes.add(at, "a header that holds no credential", setting);
  }
  return by;
}

/** Header names compare without regard to case (RFC 9110 section 5.1), claims do not. */
function partOf(text: string): LimitPart {
  if (text.startsWith("claim:")) return { kind: "claim", name: text.slice("claim:".length) };
  if (text.startsWith("header:")) return { kind: "header", name: text.slice("header:".length).toLowerCase() };
  // The schema lets through only these.
  return { kind: text as "address" | "subject" | "tenant" | "client" | "route" | "key" };
}

/**
 * What was saved while nobody asked is at most one window's quota, unless it is said otherwise. Of a quota of 0 that is
 * nothing: such a bucket admits nobody, and a live change that raises it has to say a size.
 */
function compileBurst({ algorithm, quota, burst }: LimitSettings): number {
  if (algorithm !== "token-bucket") return 0;
  // A live change may put a number in the place of "unlimited" at any time, and then the bucket needs a size.
  return burst ?? Math.max(...amountsOf(quota).map((amount) => (amount === "unlimited" ? 1 : amount)));
}

function compileMethods(setting: LimitSettings["methods"]): Limit["methods"] {
  if (setting === undefined) return null;
  if (setting === "write") return setting;
  return new Set(setting === "read" ? safeMethods : setting);
}
