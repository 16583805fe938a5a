/**
 * How long an attempt waits before its secret is looked at. Delays slow a guesser down where a refusal would lock out
 * somebody else: many addresses may belong to one account's guessers, and to its owner.
 */

/** Shorter than what programs wait for a login; the owner of an account under attack waits no longer. */
export const longestDelayMs = 5_000;
const firstDelayMs = 100;

/** How many attempts more than the free ones need to be counted: whoever comes after them waits longest. */
export const growingDelays = Math.ceil(Math.log2(longestDelayMs / firstDelayMs)) + 1;

/** `beyond`: how many more than the free ones came before; each doubles the delay. Infinity where nobody knows. */
export function delayOf(beyond: number): number {
  return beyond <= 0 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (beyond - 1));
}
