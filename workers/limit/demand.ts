/**
 * How many tokens of one budget this isolate is asked for, and so how many it will be: the last whole cell of time and
 * the one that is running, whichever says more. A guess that is wrong costs a call, or tokens that lie idle for a while.
 */

/** Cells are as long as the limit's windows, within these bounds, ms. */
const shortestCellMs = 2_000;
const longestCellMs = 10_000;
/** A rate is not read from less time than this, ms: the clock stands still between two events. */
const leastElapsedMs = 5;
/** Who has seen only a part of a cell plans no further ahead than this many times that part. */
const farthest = 8;
/** Tokens wished for beyond what is expected. */
const reserve = 1.1;

class Cells {
  readonly #cellMs: number;
  #cellAt: number;
  #before = 0;
  #now = 0;

  constructor(cellMs: number, now: number) {
    this.#cellMs = cellMs;
    this.#cellAt = now;
  }

  add(tokens: number, now: number): void {
    this.#turn(now);
    this.#now += tokens;
  }

  /** Whether more than one asking was seen: a rate needs two. */
  isKnown(now: number): boolean {
    return this.#before > 0 || (now - this.#cellAt >= leastElapsedMs && this.#now > 1);
  }

  isSteady(now: number): boolean {
    this.#turn(now);
    return this.#before > 0;
  }

  /** How many tokens will be asked for within `ms`; a whole number. */
  expect(ms: number, now: number): number {
    this.#turn(now);
    const elapsed = Math.max(leastElapsedMs, now - this.#cellAt);
    // A young cell says little by itself, unless it already says more than the one before.
    const running = this.#before > 0 && elapsed * 4 < this.#cellMs ? this.#now / this.#cellMs : this.#now / elapsed;
    const planned = this.#before > 0 ? ms : Math.min(ms, elapsed * farthest);
    return Math.ceil(Math.max(this.#before / this.#cellMs, running) * planned * reserve);
  }

  #turn(now: number): void {
    const passedMs = now - this.#cellAt;
    if (passedMs < this.#cellMs) return;
    const cells = Math.floor(passedMs / this.#cellMs);
    this.#before = cells === 1 ? this.#now : 0;
    this.#now = 0;
    this.#cellAt += cells * this.#cellMs;
  }
}

export class Demand extends Cells {
  /** Of those who ask seldom a short cell is often empty. Most who flood a limit ask once: nothing is planned for them. */
  #long: Cells | null = null;

  constructor(windowMs: number, now: number) {
    super(Math.min(longestCellMs, Math.max(shortestCellMs, windowMs)), now);
  }

  override add(tokens: number, now: number): void {
    super.add(tokens, now);
    if (this.#long !== null) this.#long.add(tokens, now);
    else if (this.isKnown(now)) this.#long = new Cells(longestCellMs, now);
  }

  /** The same, of a whole cell at least: what a longer time is planned by. 0 where there was none. */
  expectSteadily(ms: number, now: number): number {
    const seen = [this.#long, this].find((cells) => cells?.isSteady(now));
    return seen?.expect(ms, now) ?? 0;
  }
}
