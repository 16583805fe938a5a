/**
 * L2: how many calls of Limiter objects an admitted request costs, at an isolate that has all of a key's requests.
 * Counted in virtual time, with the real desk and limiter.
 */
import { count, type Plan } from "./count.ts";
import { median } from "./ratio.ts";
import type { Measure, Row } from "./table.ts";

const limit = { name: "calls", quota: 200, windowMs: 1_000 };

interface Level {
  readonly perSecond: number;
  readonly mayObjectsSleep: boolean;
  readonly countedMs: number;
  readonly what: string;
  readonly goal: string;
}

/** The goals are L2's: a call in 10 s for a slow client, four in a window for others. */
const levels: readonly Level[] = [
  { perSecond: 1, mayObjectsSleep: false, countedMs: 600_000, what: "1 a second", goal: "≤ 0.10" },
  {
    perSecond: 1,
    mayObjectsSleep: true,
    countedMs: 600_000,
    what: "1 a second, its object asleep in between",
    goal: "≤ 0.10",
  },
  { perSecond: 20, mayObjectsSleep: false, countedMs: 300_000, what: "20 a second", goal: "≤ 0.20" },
  { perSecond: 1_000, mayObjectsSleep: false, countedMs: 30_000, what: "1000 a second", goal: "≤ 0.02" },
];

export const objectCalls: Measure = {
  ids: ["L2"],
  async run(isQuick) {
    const rows: Row[] = [];
    for (const level of levels) rows.push(await rowOf(level, isQuick ? 1 : 5));
    const reference = "object calls for each admitted request, if each asked";
    return [{ id: "", what: reference, goal: "", result: "1.000" }, ...rows];
  },
};

async function rowOf({ perSecond, mayObjectsSleep, countedMs, what, goal }: Level, seeds: number): Promise<Row> {
  const plans = Array.from({ length: seeds }, (_, index): Plan => {
    const numbers = { seed: index + 1, clients: 1, perSecond, warmMs: 30_000, countedMs };
    return { ...numbers, limits: [limit], mayObjectsSleep };
  });
  const counted = await count(plans);
  const calls = counted.map(({ limiterCalls, admitted }) => limiterCalls / admitted);
  return {
    id: "L2",
    what: `object calls for each admitted request of one key, quota 200 a second: ${what}`,
    goal,
    result: median(calls).toFixed(3),
    spread: `${Math.min(...calls).toFixed(3)}–${Math.max(...calls).toFixed(3)}`,
  };
}
