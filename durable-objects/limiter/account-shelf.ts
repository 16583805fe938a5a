/**
 * The budgets that are open: in memory, with the ledger's rows behind those that have one. Bounded: when it is full,
 * those of long windows go to the ledger as they stand; those that are counted in memory only cannot go, and a budget
 * that finds no room is an error for its caller, whose policy for an unreachable limiter then holds.
 */
import type { Terms } from "./counter.ts";
import { freshCounter, restoreCounter, type Counting } from "./counters.ts";
import type { Horizon } from "./horizon.ts";
import type { Ledger } from "./ledger.ts";
import { guardOf } from "../platform/lease.ts";
import { alsoCovering, coveredBy, coveredOf, covers, withCovered, type Covered } from "./covered.ts";
import { TermsInUse, type NamedTerms } from "./named-terms.ts";
import { blockOf, isAssumed, isMemoryOnly, isWorse, mattersMs, unwrittenOf, type Account } from "./write-ahead.ts";

/** About 1 KiB each, and an object has 128 MB at most, which others may share. */
const mostHeld = 50_000;
/** How far a full shelf is emptied, so that not every further budget has to clear it again. */
const partAfterClearing = 15 / 16;
/** How long a row may tell of worse terms than those that hold, ms: they may change with every request. */
const worseForMs = 10_000;

interface Shelved extends Account {
  readonly algorithm: Counting;
  /** Under which it was counted last. */
  terms: NamedTerms;
  /** Under which its row was written, and when; null for a row of an earlier life, whose terms only its image knows. */
  written: { readonly terms: Terms; readonly at: number } | null;
  covered: Covered;
  /** By which terms it was asked in this life, as far as that matters. */
  askedBy: Covered;
}

const unwritten = {
  hasRow: false,
  allowance: 0,
  allowedUntil: 0,
  keptUntil: 0,
  written: null,
  askedBy: [],
} as const;

export class AccountShelf {
  readonly #ledger: Ledger;
  readonly #horizon: Horizon;
  readonly #most: number;
  readonly #inUse = new TermsInUse();
  /** In the order in which they were first held. */
  readonly #held = new Map<string, Shelved>();
  #mayHaveRows: boolean;
  #isFullUntil = 0;

  constructor(ledger: Ledger, horizon: Horizon, most = mostHeld) {
    this.#ledger = ledger;
    this.#horizon = horizon;
    this.#most = most;
    this.#mayHaveRows = ledger.hasRows();
  }

  /** The budget's account, from memory or from the ledger, or a fresh one that is not held yet. */
  find(budget: string, algorithm: Counting, terms: Terms, now: number): Account {
    const held = this.#held.get(budget);
    if (held !== undefined && held.algorithm === algorithm) return held;
    const found = this.#restored(budget, algorithm, terms, now) ?? this.#fresh(algorithm, terms, now);
    if (found.hasRow) this.#held.set(budget, found);
    return found;
  }

  hold(budget: string, account: Account): void {
    this.#held.set(budget, account as Shelved);
  }

  /** From here on it is counted under these terms, and a crash must not count it under better ones. */
  adopt(budget: string, account: Account, terms: Terms, now: number): void {
    const shelved = account as Shelved;
    const { counter, hasRow } = shelved;
    if (isSame(shelved.terms, terms) && !(hasRow && shelved.written === null)) return;
    shelved.terms = this.#inUse.find(terms);
    const depends = counter.adopt(terms, now);
    const isNew = this.#cover(shelved, now);
    if (depends) shelved.keptUntil = Math.max(shelved.keptUntil, counter.endsAt(terms));
    if (hasRow ? isNew || isOutdated(shelved, depends, now) : depends || !isAssumed(shelved, terms, now)) {
      this.write(budget, shelved, blockOf(terms.quota), now);
      this.#held.set(budget, shelved);
    } else if (!hasRow) {
      // It is assumed of what went before the horizon, and up to the block of these terms.
      this.#horizon.reach(now, terms.windowMs, mattersMs(terms));
      shelved.allowance = Math.min(shelved.allowance, blockOf(terms.quota) - counter.standing(terms, now).used);
    }
  }

  /** Before another rule holds: of whatever is in its first block, because the size of that is the rule's. */
  writeUnwritten(now: number): void {
    for (const [budget, account] of this.#held) {
      const { counter, terms, hasRow } = account;
      // The smallest block is assumed anyway.
      if (hasRow || isMemoryOnly(terms) || counter.standing(terms, now).used <= 1) continue;
      this.write(budget, account, 0, now);
    }
  }

  held(budget: string): Account | null {
    return this.#held.get(budget) ?? null;
  }

  /** Writes first: should the write fail, memory has not run ahead of it. */
  write(budget: string, account: Account, ahead: number, now: number): void {
    const shelved = account as Shelved;
    const { counter, algorithm, terms } = shelved;
    const aheadUntil = counter.allowanceEndsAt(terms, now);
    const image = withCovered(counter.image(), shelved.covered);
    // As long as it can matter: the counter as it would be read back, with all that is ahead gone at the last moment.
    const worst = restoreCounter(algorithm, image);
    worst?.assume(ahead, aheadUntil, terms);
    const endsAt = Math.max(worst?.endsAt(terms) ?? 0, aheadUntil);
    this.#ledger.saveRow(budget, { algorithm, image, ahead, aheadUntil, endsAt });
    this.#mayHaveRows = true;
    shelved.hasRow = true;
    shelved.allowance = ahead;
    shelved.allowedUntil = aheadUntil;
    shelved.written = { terms, at: now };
  }

  /** What is counted is assumed again: the horizon has been reached, and the row says no more than it. */
  unwrite(budget: string, account: Account): void {
    this.#ledger.deleteRow(budget);
    account.hasRow = false;
  }

  /** As good as new, and known to be: nothing is assumed of what a crash may have lost. */
  renew(budget: string, algorithm: Counting, asked: Terms, now: number): void {
    const terms = this.#inUse.find(asked);
    const counter = freshCounter(algorithm);
    const account = { ...unwritten, algorithm, terms, counter, covered: null, askedBy: alsoCovering([], terms) };
    account.counter.adopt(terms, now);
    this.#held.set(budget, account);
    if (!isMemoryOnly(terms)) this.write(budget, account, 0, now);
    else if (this.#mayHaveRows) this.#ledger.deleteRow(budget);
  }

  termsOf(account: Account): Terms {
    return (account as Shelved).terms;
  }

  makeRoom(now: number): void {
    if (this.#held.size < this.#most) return;
    if (now >= this.#isFullUntil) this.#clear(now);
    if (this.#held.size >= this.#most) {
      throw new Error(`cannot charge: more than ${this.#most} budgets are open in this object`);
    }
  }

  forgetEnded(now: number): void {
    for (const [budget, account] of this.#held) if (endOf(account) <= now) this.#held.delete(budget);
  }

  isEmpty(): boolean {
    return this.#held.size === 0 && !this.#ledger.hasRows();
  }

  #restored(budget: string, algorithm: Counting, asked: Terms, now: number): Shelved | null {
    const row = this.#mayHaveRows ? this.#ledger.row(budget) : null;
    // A limit that counts in another way now begins anew.
    if (row === null || row.endsAt <= now || row.algorithm !== algorithm) return null;
    const counter = restoreCounter(algorithm, row.image);
    if (counter === null) return null;
    const terms = this.#inUse.find(asked);
    if (row.ahead > 0) counter.assume(row.ahead, Math.min(now + 1, row.aheadUntil), terms);
    const keptUntil = counter.endsAt(terms);
    return { ...unwritten, algorithm, terms, counter, hasRow: true, keptUntil, covered: coveredOf(row.image) };
  }

  #fresh(algorithm: Counting, asked: Terms, now: number): Shelved {
    const terms = this.#inUse.find(asked);
    const covered = this.#horizon.lostUpTo > 0 ? [] : null;
    const account: Shelved = { ...unwritten, algorithm, terms, counter: freshCounter(algorithm), covered };
    account.counter.adopt(terms, now);
    this.#cover(account, now);
    return account;
  }

  /**
   * What a memory that is lost may have let go by its terms is counted, once for each terms and as long as it can
   * matter; no row tells of paced leases. True where it is the first time: what is on record knows nothing of these terms.
   */
  #cover(account: Shelved, now: number): boolean {
    const { counter, algorithm, terms } = account;
    const { lostUpTo, paced } = this.#horizon;
    // Counters that share what they count by length share its loss, too: it is that of the largest block.
    const isShared = algorithm !== "token-bucket";
    const own = unwrittenOf(terms);
    const by = isShared ? coveredBy(account.covered, terms) : 0;
    const isNew = isShared ? coveredBy(account.askedBy, terms) < own : !covers(account.askedBy, terms);
    const isOver = lostUpTo + guardOf(mattersMs(terms)) + mattersMs(terms) <= now;
    if (!isOver && own > by && !covers(account.covered, terms)) counter.lose(own - by, lostUpTo, terms);
    if (isNew && algorithm === "fixed-window" && isMemoryOnly(terms)) {
      for (const { tokens, until } of paced.lostOf(terms.quota)) {
        if (tokens > 0 && now < until) counter.lose(tokens, until, terms);
      }
    }
    if (own > by) account.covered = alsoCovering(account.covered, terms);
    if (isNew) account.askedBy = alsoCovering(account.askedBy, terms);
    return isNew;
  }

  #clear(now: number): void {
    let nextEnd = Infinity;
    const wanted = Math.floor(this.#most * partAfterClearing);
    for (const [budget, account] of this.#held) {
      const endsAt = endOf(account);
      if (endsAt <= now) this.#held.delete(budget);
      else if (!isMemoryOnly(account.terms) && this.#held.size > wanted) this.#putAway(budget, account, now);
      else nextEnd = Math.min(nextEnd, endsAt);
    }
    this.#isFullUntil = this.#held.size > wanted ? nextEnd : 0;
  }

  #putAway(budget: string, account: Shelved, now: number): void {
    if (!account.hasRow || account.allowance > 0) this.write(budget, account, 0, now);
    this.#held.delete(budget);
  }
}

/**
 * What depends on its terms is written anew where they are worse than on record, and where they are better, in a while.
 * By other terms a debt is paid sooner or later.
 */
function isOutdated({ written, terms, counter, algorithm }: Shelved, depends: boolean, now: number): boolean {
  if (written === null) return depends;
  if (algorithm === "token-bucket" ? isWorse(terms, written.terms) : terms.windowMs > written.terms.windowMs)
    return true;
  return depends && (counter.owed(terms, now) > 0 || now - written.at >= worseForMs);
}

function isSame(one: Terms, other: Terms): boolean {
  return one.quota === other.quota && one.windowMs === other.windowMs && one.burst === other.burst;
}

/** What was written ahead matters as long as its row does. */
function endOf({ counter, terms, hasRow, allowedUntil }: Shelved): number {
  const end = counter.endsAt(terms);
  return hasRow ? Math.max(end, allowedUntil) : end;
}
