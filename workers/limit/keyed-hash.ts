/**
 * SipHash-2-4 (Aumasson and Bernstein, https://github.com/veorq/SipHash): 64 bits of a text that nobody without
 * the key can tell from random ones. For what is published under a key that lives as long as the mesh's secret; a
 * `Fingerprint` has half the key, which is enough for a table that lives as long as its isolate.
 *
 * A text is read as its UTF-16 code units, low byte first. Each 64-bit word is two of 32 bits.
 */

/** 128 bits. */
export type HashKey = readonly [number, number, number, number];

/** Reads texts one after the other, without allocating: `low` and `high` are those of the last one. */
export class KeyedHash {
  readonly #key: HashKey;
  /** From 0 to 2^32 - 1. */
  low = 0;
  high = 0;

  constructor(key: HashKey) {
    this.#key = key;
  }

  read(text: string): void {
    const { length } = text;
    const [k0, k1, k2, k3] = this.#key;
    let [l0, h0, l1, h1] = [k0 ^ 0x70736575, k1 ^ 0x736f6d65, k2 ^ 0x6e646f6d, k3 ^ 0x646f7261];
    let [l2, h2, l3, h3] = [k0 ^ 0x6e657261, k1 ^ 0x6c796765, k2 ^ 0x79746573, k3 ^ 0x74656462];
    const unit = (at: number) => (at < length ? text.charCodeAt(at) : 0);
    // Four units a step, then what is left with the length in bytes, then two steps that stir it.
    const last = length >>> 2;
    for (let step = 0; step <= last + 2; step += 1) {
      let [low, high] = [0, 0];
      if (step <= last) {
        const at = 4 * step;
        low = unit(at) | (unit(at + 1) << 16);
        high = unit(at + 2) | (step < last ? unit(at + 3) << 16 : length << 25);
      } else if (step === last + 1) l2 ^= 0xff;
      l3 ^= low;
      h3 ^= high;
      for (let round = 0; round < 2; round += 1) {
        let sum = (l0 >>> 0) + (l1 >>> 0);
        h0 = (h0 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0;
        l0 = sum | 0;
        let [left, right] = [h1, l1];
        h1 = ((left << 13) | (right >>> 19)) ^ h0;
        l1 = ((right << 13) | (left >>> 19)) ^ l0;
        [h0, l0] = [l0, h0];
        sum = (l2 >>> 0) + (l3 >>> 0);
        h2 = (h2 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0;
        l2 = sum | 0;
        [left, right] = [h3, l3];
        h3 = ((left << 16) | (right >>> 16)) ^ h2;
        l3 = ((right << 16) | (left >>> 16)) ^ l2;
        sum = (l0 >>> 0) + (l3 >>> 0);
        h0 = (h0 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0;
        l0 = sum | 0;
        [left, right] = [h3, l3];
        h3 = ((left << 21) | (right >>> 11)) ^ h0;
        l3 = ((right << 21) | (left >>> 11)) ^ l0;
        sum = (l2 >>> 0) + (l1 >>> 0);
        h2 = (h2 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0;
        l2 = sum | 0;
        [left, right] = [h1, l1];
        h1 = ((left << 17) | (right >>> 15)) ^ h2;
        l1 = ((right << 17) | (left >>> 15)) ^ l2;
        [h2, l2] = [l2, h2];
      }
      l0 ^= low;
      h0 ^= high;
    }
    this.low = (l0 ^ l1 ^ l2 ^ l3) >>> 0;
    this.high = (h0 ^ h1 ^ h2 ^ h3) >>> 0;
  }
}
