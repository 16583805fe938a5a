/** Which requests a limit counts, by their method. */
import type { Limit } from "../config/mesh.ts";

/** Those that the registry of methods calls safe (RFC 9110 section 9.2.1); TRACE goes nowhere. */
export const safeMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "PROPFIND",
  "QUERY",
  "REPORT",
  "SEARCH",
]);

/** What is not known to be safe is a write, whatever it is called: nothing passes both by. */
export function countsMethod(methods: Limit["methods"], method: string): boolean {
  if (methods === null) return true;
  return methods === "write" ? !safeMethods.has(method) : methods.has(method);
}
