/** One history of a planet: writers, readers, cuts and restarts for a while, then peace, and what must hold by then. */
import { Planet } from "./planet.ts";
import type { Naive } from "./surroundings.ts";

export interface Outcome {
  readonly violations: readonly string[];
  readonly reads: number;
  readonly hits: number;
  readonly oldHits: number;
  readonly acks: number;
}

const keys = ["a", "b", "c", "d"];

export function runHistory(seed: number, naive?: Naive, forMs = 20_000): Outcome {
  const planet = new Planet(naive === undefined ? { seed } : { seed, naive });
  const { time, network, isolates, regions, log } = planet;
  let isPeace = false;
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(time.random() * items.length)];
  const often = (least: number, most: number, happen: () => void): void => {
    time.after(time.between(least, most), () => {
      if (isPeace) return;
      happen();
      often(least, most, happen);
    });
  };
  for (const isolate of isolates) often(2, 30, () => planet.read(isolate, pick(keys) ?? "a"));
  often(40, 400, () => planet.write(pick(keys) ?? "a"));
  often(2_000, 6_000, () => {
    const name = pick(regions)?.name ?? "weur";
    const ms = time.between(500, 5_000);
    // Pushes and the queue only, or everything, or only what the Region itself sends.
    const lanes = pick([["log>", "queue>"], ["log>", "queue>", ">log"], [">log"]]) ?? [];
    for (const lane of lanes) network.cut(lane.startsWith(">") ? `${name}${lane}` : `${lane}${name}`, ms);
  });
  often(3_000, 9_000, () => log.restart());
  often(2_000, 6_000, () => pick(regions)?.restart());
  often(1_000, 3_000, () => pick(isolates)?.restart());
  time.runUntil(forMs);

  isPeace = true;
  network.heal();
  for (let at = 0; at < 6_000; at += 200) {
    time.after(at, () => {
      for (const isolate of isolates) planet.read(isolate, "a");
    });
  }
  time.runUntil(forMs + 12_000);
  const events = [...log.ledger.events.values()].map(({ seq, id }) => `${seq} ${id}`);
  for (const region of regions) {
    if (region.core.applied !== log.core.head)
      planet.violate(`${region.name} is at ${region.core.applied} of ${log.core.head}`);
    const copied = [...region.ledger.events.values()].map(({ seq, id }) => `${seq} ${id}`);
    if (!copied.every((event) => events[Number.parseInt(event, 10) - 1] === event))
      planet.violate(`${region.name} has other events`);
  }
  const { violations, reads, hits, oldHits, acks } = planet;
  return { violations, reads, hits, oldHits, acks };
}
