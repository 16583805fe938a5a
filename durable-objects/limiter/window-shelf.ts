/**
 * The windows that are open: in memory, with the ledger's marks behind the durable ones. Bounded: when it is full,
 * durable windows go back to the ledger with their exact count; those that are counted in memory only cannot go, and
 * a budget that finds no room is an error for its caller, whose policy for an unreachable limiter then holds.
 */
import type { Window } from "./fixed-window.ts";
import type { Ledger } from "./ledger.ts";

/** About 200 bytes each. */
const mostHeld = 100_000;
/** How far a full shelf is emptied, so that not every further budget has to clear it again. */
const heldAfterClearing = Math.floor((mostHeld * 15) / 16);

export class WindowShelf {
  readonly #ledger: Ledger;
  readonly #most: number;
  readonly #afterClearing: number;
  /** In the order in which they were first held. */
  readonly #held = new Map<string, Window>();
  #mayHaveRows: boolean;
  #isFullUntil = 0;

  constructor(ledger: Ledger, most = mostHeld, afterClearing = heldAfterClearing) {
    this.#ledger = ledger;
    this.#most = most;
    this.#afterClearing = afterClearing;
    this.#mayHaveRows = ledger.hasRows();
  }

  /** The budget's window that has not ended yet, from memory or from the ledger. */
  find(budget: string, now: number): Window | null {
    const held = this.#held.get(budget);
    if (held !== undefined) return now < held.endsAt ? held : null;
    const row = this.#mayHaveRows ? this.#ledger.row(budget) : null;
    if (row === null || now >= row.endsAt) return null;
    const { startsAt, endsAt, mark } = row;
    const found: Window = { startsAt, endsAt, isDurable: true, charged: mark, mark };
    this.#held.set(budget, found);
    return found;
  }

  held(budget: string): Window | null {
    return this.#held.get(budget) ?? null;
  }

  hold(budget: string, window: Window): void {
    this.#held.set(budget, window);
  }

  /** Writes the mark first: should the write fail, memory has not run ahead of it. */
  mark(budget: string, window: Window, mark: number): void {
    this.#ledger.saveRow(budget, { startsAt: window.startsAt, endsAt: window.endsAt, mark });
    this.#mayHaveRows = true;
    window.mark = mark;
  }

  makeRoom(wanted: number, now: number): void {
    if (this.#held.size + wanted <= this.#most) return;
    if (now >= this.#isFullUntil) this.#clear(now);
    if (this.#held.size + wanted > this.#most) {
      throw new Error(`cannot charge: more than ${this.#most} budgets are open in this object`);
    }
  }

  forgetEnded(now: number): void {
    for (const [budget, window] of this.#held) {
      if (now >= window.endsAt) this.#held.delete(budget);
    }
  }

  isEmpty(): boolean {
    return this.#held.size === 0 && !this.#ledger.hasRows();
  }

  #clear(now: number): void {
    let nextEnd = Infinity;
    for (const [budget, window] of this.#held) {
      if (now >= window.endsAt) this.#held.delete(budget);
      else if (window.isDurable && this.#held.size > this.#afterClearing) this.#putBack(budget, window);
      else nextEnd = Math.min(nextEnd, window.endsAt);
    }
    this.#isFullUntil = this.#held.size > this.#afterClearing ? nextEnd : 0;
  }

  #putBack(budget: string, window: Window): void {
    if (window.mark > window.charged) this.mark(budget, window, window.charged);
    this.#held.delete(budget);
  }
}
