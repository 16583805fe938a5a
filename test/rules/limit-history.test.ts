import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runHistory, type Build } from "./limit-histories.ts";
import { isLongRun } from "../support/long-run.ts";

const histories = isLongRun ? 200_000 : 20_000;

describe("L1 in every history of losses, doubles, crashes and clock steps", () => {
  test("L1 no budget admits more than its quota in any window", { timeout: 120_000 }, () => {
    let admitted = 0;
    let crashes = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const outcome = runHistory(seed, "exact");
        admitted += outcome.admitted;
        crashes += outcome.crashes;
        expect(outcome.overshoot).toBeLessThanOrEqual(0);
      }),
      { numRuns: histories },
    );
    // Not an empty truth: much was admitted, and much went wrong.
    expect(admitted).toBeGreaterThan(histories * 10);
    expect(crashes).toBeGreaterThan(histories);
  });

  test.each<Build>(["counts per isolate", "keeps counts in memory only"])(
    "L1 bites: a limiter that %s is caught",
    (build) => {
      const caught = Array.from({ length: 300 }, (_, seed) => runHistory(seed, build).overshoot).filter(
        (over) => over > 0,
      );
      expect(caught.length).toBeGreaterThan(0);
    },
  );
});
