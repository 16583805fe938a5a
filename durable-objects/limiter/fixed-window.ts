/**
 * One budget's fixed window: arithmetic only.
 *
 * Windows longer than `memoryOnlyMs` are written ahead in blocks: the ledger holds a high-water mark, memory counts
 * below it, and after a crash counting goes on from the mark. Shorter ones are counted in memory; instead of their
 * counts one horizon is written for the whole object, and after a crash every window that began before it is refused
 * to its end. Either way a crash takes tokens away and never gives any back.
 */

/** Windows up to this long are counted in memory only, ms. */
const memoryOnlyMs = 10_000;
/** How far ahead the horizon is written, about, ms: the most often that it is written, and the usual loss at a crash. */
const horizonAheadMs = 5_000;
/** The largest block, in tokens: what a crash may cost at most, however large the quota. */
const largestBlock = 1_000;

export interface Window {
  readonly startsAt: number;
  /** Only ever moves earlier, when a rule with shorter windows comes. */
  endsAt: number;
  readonly isDurable: boolean;
  charged: number;
  /** Durable windows: what the ledger says was charged, never less than `charged`. */
  mark: number;
}

export function openWindow(windowMs: number, now: number): Window {
  const startsAt = Math.floor(now / windowMs) * windowMs;
  return { startsAt, endsAt: startsAt + windowMs, isDurable: windowMs > memoryOnlyMs, charged: 0, mark: 0 };
}

/** When the open window ends under a rule that may have shorter windows; what was charged in it counts until then. */
export function endUnder(window: Window, windowMs: number, now: number): number {
  if (window.endsAt - window.startsAt <= windowMs) return window.endsAt;
  const from = Math.max(now, window.startsAt);
  return Math.min(window.endsAt, (Math.floor(from / windowMs) + 1) * windowMs);
}

/** Never negative: a lowered quota may lie below what was charged under the old one. */
export function remainingOf(window: Window, quota: number): number {
  return Math.max(0, quota - window.charged);
}

/** All of the cost and as much of the lease as is left; null when the cost is not covered. A quota of 0 admits nothing. */
export function tokensFor(window: Window, quota: number, cost: number, lease: number): { leased: number } | null {
  const left = quota - window.charged;
  if (quota === 0 || cost > left) return null;
  return { leased: Math.min(lease, left - cost) };
}

export function blockOf(quota: number): number {
  return Math.min(largestBlock, Math.max(1, Math.floor(quota / 16)));
}

/** The mark to write before `moved` tokens go: a block past what was charged, or exactly as far as they reach. */
export function markFor(window: Window, quota: number, moved: number): number {
  return Math.max(window.charged + moved, Math.min(quota, window.charged + blockOf(quota)));
}

/** A window's edge about five seconds ahead, and never more than ten, so that a crash costs no more than that. */
export function horizonAt(windowMs: number, now: number): number {
  const ahead = Math.ceil((now + horizonAheadMs) / windowMs) * windowMs;
  return ahead - now <= memoryOnlyMs ? ahead : Math.floor((now + memoryOnlyMs) / windowMs) * windowMs;
}
