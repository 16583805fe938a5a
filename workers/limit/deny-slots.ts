/**
 * The memory of a deny table: what is known of each fingerprint, in columns of 15 bytes a slot and no objects.
 *
 * A fingerprint may lie in either of two buckets of eight slots. New ones go to the emptier bucket; when the table is
 * as large as it may be and both are full, one neighbour steps over to its other bucket. So a million live entries fit
 * in 2^20 slots: 15 MiB, and 15.5 MiB while the last doubling copies, one column after the other.
 */

const slotsABucket = 8;
const fewestBuckets = 128;
const mostBuckets = 131_072;

/** Where nothing was found. */
export const noSlot = -1;

/** Times are ms since a base that the table's owner keeps. */
export interface SlotContent {
  /** At least 1. A slot with 0 is empty: so is one whose entry ended. */
  readonly endsInMs: number;
  /** 16 bits. */
  readonly remaining: number;
  /** 16 bits. */
  readonly gap: number;
}

export class DenySlots {
  #buckets = fewestBuckets;
  /** Of the fingerprint: its low half, the next 16 bits, the next 8. */
  #low = new Uint32Array(fewestBuckets * slotsABucket);
  #middle = new Uint16Array(fewestBuckets * slotsABucket);
  #top = new Uint8Array(fewestBuckets * slotsABucket);
  #endsInMs = new Uint32Array(fewestBuckets * slotsABucket);
  #remaining = new Uint16Array(fewestBuckets * slotsABucket);
  #gap = new Uint16Array(fewestBuckets * slotsABucket);
  #entries = 0;

  /** Slots in use; an entry that ended counts until its slot is used again. */
  get entries(): number {
    return this.#entries;
  }

  get bytes(): number {
    const columns = [this.#low, this.#middle, this.#top, this.#endsInMs, this.#remaining, this.#gap];
    return columns.reduce((bytes, column) => bytes + column.byteLength, 0);
  }

  endsInMs(slot: number): number {
    return this.#endsInMs[slot] ?? 0;
  }

  remaining(slot: number): number {
    return this.#remaining[slot] ?? 0;
  }

  gap(slot: number): number {
    return this.#gap[slot] ?? 0;
  }

  /** The slot of a fingerprint, whether its entry ended or not; or `noSlot`. */
  find(low: number, high: number): number {
    const slot = this.#findIn(this.#oneBucket(low), low, high);
    return slot === noSlot ? this.#findIn(this.#otherBucket(low, high), low, high) : slot;
  }

  /** Keeps `content` under a fingerprint; what ended by `elapsedMs` makes room, and at last what ends soonest. */
  write(low: number, high: number, elapsedMs: number, { endsInMs, remaining, gap }: SlotContent): void {
    let slot = this.find(low, high);
    if (slot === noSlot) slot = this.#free(low, high, elapsedMs);
    while (slot === noSlot && this.#buckets < mostBuckets) {
      this.#grow();
      slot = this.#free(low, high, elapsedMs);
    }
    if (slot === noSlot) slot = this.#vacate(low, high, elapsedMs);
    if (this.#endsInMs[slot] === 0) this.#entries += 1;
    this.#low[slot] = low;
    this.#middle[slot] = high;
    this.#top[slot] = high >>> 16;
    this.#endsInMs[slot] = endsInMs;
    this.#remaining[slot] = remaining;
    this.#gap[slot] = gap;
  }

  erase(slot: number): void {
    if (this.#endsInMs[slot] !== 0) this.#entries -= 1;
    this.#endsInMs[slot] = 0;
  }

  /** The base moved on by so much; what ended by then is gone. */
  rebase(passedMs: number): void {
    for (let slot = 0; slot < this.#endsInMs.length; slot += 1) {
      const endsInMs = this.endsInMs(slot);
      if (endsInMs > passedMs) this.#endsInMs[slot] = endsInMs - passedMs;
      else this.erase(slot);
    }
  }

  /** The low 17 bits choose one bucket and the next 17 the other: a slot keeps all of them, so it can move. */
  #oneBucket(low: number): number {
    return low & (this.#buckets - 1);
  }

  #otherBucket(low: number, high: number): number {
    return ((low >>> 17) | (high << 15)) & (this.#buckets - 1);
  }

  #findIn(bucket: number, low: number, high: number): number {
    const first = bucket * slotsABucket;
    for (let slot = first; slot < first + slotsABucket; slot += 1) {
      if (this.#low[slot] !== low || this.#endsInMs[slot] === 0) continue;
      if (this.#middle[slot] === (high & 0xffff) && this.#top[slot] === ((high >>> 16) & 0xff)) return slot;
    }
    return noSlot;
  }

  #free(low: number, high: number, elapsedMs: number): number {
    const one = this.#oneBucket(low);
    const other = this.#otherBucket(low, high);
    return this.#freeIn(this.#live(one, elapsedMs) <= this.#live(other, elapsedMs) ? one : other, elapsedMs);
  }

  #live(bucket: number, elapsedMs: number): number {
    const first = bucket * slotsABucket;
    let live = 0;
    for (let slot = first; slot < first + slotsABucket; slot += 1) if (this.endsInMs(slot) > elapsedMs) live += 1;
    return live;
  }

  #freeIn(bucket: number, elapsedMs: number): number {
    const first = bucket * slotsABucket;
    for (let slot = first; slot < first + slotsABucket; slot += 1) if (this.endsInMs(slot) <= elapsedMs) return slot;
    return noSlot;
  }

  /** In buckets that are full of live entries: lets one step over to its other bucket, or drops what ends soonest. */
  #vacate(low: number, high: number, elapsedMs: number): number {
    let soonest = this.#oneBucket(low) * slotsABucket;
    for (const bucket of [this.#oneBucket(low), this.#otherBucket(low, high)]) {
      const first = bucket * slotsABucket;
      for (let slot = first; slot < first + slotsABucket; slot += 1) {
        const free = this.#freeIn(this.#elsewhere(slot, bucket), elapsedMs);
        if (free !== noSlot) {
          this.#move(slot, free);
          return slot;
        }
        if (this.endsInMs(slot) < this.endsInMs(soonest)) soonest = slot;
      }
    }
    this.erase(soonest);
    return soonest;
  }

  /** The other of the two buckets of what lies in `bucket`. */
  #elsewhere(slot: number, bucket: number): number {
    const low = this.#low[slot] ?? 0;
    const one = this.#oneBucket(low);
    return bucket === one ? this.#otherBucket(low, this.#middle[slot] ?? 0) : one;
  }

  #move(from: number, to: number): void {
    this.erase(to);
    this.#low[to] = this.#low[from] ?? 0;
    this.#middle[to] = this.#middle[from] ?? 0;
    this.#top[to] = this.#top[from] ?? 0;
    this.#endsInMs[to] = this.endsInMs(from);
    this.#remaining[to] = this.remaining(from);
    this.#gap[to] = this.gap(from);
    this.#endsInMs[from] = 0;
  }

  /**
   * Doubles. One more bit chooses the bucket, so an entry stays, or goes to the same place in the new half: nothing can
   * be in its way. `transfer` lets the old column go at once, where a copy would wait for the collector.
   */
  #grow(): void {
    const oldBuckets = this.#buckets;
    const slots = oldBuckets * slotsABucket;
    this.#buckets = 2 * oldBuckets;
    this.#low = new Uint32Array(this.#low.buffer.transfer(8 * slots));
    this.#endsInMs = new Uint32Array(this.#endsInMs.buffer.transfer(8 * slots));
    this.#middle = new Uint16Array(this.#middle.buffer.transfer(4 * slots));
    this.#remaining = new Uint16Array(this.#remaining.buffer.transfer(4 * slots));
    this.#gap = new Uint16Array(this.#gap.buffer.transfer(4 * slots));
    this.#top = new Uint8Array(this.#top.buffer.transfer(2 * slots));
    for (let slot = 0; slot < slots; slot += 1) {
      if (this.#endsInMs[slot] === 0) continue;
      const bucket = Math.floor(slot / slotsABucket);
      const low = this.#low[slot] ?? 0;
      const one = this.#oneBucket(low);
      const lies = one % oldBuckets === bucket ? one : this.#otherBucket(low, this.#middle[slot] ?? 0);
      if (lies !== bucket) this.#move(slot, slot + slots);
    }
  }
}
