/**
 * What a whole object writes ahead instead of a row for each budget: moments. Whatever was counted without a row was
 * counted before `horizon`; so after a crash it is known until when something may be missing, and for nothing more
 * than a row every few seconds.
 */
import type { Ledger } from "./ledger.ts";
import { PacedRecord } from "./paced-record.ts";

/** How far ahead a moment is written, about, ms: the most often that it is written, and the usual loss at a crash. */
const aheadMs = 5_000;
/** The longest that a crash may close a short window, ms. */
const longestLossMs = 10_000;

export class Horizon {
  readonly #ledger: Ledger;
  /** What may have been counted in a memory that is lost was counted before this. */
  readonly lostUpTo: number;
  /** No row tells of paced leases. */
  readonly paced: PacedRecord;
  #horizon: number;
  /** The longest time for which something that was counted without a row can matter, ms. */
  #longestMs: number;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.lostUpTo = ledger.fact("horizon") ?? 0;
    this.paced = new PacedRecord(ledger);
    this.#horizon = this.lostUpTo;
    this.#longestMs = ledger.fact("longest_ms") ?? 0;
  }

  /** From here on nothing that was counted without a row matters. */
  get endsAt(): number {
    return Math.max(this.#horizon + this.#longestMs, this.paced.endsAt);
  }

  /** Before anything is counted without a row that can matter for `mattersMs`. True when a moment was written. */
  reach(now: number, windowMs: number, mattersMs: number): boolean {
    if (mattersMs > this.#longestMs) {
      this.#longestMs = mattersMs;
      this.#ledger.saveFact("longest_ms", mattersMs);
    }
    if (now < this.#horizon) return false;
    this.#horizon = horizonAt(windowMs, now);
    this.#ledger.saveFact("horizon", this.#horizon);
    return true;
  }
}

/** Short windows: an edge of theirs about five seconds ahead, never more than ten, so that a crash closes few of them. */
function horizonAt(windowMs: number, now: number): number {
  if (windowMs > longestLossMs) return now + aheadMs;
  const ahead = Math.ceil((now + aheadMs) / windowMs) * windowMs;
  return ahead - now <= longestLossMs ? ahead : Math.floor((now + longestLossMs) / windowMs) * windowMs;
}
