/**
 * Attempts of this isolate that have a place, or ask for one, by what the place is of. Who finds none behind them waits
 * a while for theirs: a right secret gives its place back, and then the longest waiting asks again. Nothing is decided
 * here. Whoever is let on asks the limiter for a place like everybody, so waiting never tries one secret more.
 *
 * Requests may be cut off at any moment, and then tell nobody: each is believed for a time only.
 */
import { inTime } from "../../durable-objects/platform/deadline.ts";

/** No program waits much longer for a login, ms. */
const patienceMs = 5_000;
/** An attempt with the longest delay and a slow check has ended by then, ms. */
const believedMs = 15_000;
/** Behind one place; who comes after them is refused at once. */
const mostWaiting = 64;
const mostLines = 4_096;

interface Line {
  /** When each began; by a key of its own. */
  readonly begun: Map<symbol, number>;
  readonly waiting: ((isNext: boolean) => void)[];
}

export class UnderWay {
  readonly #lines = new Map<string, Line>();
  readonly #clock: () => number;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** One more is under way. The caller says when it is not any more. */
  begin(of: string): symbol {
    const line = this.#lines.get(of) ?? { begun: new Map(), waiting: [] };
    if (this.#lines.size >= mostLines) this.#forgetOne();
    this.#lines.set(of, line);
    const attempt = Symbol(of);
    line.begun.set(attempt, this.#clock());
    return attempt;
  }

  /** `isPlaceFree`: it has given its place back. Without one under way nobody is waited for. */
  end(of: string, attempt: symbol, isPlaceFree: boolean): void {
    const line = this.#lines.get(of);
    if (line === undefined) return;
    line.begun.delete(attempt);
    const next = isPlaceFree ? line.waiting.shift() : undefined;
    if (next !== undefined) return next(true);
    if (line.begun.size > 0) return;
    for (const wake of line.waiting.splice(0)) wake(false);
    this.#lines.delete(of);
  }

  /** Of one that found no place, and has ended so: whether to ask once more. */
  async turn(of: string): Promise<boolean> {
    const line = this.#lines.get(of);
    if (line === undefined || line.waiting.length >= mostWaiting || !this.#isBusy(line)) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    line.waiting.push(resolve);
    const woken = await inTime(promise, patienceMs);
    if (woken.kind === "answered") return woken.answer;
    const at = line.waiting.indexOf(resolve);
    if (at >= 0) line.waiting.splice(at, 1);
    // Called just when it gave up: nobody else was.
    return at < 0 && promise;
  }

  #isBusy({ begun }: Line): boolean {
    const now = this.#clock();
    for (const at of begun.values()) if (now - at < believedMs) return true;
    return false;
  }

  /** The oldest: those who wait there give up by themselves. */
  #forgetOne(): void {
    for (const of of this.#lines.keys()) return void this.#lines.delete(of);
  }
}
