/** Ratios of two rates that were measured in turns, and their spread. */
import type { Load, Loader } from "./load.ts";

export interface Side {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** Medians of both sides, requests a second, for the record: they say little of another machine. */
  readonly ours: number;
  readonly theirs: number;
}

export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

/**
 * Both sides in turns, and in alternating order, so that neither always runs on the warmer machine. The first round
 * warms up and is left out.
 */
export async function measureRatio(load: Loader, ours: Side, theirs: Side, how: Rounds): Promise<Ratio> {
  const pairs: { readonly ours: number; readonly theirs: number }[] = [];
  for (let round = 0; round <= how.rounds; round += 1) {
    const oursFirst = round % 2 === 0;
    const first = await rate(load, oursFirst ? ours : theirs, how);
    const second = await rate(load, oursFirst ? theirs : ours, how);
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

async function rate(load: Loader, side: Side, { seconds, connections }: Rounds): Promise<number> {
  const wanted: Load = { ...side, seconds, connections };
  const { perSecond, failed } = await load(wanted);
  if (failed > 0) throw new Error(`cannot measure ${side.url}: ${failed} requests failed`);
  return perSecond;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
