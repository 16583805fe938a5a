/** By how much admissions went beyond what a rule allows, from the list of them alone. 0 or less: not at all. */
import type { Rule } from "../../durable-objects/limiter/contract.ts";
import type { Admission, History } from "./limit-histories.ts";

type Spent = Omit<Admission, "rule">;

/** Of whichever rule most, in what those who asked by it were admitted. */
export function mostOvershoot({ rules, admissions }: History): number {
  return Math.max(
    ...rules.map((rule) =>
      overshootOf(
        rule,
        admissions.filter((one) => one.rule === rule),
      ),
    ),
  );
}

export function overshootOf(rule: Rule, admissions: readonly Spent[]): number {
  const inOrder = admissions.toSorted((one, other) => one.at - other.at);
  switch (rule.algorithm) {
    case "fixed-window":
      return overWindows(rule, inOrder);
    case "sliding-window":
      return overIntervals(rule, inOrder);
    case "token-bucket":
      return overLine(rule, inOrder);
    case "concurrency":
      throw new Error("permits are not admissions");
  }
}

function overWindows({ quota, windowMs }: Rule, admissions: readonly Spent[]): number {
  const windows = new Map<number, number>();
  for (const { at, tokens } of admissions) {
    const window = Math.floor(at / windowMs);
    windows.set(window, (windows.get(window) ?? 0) + tokens);
  }
  return Math.max(0, ...windows.values()) - quota;
}

/** In every interval of the window's length: it is enough to look at those that end with an admission. */
function overIntervals({ quota, windowMs }: Rule, admissions: readonly Spent[]): number {
  let most = 0;
  let sum = 0;
  let oldest = 0;
  for (const { at, tokens } of admissions) {
    sum += tokens;
    for (let first = admissions[oldest]; first !== undefined && at - first.at >= windowMs; first = admissions[oldest]) {
      sum -= first.tokens;
      oldest += 1;
    }
    most = Math.max(most, sum);
  }
  return most - quota;
}

/** In every interval at most the burst and what flows in meanwhile: the level of a bucket that leaks at that rate. */
function overLine({ quota, windowMs, burst }: Rule, admissions: readonly Spent[]): number {
  let level = 0;
  let most = 0;
  let last = admissions[0]?.at ?? 0;
  for (const { at, tokens } of admissions) {
    level = Math.max(0, level - ((at - last) * quota) / windowMs) + tokens;
    last = at;
    most = Math.max(most, level);
  }
  // Rounding of the sum above, not of what is judged.
  return most - burst > 1e-6 * Math.max(1, burst) ? most - burst : 0;
}
