import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fingerprint } from "../../workers/limit/fingerprint.ts";
import { isLongRun } from "../support/long-run.ts";

const seed = [0x0123_4567, 0x89ab_cdef] as const;

describe("a fingerprint", () => {
  test("is HalfSipHash-2-4 of the UTF-16 code units, by the authors' vectors", () => {
    const fingerprint = new Fingerprint([0x0302_0100, 0x0706_0504]);
    const vectors = [
      [0, 0x591f_8d21, 0xc83c_b8b9],
      [2, 0xef39_4f06, 0x57eb_507c],
      [4, 0x178a_e7d5, 0xa12e_e55b],
      [16, 0xd2aa_3673, 0xb5f3_7b5f],
      [22, 0xfa03_01e2, 0xef76_a71b],
      [38, 0xe72e_d9cb, 0x0921_d424],
    ] as const;
    for (const [bytes, low, high] of vectors) {
      const units = Array.from({ length: bytes / 2 }, (_, index) => (2 * index) | ((2 * index + 1) << 8));
      fingerprint.read(String.fromCharCode(...units));
      expect([fingerprint.low, fingerprint.high], `${bytes} bytes`).toEqual([low, high]);
    }
  });

  test("tells any two texts apart, and every seed tells them apart in its own way", () => {
    const bits = (text: string, words: readonly [number, number]) => {
      const fingerprint = new Fingerprint(words);
      fingerprint.read(text);
      return [fingerprint.low, fingerprint.high];
    };
    const text = fc.string({ unit: "binary", maxLength: 9 });
    fc.assert(
      fc.property(text, text, fc.nat(), (one, other, word) => {
        expect(bits(one, [word, 7])).toEqual(bits(one, [word, 7]));
        expect(bits(one, [word, 7])).not.toEqual(bits(one, [word, 8]));
        expect(bits(one, [word, 7])).not.toEqual(bits(one, [word + 1, 7]));
        if (one !== other) expect(bits(one, seed)).not.toEqual(bits(other, seed));
        expect(bits(`${one}\0`, seed)).not.toEqual(bits(one, seed));
      }),
      { numRuns: isLongRun ? 50_000 : 2_000 },
    );
  });
});
