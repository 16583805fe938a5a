/**
 * Which budget a key stands for: itself, if it is short and can be stored as it is; else its digest, so that no two keys
 * share a budget. What looks like a digest is digested too: nobody can choose a key that is another's.
 */
import { maxBudgetBytes } from "../durable-objects/limiter/contract.ts";

const digestPrefix = "sha256:";

/** Synchronous but for keys that need a digest. */
export function budgetOfKey(key: string): string | Promise<string> {
  return key.isWellFormed() && !key.startsWith(digestPrefix) && fits(key) ? key : digestOf(key);
}

function fits(key: string): boolean {
  // No UTF-16 code unit takes more than three bytes of UTF-8: most keys need no counting.
  return key.length * 3 <= maxBudgetBytes || new TextEncoder().encode(key).length <= maxBudgetBytes;
}

/** Of the code units: as UTF-8 all lone surrogates would be one. */
async function digestOf(key: string): Promise<string> {
  const units = Uint16Array.from({ length: key.length }, (_, index) => key.charCodeAt(index));
  const digest = await crypto.subtle.digest("SHA-256", units);
  return digestPrefix + btoa(String.fromCharCode(...new Uint8Array(digest)));
}
