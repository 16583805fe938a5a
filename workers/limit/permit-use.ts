/** The most permits that were needed at once lately: in the cell of time that runs, and in the one before. */
const cellMs = 2_000;

export class RecentUse {
  #cell = 0;
  #before = 0;
  #now = 0;

  /** So many are needed at this moment. */
  see(needed: number, now: number): void {
    this.#turn(now);
    this.#now = Math.max(this.#now, needed);
  }

  peak(now: number): number {
    this.#turn(now);
    return Math.max(this.#before, this.#now);
  }

  #turn(now: number): void {
    const cell = Math.floor(now / cellMs);
    if (cell === this.#cell) return;
    this.#before = cell === this.#cell + 1 ? this.#now : 0;
    this.#now = 0;
    this.#cell = cell;
  }
}
