/**
 * A clock that notices when it is set back. Leases run on the isolate's clock; once it reads less than before, nobody
 * can say how long they have run, and all of them are over.
 */
export class SteadyClock {
  readonly #read: () => number;
  #seenAt = -Infinity;
  /** How often it was seen to step backward. */
  steps = 0;

  constructor(read: () => number) {
    this.#read = read;
  }

  /** ms since 1970. */
  now(): number {
    const now = this.#read();
    if (now < this.#seenAt) this.steps += 1;
    this.#seenAt = now;
    return now;
  }
}
