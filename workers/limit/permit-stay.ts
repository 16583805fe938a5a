/**
 * One request's time under its permits: from when the last of them was taken until nothing of it runs any more, here or
 * at the upstream. It looks in while it lasts, in the request's own context, because what another request began may
 * have died with that one.
 */

export interface StayParts {
  /** Looks after every permit. ms until it must look again, "over" when one of them could not be renewed, null for never. */
  readonly look: () => number | "over" | null;
  /** A timer for this many ms from now has fired. */
  readonly passed: (at: number) => void;
  readonly now: () => number;
  /** Gives every permit back. */
  readonly release: () => void;
  /** Calls once after so many ms; the answer ends that. */
  readonly after: (ms: number, call: () => void) => () => void;
}

export class PermitStay {
  readonly #parts: StayParts;
  readonly #over = Promise.withResolvers<null>();
  readonly #ended = Promise.withResolvers<null>();
  /** The gate itself, and every call to the upstream that still runs. */
  #users = 1;
  #isOver = false;
  #stop: () => void = () => undefined;

  constructor(parts: StayParts) {
    this.#parts = parts;
    this.#look();
  }

  /** A permit has ended, or is about to: whatever runs must stop at once. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when that is so; perhaps never. */
  get over(): Promise<null> {
    return this.#over.promise;
  }

  /** Resolves when the permits are free. */
  get ended(): Promise<null> {
    return this.#ended.promise;
  }

  /** Something more runs under these permits, until the answer is called; a second time changes nothing. */
  enter(): () => void {
    this.#users += 1;
    return this.#leaving();
  }

  /** The gate has done what it does. */
  readonly leave = this.#leaving();

  #leaving(): () => void {
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#users -= 1;
      if (this.#users > 0) return;
      this.#stop();
      this.#parts.release();
      this.#ended.resolve(null);
    };
  }

  #look(): void {
    const { after, look, now, passed } = this.#parts;
    const next = look();
    if (next === null) return;
    if (next === "over") {
      this.#isOver = true;
      this.#over.resolve(null);
      return;
    }
    const at = now() + next;
    this.#stop = after(next, () => {
      passed(at);
      this.#look();
    });
  }
}
