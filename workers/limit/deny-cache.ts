/**
 * What the limiter refused a moment ago, so that a flood on a used-up budget costs no calls.
 *
 * It refuses only what the limiter would refuse too: a cost over what was left, until before the window's true end.
 * An entry counts from when its request was *sent* and ends early enough for clocks that run 5 % apart. (Tokens that
 * another edge gives back in the meantime are not seen: somebody is refused early, never admitted late.)
 *
 * Bounded by two generations: when the young one is full it becomes the old one, and the old one is dropped whole.
 * That costs nothing per entry, and what is forgotten costs a call, no more.
 */

/** Entries of one generation. */
const mostEntries = 24_576;
/** Estimated bytes of one generation: half of 16 MiB, with room for a wrong estimate. */
const mostBytes = 6 * 1_048_576;
/** A map's slots, an entry and a string's head, as measured. */
const bytesAnEntry = 256;

export interface Denial {
  /** When the refused request was sent: a clock that reads earlier has stepped backward, and the entry proves nothing. */
  readonly sentAt: number;
  /** Until when the cache may refuse. */
  readonly endsAt: number;
  /** The latest that the window can end, by this clock: what a client is told to wait for. */
  readonly resetAt: number;
  /** A cost up to this is for the limiter to decide. */
  readonly remaining: number;
}

/** `resetMs` as the limiter gave it, in an answer to what was sent at `sentAt` and heard at `heardAt`. */
export function denialOf(remaining: number, resetMs: number, sentAt: number, heardAt: number): Denial {
  return {
    sentAt,
    endsAt: sentAt + Math.floor(resetMs / 1.11),
    resetAt: Math.max(sentAt, heardAt) + resetMs,
    remaining,
  };
}

export class DenyCache {
  #young = new Map<string, Denial>();
  #old = new Map<string, Denial>();
  #youngBytes = 0;

  /** The denial that refuses `cost` now, or null. */
  find(key: string, cost: number, now: number): Denial | null {
    const denial = this.#young.get(key) ?? this.#old.get(key);
    if (denial === undefined || cost <= denial.remaining) return null;
    return now >= denial.sentAt && now < denial.endsAt ? denial : null;
  }

  learn(key: string, denial: Denial): void {
    if (this.#young.size >= mostEntries || this.#youngBytes >= mostBytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    if (!this.#young.has(key)) this.#youngBytes += bytesAnEntry + 2 * key.length;
    this.#young.set(key, denial);
  }

  /** Tokens came back to this budget. */
  forget(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  get entries(): number {
    return this.#young.size + this.#old.size;
  }
}
