/** E1 to E4 on simulated planets. `LONG=1` (npm run test:long) runs a million reads and more. */
import { describe, expect, it } from "vitest";

import { runHistory } from "./history.ts";
import { naiveDesigns, runNaiveDesign } from "./naive-designs.ts";
import type { Naive } from "./surroundings.ts";
import { isLongRun } from "../support/long-run.ts";

const wantedReads = isLongRun ? 1_000_000 : 100_000;
const firstSeed = Math.floor(Math.random() * 1_000_000_000);

describe("events on a simulated planet", () => {
  it(
    "E1 E2 E3 E4 no acknowledged change is ever unseen, whatever is lost, doubled, late, cut off or restarted",
    { timeout: 600_000 },
    () => {
      const sum = { worlds: 0, reads: 0, hits: 0, oldHits: 0, acks: 0 };
      for (let seed = firstSeed; sum.reads < wantedReads; seed += 1) {
        const outcome = runHistory(seed);
        expect(outcome.violations, `seed ${seed}`).toEqual([]);
        sum.worlds += 1;
        sum.reads += outcome.reads;
        sum.hits += outcome.hits;
        sum.oldHits += outcome.oldHits;
        sum.acks += outcome.acks;
      }
      console.info(`simulated planets from seed ${firstSeed}:`, sum);
      // There was something to get wrong: hits, old ones among them, and acknowledgements to hold them against.
      expect(sum.hits).toBeGreaterThan(sum.reads / 10);
      expect(sum.oldHits).toBeGreaterThan(100);
      expect(sum.acks).toBeGreaterThan(100);
    },
  );

  const naive: readonly Naive[] = ["lease_from_reply", "no_guard", "no_proof"];
  it.each(naive)("E3 bites: %s is caught", (variant) => {
    const caught = catchIt((seed) => runHistory(seed, variant).violations);
    console.info(`${variant} caught after ${caught.worlds} planets:`, caught.violation);
    expect(caught.violation).not.toBe("");
  });

  it.each(naiveDesigns)("E4 bites: %s is caught", (design) => {
    const caught = catchIt((seed) => runNaiveDesign(seed, design));
    console.info(`${design} caught after ${caught.worlds} worlds:`, caught.violation);
    expect(caught.violation).not.toBe("");
  });
});

/** The first violation, or an empty text when 200 worlds had none. */
function catchIt(run: (seed: number) => readonly string[]) {
  for (let worlds = 1; worlds <= 200; worlds += 1) {
    const [violation] = run(firstSeed + worlds);
    if (violation !== undefined) return { worlds, violation };
  }
  return { worlds: 200, violation: "" };
}
