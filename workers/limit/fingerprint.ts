/**
 * A text in 64 keyed bits, for tables that have no room for texts.
 *
 * HalfSipHash-2-4 (Aumasson and Bernstein, https://github.com/veorq/SipHash) of the text's UTF-16 code units, low byte
 * first. Mixes that are faster, like MurmurHash's, have collisions that hold under every seed: with them a client that
 * may choose its own key could choose one that is taken for somebody else's.
 */

/** Reads texts one after the other, without allocating: `low` and `high` are those of the last one. */
export class Fingerprint {
  readonly #seedLow: number;
  readonly #seedHigh: number;
  /** From 0 to 2^32 - 1. */
  low = 0;
  high = 0;

  /** `seed`: two random words of 32 bits, which no client may learn. */
  constructor([low, high]: readonly [number, number]) {
    this.#seedLow = low;
    this.#seedHigh = high;
  }

  read(text: string): void {
    const { length } = text;
    let v0 = this.#seedLow;
    let v1 = this.#seedHigh ^ 0xee;
    let v2 = this.#seedLow ^ 0x6c796765;
    let v3 = this.#seedHigh ^ 0x74656462;
    // Two units a step, then what is left with the length in bytes, then two steps for each half of the result.
    const last = length >>> 1;
    for (let step = 0; step <= last + 4; step += 1) {
      let word = 0;
      if (step < last) word = text.charCodeAt(2 * step) | (text.charCodeAt(2 * step + 1) << 16);
      else if (step === last) word = (length << 25) | (length % 2 && text.charCodeAt(length - 1));
      else if (step === last + 1) v2 ^= 0xee;
      else if (step === last + 3) {
        this.low = (v1 ^ v3) >>> 0;
        v1 ^= 0xdd;
      }
      v3 ^= word;
      // The same round twice: a loop or a function around it takes a third longer.
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);

      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.high = (v1 ^ v3) >>> 0;
  }
}
