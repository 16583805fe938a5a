/**
 * The clock that permits are held by. It never reads less than before: a step backward of the isolate's own clock makes
 * it stand still, and the timers of those who run under permits set it right, since a timer that has fired proves that
 * its time has passed whatever the clock reads. So a step backward ends no request, and lengthens none.
 */

/** A timer may fire a little before the clock reads its time, ms: the giver's guard is longer. */
const earlyMs = 20;

export class PermitClock {
  readonly #read: () => number;
  #offsetMs = 0;
  #latest = -Infinity;
  /** How often a step backward was seen: what was asked before the last one is no longer surely timed. */
  steps = 0;

  constructor(read: () => number) {
    this.#read = read;
  }

  /** ms since 1970, or a little more. */
  now(): number {
    const now = this.#read() + this.#offsetMs;
    if (now < this.#latest) {
      this.steps += 1;
      this.#offsetMs += this.#latest - now;
    } else this.#latest = now;
    return this.#latest;
  }

  /** A timer that was set for this moment has fired: it is not earlier. */
  passed(at: number): number {
    const now = this.now();
    if (at - now > earlyMs) {
      this.#offsetMs += at - now;
      this.#latest = at;
    }
    return this.#latest;
  }
}
