/**
 * Fencing tokens of one shard: one counter for all of its locks, so that a lock's row can be deleted and its next token
 * is greater all the same. The counter is written ahead in blocks: a crash skips numbers, and never gives one twice.
 */
import type { Ledger } from "./ledger.ts";

const blockSize = 1_000;

export class FencingTokens {
  readonly #ledger: Ledger;
  #last: number;
  #reserved: number;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#reserved = ledger.fact("tokens_reserved") ?? 0;
    this.#last = this.#reserved;
  }

  /** At least as great as every token given so far. */
  get last(): number {
    return this.#last;
  }

  /** Call it in the transaction that stores the token: the reservation is durable whenever the token is. */
  next(): number {
    if (this.#last >= this.#reserved) {
      this.#reserved = this.#last + blockSize;
      this.#ledger.saveFact("tokens_reserved", this.#reserved);
    }
    this.#last += 1;
    return this.#last;
  }
}
