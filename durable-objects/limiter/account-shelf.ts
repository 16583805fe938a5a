/**
 * The budgets that are open: in memory, with the ledger's rows behind those that have one. Bounded: when it is full,
 * those of long windows go to the ledger as they stand; those that are counted in memory only cannot go, and a budget
 * that finds no room is an error for its caller, whose policy for an unreachable limiter then holds.
 */
import type { Terms } from "./counter.ts";
import { freshCounter, restoreCounter, type Counting } from "./counters.ts";
import type { Horizon } from "./horizon.ts";
import type { Ledger } from "./ledger.ts";
import { isMemoryOnly, unwrittenOf, type Account } from "./write-ahead.ts";

/** About 300 bytes each. */
const mostHeld = 100_000;
/** How far a full shelf is emptied, so that not every further budget has to clear it again. */
const partAfterClearing = 15 / 16;

interface Shelved extends Account {
  readonly algorithm: Counting;
  /** Under which it was counted last. */
  terms: Terms;
}

const unwritten = { hasRow: false, allowance: 0, allowedUntil: 0 } as const;

export class AccountShelf {
  readonly #ledger: Ledger;
  readonly #horizon: Horizon;
  readonly #most: number;
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
    if (held !== undefined && held.algorithm === algorithm) {
      held.terms = terms;
      return held;
    }
    const found = this.#restored(budget, algorithm, terms, now) ?? this.#fresh(algorithm, terms);
    if (found.hasRow) this.#held.set(budget, found);
    return found;
  }

  hold(budget: string, account: Account): void {
    this.#held.set(budget, account as Shelved);
  }

  held(budget: string): Account | null {
    return this.#held.get(budget) ?? null;
  }

  /** Writes first: should the write fail, memory has not run ahead of it. */
  write(budget: string, account: Account, ahead: number, now: number): void {
    const { counter, algorithm, terms } = account as Shelved;
    const aheadUntil = counter.allowanceEndsAt(terms, now);
    const image = counter.image();
    // As long as it can matter: the counter as it would be read back, with all that is ahead gone at the last moment.
    const worst = restoreCounter(algorithm, image);
    worst?.assume(ahead, aheadUntil, terms);
    const endsAt = Math.max(worst?.endsAt(terms) ?? 0, aheadUntil);
    this.#ledger.saveRow(budget, { algorithm, image, ahead, aheadUntil, endsAt });
    this.#mayHaveRows = true;
    account.hasRow = true;
    account.allowance = ahead;
    account.allowedUntil = aheadUntil;
  }

  /** As good as new, and known to be: nothing is assumed of what a crash may have lost. */
  renew(budget: string, algorithm: Counting, terms: Terms, now: number): void {
    const account: Shelved = { algorithm, terms, counter: freshCounter(algorithm), ...unwritten };
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

  #restored(budget: string, algorithm: Counting, terms: Terms, now: number): Shelved | null {
    const row = this.#mayHaveRows ? this.#ledger.row(budget) : null;
    // A limit that counts in another way now begins anew.
    if (row === null || row.endsAt <= now || row.algorithm !== algorithm) return null;
    const counter = restoreCounter(algorithm, row.image);
    if (counter === null) return null;
    if (row.ahead > 0) counter.assume(row.ahead, Math.min(now + 1, row.aheadUntil), terms);
    return { algorithm, terms, counter, hasRow: true, allowance: 0, allowedUntil: 0 };
  }

  #fresh(algorithm: Counting, terms: Terms): Shelved {
    const counter = freshCounter(algorithm);
    const { lostUpTo, pacedUpTo } = this.#horizon;
    if (lostUpTo > 0) counter.assume(unwrittenOf(terms), lostUpTo, terms);
    if (pacedUpTo > 0 && algorithm === "fixed-window" && isMemoryOnly(terms)) {
      counter.assume(Math.floor(terms.quota / 2), pacedUpTo, terms);
    }
    return { algorithm, terms, counter, ...unwritten };
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

/** What was written ahead matters as long as its row does. */
function endOf({ counter, terms, hasRow, allowedUntil }: Shelved): number {
  const end = counter.endsAt(terms);
  return hasRow ? Math.max(end, allowedUntil) : end;
}
