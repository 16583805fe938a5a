import { describe, expect, test } from "vitest";
import { costOf, costOfMillion, nothing, plus, times, type Usage } from "../../bench/cost.ts";

const million = 1_000_000;
const some: Usage = {
  objectRequests: 3,
  objectMs: 500,
  rowsRead: 7,
  rowsWritten: 2,
  queueOperations: 6,
  workerRequests: 1,
  processorMs: 4,
};

describe("P8 what is used costs what the platform publishes", () => {
  test.each([
    ["a million object requests", { objectRequests: million }, 0.15],
    // The documentation's first example: 1 000 000 s of one object are 128 000 GB-s.
    ["a million seconds of an object", { objectMs: 1_000 * million }, 0.128 * 12.5],
    ["a milliard rows read", { rowsRead: 1_000 * million }, 1],
    ["a million rows written", { rowsWritten: million }, 1],
    // The documentation's example: 89 000 000 billed operations.
    ["89 million queue operations", { queueOperations: 89 * million }, 35.6],
    ["5 million requests of a Worker", { workerRequests: 5 * million }, 1.5],
    ["75 million ms of the processor", { processorMs: 75 * million }, 1.5],
  ])("P8 %s", (_what, used, usd) => {
    expect(costOf({ ...nothing, ...used })).toBeCloseTo(usd, 9);
  });

  test("P8 nothing costs nothing", () => {
    expect(costOf(nothing)).toBe(0);
  });

  test("P8 what is used together costs the sum, and so many times as much costs so many times more", () => {
    expect(costOf(plus(some, some))).toBeCloseTo(2 * costOf(some), 15);
    expect(costOf(times(some, 1_000))).toBeCloseTo(1_000 * costOf(some), 12);
    expect(plus(some, times(some, -1))).toEqual(nothing);
  });

  test("P8 a million requests are told from however many were counted", () => {
    expect(costOfMillion(some, million)).toBeCloseTo(costOf(some), 15);
    expect(costOfMillion({ ...nothing, objectRequests: 5 }, 50)).toBeCloseTo(0.015, 12);
    expect(() => costOfMillion(some, 0)).toThrow("received 0 of them");
  });
});
