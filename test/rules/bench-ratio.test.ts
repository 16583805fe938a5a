import { describe, expect, test } from "vitest";
import { asTimes, measureRatio, ratioRow, type Side } from "../../bench/ratio.ts";

/** A side that does these many a second, run after run, and says so. */
function side(name: string, rates: readonly number[], runs: string[]): Side {
  const left = [...rates];
  return async () => {
    runs.push(name);
    return left.shift() ?? Number.NaN;
  };
}

describe("what is compared is measured in turns", () => {
  test("neither side always goes first, and the first round is left out", async () => {
    const runs: string[] = [];
    const ratio = await measureRatio(side("a", [1, 20, 30, 80], runs), side("b", [9, 10, 10, 20], runs), 3);
    expect(runs.join("")).toBe("abbaabba");
    expect(ratio).toEqual({ median: 3, least: 2, most: 4, ours: 30, theirs: 10 });
  });

  test("P5 what takes a hundredth of the time is done a hundred times as often", () => {
    const rates = { median: 100, least: 50, most: 200, ours: 1_000, theirs: 10 };
    expect(asTimes(rates)).toEqual({ median: 0.01, least: 0.005, most: 0.02, ours: 1_000, theirs: 10 });
  });

  test.each([
    [0.003_31, "0.0033"],
    [0.05, "0.0500"],
    [0.9, "0.90"],
    [12.34, "12.3"],
  ])("a ratio of %d is told from its goal as %s", (median, told) => {
    const row = ratioRow("P5", "this ÷ that", "≤ 0.05", { median, least: median, most: median, ours: 1, theirs: 1 });
    expect(row).toMatchObject({ result: told, spread: `${told}–${told}` });
  });
});
