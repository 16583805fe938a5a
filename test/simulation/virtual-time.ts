/** Time that passes only when something happens, and chance that comes from a seed: every world can be run again. */

/** Mulberry32: small, and good enough to choose who is late. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

export class VirtualTime {
  readonly random: () => number;
  /** ms of true time since the world began. */
  now = 0;
  #order = 0;
  /** A binary heap by time, then by order of asking. */
  readonly #due: Due[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  after(ms: number, happen: () => void): void {
    const due = { at: this.now + Math.max(0, ms), order: (this.#order += 1), happen };
    const heap = this.#due;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isEarlier(due, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = due;
  }

  /** The next thing that happens by `end`; false when there is none. */
  step(end: number): boolean {
    const next = this.#due[0];
    if (next === undefined || next.at > end) return false;
    this.#removeFirst();
    this.now = next.at;
    next.happen();
    return true;
  }

  runUntil(end: number): void {
    for (let next = this.#due[0]; next !== undefined && next.at <= end; next = this.#due[0]) {
      this.#removeFirst();
      this.now = next.at;
      next.happen();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const heap = this.#due;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const smaller = isBefore(heap[right], heap[left]) ? right : left;
      const child = heap[smaller];
      if (child === undefined || !isEarlier(child, last)) break;
      heap[index] = child;
      index = smaller;
    }
    heap[index] = last;
  }
}

function isBefore(one: Due | undefined, other: Due | undefined): boolean {
  return one !== undefined && other !== undefined && isEarlier(one, other);
}

function isEarlier(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** A host's clock: its rate is within 5 %, its offset within 250 ms of every other's. */
export class HostClock {
  readonly #time: VirtualTime;
  readonly #rate: number;
  readonly #offset: number;

  constructor(time: VirtualTime) {
    this.#time = time;
    this.#rate = time.between(0.95, 1.05);
    this.#offset = 1_700_000_000_000 + time.between(0, 250);
  }

  get now(): number {
    return Math.floor(this.#offset + this.#time.now * this.#rate);
  }
}
