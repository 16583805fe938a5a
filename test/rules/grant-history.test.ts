/** T7 in histories: whatever is at once, late, lost or tried again, no secret of a family is good twice. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLongRun } from "../support/long-run.ts";
import {
  anotherSuccessor,
  bookPerEdge,
  oneBook,
  readThenWrite,
  refusesOnly,
  type Design,
  type Secret,
} from "./grant-designs.ts";
import { play, type Step } from "./grant-histories.ts";

const runs = isLongRun ? 200_000 : 10_000;

/** Mostly the first ones: further ones are seldom reached. */
const secrets = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Secret>("code") },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 2 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 6 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("use" as const), edge: fc.nat(1), secret: secrets }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("go_on" as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(3_000) }) },
);
const history = fc.record({
  graceMs: fc.constantFrom(0, 2_000),
  steps: fc.array(step, { minLength: 10, maxLength: 60, size: "max" }),
});

describe("codes and refresh tokens in histories of uses at two edges", () => {
  test(
    `T7 in ${runs} histories each is good once, a retry gets the same successor, and nothing is good after a reuse`,
    { timeout: 300_000 },
    () => {
      const sum = { redeemed: 0, refreshed: 0, reused: 0, refused: 0 };
      fc.assert(
        fc.property(history, ({ graceMs, steps }) => {
          const { answers, violations } = play(oneBook, graceMs, steps);
          for (const kind of ["redeemed", "refreshed", "reused", "refused"] as const) sum[kind] += answers[kind];
          expect(violations).toEqual([]);
        }),
        { numRuns: runs },
      );
      console.info("answers held against T7:", sum);
      expect(Math.min(sum.redeemed, sum.refreshed, sum.reused)).toBeGreaterThan(runs / 4);
    },
  );

  test.each<readonly [string, Design, RegExp]>([
    ["that reads, and writes a moment later", readThenWrite, /^(?!code).+ was good 2 times/],
    ["of each edge's own", bookPerEdge, /was good 2 times/],
    ["of each edge's own, with a grace", bookPerEdge, /^(?!code).+ was good after its successor/],
    ["that gives whoever tries again another successor", anotherSuccessor, /has the successors/],
    ["that refuses a reuse and lets the family live", refusesOnly, /after a reuse was told/],
  ])("T7 bites: a book %s is caught", (what, design, expected) => {
    let caught: readonly string[] = [];
    const outcome = fc.check(
      fc.property(history, ({ graceMs, steps }) => {
        const { violations } = play(design, graceMs, steps);
        if (violations.some((violation) => expected.test(violation))) caught = violations;
        return caught.length === 0;
      }),
      { numRuns: 2_000, endOnFailure: true },
    );
    const { numRuns, seed } = outcome;
    console.info(`a book ${what} was caught after ${numRuns} histories (seed ${seed}): ${caught.join("; ")}`);
    expect(outcome.failed).toBe(true);
  });
});
