/** Ratios of two rates that were measured in turns, and their spread. */
import type { Row } from "./table.ts";

/** One go; how many a second. */
export type Side = () => Promise<number>;

export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** Medians of both sides, for the record: they say little of another machine. */
  readonly ours: number;
  readonly theirs: number;
}

/**
 * Both sides in turns, and in alternating order, so that neither always runs on the warmer machine. The first round
 * warms up and is left out.
 */
export async function measureRatio(ours: Side, theirs: Side, rounds: number): Promise<Ratio> {
  const pairs: { readonly ours: number; readonly theirs: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const oursFirst = round % 2 === 0;
    const first = await (oursFirst ? ours : theirs)();
    const second = await (oursFirst ? theirs : ours)();
    if (round > 0) pairs.push(oursFirst ? { ours: first, theirs: second } : { ours: second, theirs: first });
  }
  const ratios = pairs.map((pair) => pair.ours / pair.theirs);
  return {
    median: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    ours: median(pairs.map((pair) => pair.ours)),
    theirs: median(pairs.map((pair) => pair.theirs)),
  };
}

/** The ratio of what one of each takes, in place of how many a second. */
export function asTimes(ratio: Ratio): Ratio {
  return { ...ratio, median: 1 / ratio.median, least: 1 / ratio.most, most: 1 / ratio.least };
}

export function ratioRow(id: string, what: string, goal: string, ratio: Ratio): Row {
  const { median: middle, least, most, ours, theirs } = ratio;
  const digits = digitsOf(middle);
  const spread = `${least.toFixed(digits)}–${most.toFixed(digits)}`;
  return { id, what, goal, result: middle.toFixed(digits), spread, rates: { ours, theirs } };
}

/** Enough to tell it from its goal. */
function digitsOf(value: number): number {
  if (value < 0.1) return 4;
  return value < 10 ? 2 : 1;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
