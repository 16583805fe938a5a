/**
 * A Bloom filter over the keys of revocations: "no" is certain, "perhaps" is asked about. It spares the edges the exact
 * records: a million of them in 2 MB, at most one "perhaps" in 1 700 keys that are not there.
 */
import type { FilterData } from "./contract.ts";

const bytesAKey = 2;
/** A million keys; more of them make "perhaps" more frequent and nothing wrong. */
const mostBytes = 2_000_000;
const leastKeys = 64;
/** Bits of one key. Eleven would be the best for 16 bits a key, by a little, and cost a third more. */
const probes = 8;

export class KeyFilter {
  readonly #bytes: Uint8Array;
  readonly #bits: number;
  #keys: number;

  private constructor(bytes: Uint8Array, keys: number) {
    this.#bytes = bytes;
    this.#bits = bytes.length * 8;
    this.#keys = keys;
  }

  /** With room for at least so many. */
  static forKeys(keys: number): KeyFilter {
    const room = 2 ** Math.ceil(Math.log2(Math.max(leastKeys, keys)));
    return new KeyFilter(new Uint8Array(Math.min(mostBytes, room * bytesAKey)), 0);
  }

  /** Takes the bytes over. Null for a form that this version does not know. */
  static of({ form, keys, bytes }: FilterData): KeyFilter | null {
    const isKnown = (form as number) === 1 && bytes.length > 0 && bytes.length <= mostBytes;
    return isKnown ? new KeyFilter(bytes, keys) : null;
  }

  /** What may be sent; shares the bytes. */
  data(): FilterData {
    return { form: 1, keys: this.#keys, bytes: this.#bytes };
  }

  get keys(): number {
    return this.#keys;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** More keys than it was made for: a bigger one, made anew, would say "perhaps" less often. */
  get isOverfull(): boolean {
    return this.#bytes.length < mostBytes && this.#keys * bytesAKey > this.#bytes.length;
  }

  add(key: number): void {
    let bit = key >>> 0;
    const step = stepOf(key);
    for (let probe = 0; probe < probes; probe += 1) {
      const at = bit % this.#bits;
      this.#bytes[at >>> 3] = (this.#bytes[at >>> 3] ?? 0) | (1 << (at & 7));
      bit = (bit + step) >>> 0;
    }
    this.#keys += 1;
  }

  mayHave(key: number): boolean {
    if (this.#keys === 0) return false;
    let bit = key >>> 0;
    const step = stepOf(key);
    for (let probe = 0; probe < probes; probe += 1) {
      const at = bit % this.#bits;
      if (((this.#bytes[at >>> 3] ?? 0) & (1 << (at & 7))) === 0) return false;
      bit = (bit + step) >>> 0;
    }
    return true;
  }
}

/** From the upper bits of the key, spread over 32; odd. */
function stepOf(key: number): number {
  const upper = Math.floor(key / 0x100000000);
  return (Math.imul(upper ^ 0x2c1b3c6d, 0x9e3779b1) | 1) >>> 0;
}
