/** What an answer says its request has cost. */
import { maxTokens } from "../../durable-objects/limiter/contract.ts";

/**
 * Whole tokens, at most as many as can be charged at once: who says more means more. null for anything but digits, the
 * same field twice included: what was meant is not guessed.
 */
export function costIn(field: string): number | null {
  return /^\d+$/.test(field) ? Math.min(Number(field), maxTokens) : null;
}
