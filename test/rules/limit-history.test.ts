import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLongRun } from "../support/long-run.ts";
import { runHistory, type Build, type Counting } from "./limit-histories.ts";
import { mostOvershoot } from "./limit-overshoot.ts";

const histories = isLongRun ? 1_000_000 : 35_000;
const mixedHistories = isLongRun ? 300_000 : 10_000;

describe("L1 in every history of losses, doubles, crashes and clocks that differ", () => {
  test.each<Counting>(["fixed-window", "sliding-window", "token-bucket"])(
    "L1 no budget of a %s admits more than its quota",
    { timeout: 600_000 },
    (algorithm) => {
      let admitted = 0;
      let leased = 0;
      let crashes = 0;
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const history = runHistory(seed, "exact", algorithm);
          admitted += history.admissions.length;
          leased += history.leased;
          crashes += history.crashes;
          expect(mostOvershoot(history)).toBeLessThanOrEqual(0);
        }),
        { numRuns: histories },
      );
      console.log(
        `${algorithm}: ${histories} histories, ${admitted} admissions, ${leased} tokens leased, ${crashes} crashes`,
      );
      // Not an empty truth: much was admitted and leased, and much went wrong.
      expect(admitted).toBeGreaterThan(histories);
      expect(leased).toBeGreaterThan(histories);
      expect(crashes).toBeGreaterThan(histories / 2);
    },
  );

  test.each<Counting>(["fixed-window", "sliding-window", "token-bucket"])(
    "L1 while two or three rules of a %s are asked by in turns, who asks by one is never admitted beyond it",
    { timeout: 600_000 },
    (algorithm) => {
      fc.assert(
        fc.property(fc.integer(), fc.integer({ min: 2, max: 3 }), (seed, rules) => {
          expect(mostOvershoot(runHistory(seed, "exact", algorithm, rules))).toBeLessThanOrEqual(0);
        }),
        { numRuns: mixedHistories },
      );
    },
  );

  test.each<Build>(["counts per isolate", "keeps counts in memory only", "counts leases from the reply"])(
    "L1 bites: a limiter that %s is caught",
    (build) => {
      const caught = Array.from({ length: 3_000 }, (_, seed) => runHistory(seed, build)).filter(
        (history) => mostOvershoot(history) > 0,
      );
      expect(caught.length).toBeGreaterThan(0);
    },
  );
});
