/**
 * Paced leases, as who gave them counts them: so many tokens in every interval of a window's length, wherever it begins,
 * until a window's end. A window of that length is charged once, a longer one for every interval that it takes to
 * cover it.
 */
import type { TokenLease } from "./contract.ts";
import type { Terms } from "./counter.ts";

/** How long a paced lease lives at its taker, ms. */
const pacedLifeMs = 11_000;
/** Clock rates differ by up to 5 % either way: 1.05 / 0.95 < 1.11. */
const drift = 1.11;
/** What a clock that stands still during computation may hide between two readings, ms. */
const standstillMs = 25;
/** Longer windows are their own leases. */
const longestPacedWindowMs = 10_000;

export interface Span {
  /** After the window in which it was given, which is charged with the rest. */
  readonly from: number;
  readonly to: number;
  readonly windowMs: number;
  readonly tokens: number;
}

/** What may be spent of them from one moment until another. */
export function heldIn(spans: readonly Span[], from: number, to: number): number {
  return spans.reduce((sum, span) => {
    const commonMs = Math.min(to, span.to) - Math.max(from, span.from);
    return commonMs > 0 ? sum + span.tokens * Math.ceil(commonMs / span.windowMs) : sum;
  }, 0);
}

/** The most that is held of a window that begins at `from` or later. */
export function heldAhead(spans: readonly Span[], from: number, windowMs: number): number {
  return spans.reduce(
    (sum, span) => (span.to > from ? sum + span.tokens * Math.ceil(windowMs / span.windowMs) : sum),
    0,
  );
}

export function pacedLease(tokens: number, { windowMs }: Terms, now: number): TokenLease | null {
  if (windowMs > longestPacedWindowMs) return null;
  const lifeMs = lifeOf(pacedEnd({ windowMs }, now) - now);
  return { tokens, lifeMs, everyMs: Math.ceil(windowMs * drift) + standstillMs };
}

/** Its tokens are there again in every interval, and charged to every window that it reaches. */
export function isPaced(lease: TokenLease | null): lease is TokenLease & { readonly everyMs: number } {
  return lease !== null && lease.everyMs !== null;
}

/** Until when a paced lease that is given now may be spent, by the object's clock: a window's end. */
export function pacedEnd({ windowMs }: Pick<Terms, "windowMs">, now: number): number {
  const needed = now + Math.ceil((pacedLifeMs + standstillMs) * drift);
  return Math.ceil(needed / windowMs) * windowMs;
}

/** How long the taker may spend, by its own clock from sending, so that it surely ends within `restMs` of this one. */
export function lifeOf(restMs: number): number {
  return Math.floor(restMs / drift) - standstillMs;
}
