/**
 * URLs that an unsafe request has changed through this isolate. RFC 9111 section 4.4. The mark is the effect: what was
 * begun to be filled before it is not used and not kept here, however late it arrives. Deleting is only cleaning up.
 */

interface Mark {
  readonly at: number;
  /** The region's copies are gone: nothing old can come back from there. */
  isCleaned: boolean;
}

/** A fill that takes longer is not kept, so that marks need not live for ever. */
export const longestFillMs = 30_000;

export class ChangedUrls {
  readonly #marks = new Map<string, Mark>();
  readonly #most: number;
  /** Marks from before this were dropped too early: nothing begun by then is used. */
  #floor = -Infinity;

  constructor(most = 16_384) {
    this.#most = most;
  }

  /** Call what it returns when the region's copies are gone. */
  mark(url: string, now: number): () => void {
    const mark: Mark = { at: now, isCleaned: false };
    this.#marks.delete(url);
    this.#marks.set(url, mark);
    this.#dropOldest(now);
    return () => {
      mark.isCleaned = true;
    };
  }

  /** Was this URL changed after `startedAt`, or in the same millisecond? */
  isChangedSince(url: string, startedAt: number): boolean {
    if (startedAt <= this.#floor) return true;
    const mark = this.#marks.get(url);
    return mark !== undefined && startedAt <= mark.at;
  }

  get size(): number {
    return this.#marks.size;
  }

  #dropOldest(now: number): void {
    for (const [url, mark] of this.#marks) {
      if (this.#marks.size <= this.#most) return;
      this.#marks.delete(url);
      if (!mark.isCleaned || now - mark.at < 2 * longestFillMs) this.#floor = Math.max(this.#floor, mark.at);
    }
  }
}
