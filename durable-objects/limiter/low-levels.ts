/**
 * How low a level has come since a moment: what of a charge may come back. Had the charge never been made, the level
 * would have been lower by it, but for what drained while there was nothing else to drain: so what can come back is
 * never more than the lowest level since then, and all of it up to that.
 */
import { leastOf } from "./bucket-level.ts";

interface Low {
  readonly at: number;
  readonly level: bigint;
}

/** More are merged, the oldest first, into the lower of them. */
const mostKept = 16;

export class LowLevels {
  /** Since when they are known: of a life before a crash nothing is. */
  #since: number;
  #lows: readonly Low[] = [];

  constructor(since: number) {
    this.#since = since;
  }

  /** From here on all that happens is seen. */
  begin(now: number): void {
    this.#since = Math.min(this.#since, now);
  }

  /** At `at` something comes in; just before it the level was this. */
  see(at: number, level: bigint): void {
    const kept = [...this.#lows.filter((low) => low.level < level), { at, level }];
    const [oldest, second, ...rest] = kept;
    this.#lows = kept.length > mostKept && oldest && second ? [{ at: second.at, level: oldest.level }, ...rest] : kept;
  }

  /** From here on levels mean something else. */
  forget(): void {
    this.#lows = [];
  }

  /** The lowest after that moment, now being `level`; null when that is not known. */
  since(moment: number, level: bigint): bigint | null {
    if (moment < this.#since) return null;
    return this.#lows.reduce((least, low) => (low.at > moment ? leastOf(least, low.level) : least), level);
  }

  /** What came in at that moment never did: no level since then was higher than less all of it. */
  lower(moment: number, by: bigint): void {
    this.#lows = this.#lows.map((low) =>
      low.at > moment ? { ...low, level: low.level > by ? low.level - by : 0n } : low,
    );
  }
}
