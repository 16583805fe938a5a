import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLongRun } from "../support/long-run.ts";
import { runPermitHistory, type Build } from "./limit-permit-histories.ts";

const histories = isLongRun ? 500_000 : 20_000;

describe("L1 in every history of losses, doubles, deaths, restarts and clocks that differ", () => {
  test(
    "L1 what runs at once never exceeds the quota, from admission until it has ended or was ended",
    { timeout: 600_000 },
    () => {
      const sum = { admitted: 0, ended: 0, cut: 0, restarts: 0, steps: 0 };
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const { overshoot, ...counts } = runPermitHistory(seed, "exact");
          for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
          expect(overshoot).toBeLessThanOrEqual(0);
        }),
        { numRuns: histories },
      );
      console.log(`${histories} histories: ${JSON.stringify(sum)}`);
      // Not an empty truth: much ran, and much went wrong.
      for (const count of Object.values(sum)) expect(count).toBeGreaterThan(histories / 10);
    },
  );

  test.each<Build>([
    "counts permits from the reply",
    "frees a permit before the body has ended",
    "forgets what is on record",
    "lets more run than it has claimed",
    "lets what is not renewed run on",
  ])("L1 bites: a mesh that %s is caught", (build) => {
    const seeds = Array.from({ length: 10_000 }, (_, seed) => seed);
    const caught = seeds.filter((seed) => runPermitHistory(seed, build).overshoot > 0);
    console.log(`a mesh that ${build}: caught in ${caught.length} of ${seeds.length} histories`);
    expect(caught.length).toBeGreaterThan(0);
  });
});
