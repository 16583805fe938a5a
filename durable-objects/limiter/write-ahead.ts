/**
 * How a counter survives a crash: before tokens go, it is on record that they may.
 *
 * Windows up to `memoryOnlyMs` are counted in memory alone; the object's horizon says until when something may be
 * missing, and after a crash their whole quota is held to be gone. Longer ones are written ahead in blocks: a row says
 * how the counter stood and that a block more may have gone since. The first block of a fresh counter needs no row:
 * after a crash a budget without one is held to have used it. Either way a crash takes tokens, and gives none back.
 *
 * What is held to be gone follows from the rule as it is after the crash. So what was counted under another rule, and
 * what is owed beyond any quota, is written as it stands.
 */
import type { Counter, Terms } from "./counter.ts";

/** Windows up to this long are counted in memory only, ms. */
const memoryOnlyMs = 10_000;
/** The largest block, in tokens: what a crash may cost at most, however large the quota. */
const largestBlock = 1_000;

/** One budget: its counter, and what may go before the next row is written. */
export interface Account {
  readonly counter: Counter;
  /** The ledger has a row of it. */
  hasRow: boolean;
  /** Tokens that may go, until `allowedUntil`. */
  allowance: number;
  allowedUntil: number;
  /** Until then something is counted that another rule let go, and only a row tells of it. */
  keptUntil: number;
}

export function isMemoryOnly({ windowMs }: Pick<Terms, "windowMs">): boolean {
  return windowMs <= memoryOnlyMs;
}

export function blockOf(quota: number): number {
  return Math.min(largestBlock, Math.max(1, Math.floor(quota / 16)));
}

/** What is held to be gone of a budget that was counted without a row, in a memory that is lost. */
export function unwrittenOf(terms: Terms): number {
  return isMemoryOnly(terms) ? Math.max(terms.quota, terms.burst) : blockOf(terms.quota);
}

/** Whether a crash takes no less than what is counted, where there is no row of it. */
export function isAssumed({ counter }: Pick<Account, "counter">, terms: Terms, now: number): boolean {
  if (isMemoryOnly(terms)) return counter.owed(terms, now) === 0;
  return counter.standing(terms, now).used <= blockOf(terms.quota);
}

/**
 * Whether `moved` tokens may go without a row: in memory-only windows always, but for debts; else as far as the first
 * block of a counter in which nothing is counted any more.
 */
export function mayGoUnwritten(account: Account, moved: number, terms: Terms, now: number): boolean {
  if (isMemoryOnly(terms)) return !account.hasRow || (now >= account.keptUntil && isAssumed(account, terms, now));
  if (account.hasRow) return false;
  if (account.counter.standing(terms, now).used === 0) {
    account.allowance = blockOf(terms.quota);
    account.allowedUntil = Infinity;
  }
  return moved <= account.allowance;
}

/** Under these terms something may matter longer than under the others: it drains slower, or is leased for longer. */
export function isWorse({ quota, windowMs, burst }: Terms, others: Terms): boolean {
  if (windowMs > others.windowMs || burst > others.burst) return true;
  return BigInt(quota) * BigInt(others.windowMs) < BigInt(others.quota) * BigInt(windowMs);
}

/** How long what was counted can matter, ms: a window, or the time in which a bucket fills. */
export function mattersMs({ quota, windowMs, burst }: Terms): number {
  return quota === 0 ? windowMs : Math.max(windowMs, Math.ceil((burst * windowMs) / quota));
}

/** How much to put on record when `moved` tokens go: a block, or as far as they reach. Never much beyond the quota. */
export function aheadOf(moved: number, terms: Terms): number {
  return Math.max(moved, blockOf(terms.quota));
}
