/**
 * Three usual designs of invalidation, as small models on the same time, clocks and fills: entries are deleted, or
 * compared by wall clock, and no number is read before a fill. The harness must see them return what was acknowledged
 * to be gone.
 */
import { HostClock, VirtualTime } from "./virtual-time.ts";

export const naiveDesigns = ["delete_by_queue", "delete_everywhere_then_ack", "time_stamped_tags"] as const;
export type NaiveDesign = (typeof naiveDesigns)[number];

interface Kept {
  readonly version: number;
  /** By the edge's clock, when it was stored. */
  readonly storedAt: number;
}

interface Edge {
  readonly clock: HostClock;
  readonly kept: Map<string, Kept>;
  /** When a tag was last invalidated, by the clock of who did it. */
  readonly tags: Map<string, number>;
}

export function runNaiveDesign(seed: number, design: NaiveDesign, forMs = 20_000): readonly string[] {
  const time = new VirtualTime(seed);
  const publisher = new HostClock(time);
  const edges: readonly Edge[] = Array.from({ length: 6 }, () => ({
    clock: new HostClock(time),
    kept: new Map<string, Kept>(),
    tags: new Map<string, number>(),
  }));
  const violations: string[] = [];
  let version = 0;
  let acknowledged = 0;

  const invalidateAt = (edge: Edge): void => {
    if (design === "time_stamped_tags") edge.tags.set("a", publisher.now);
    else edge.kept.delete("a");
  };
  const write = (): void => {
    version += 1;
    const written = version;
    const acknowledge = (): void => {
      acknowledged = Math.max(acknowledged, written);
    };
    if (design === "delete_by_queue") {
      acknowledge();
      for (const edge of edges) time.after(time.between(2, 100), () => invalidateAt(edge));
      return;
    }
    // Every edge, reliably, and only then the acknowledgement.
    time.after(60, () => {
      for (const edge of edges) invalidateAt(edge);
      acknowledge();
    });
  };
  const read = (edge: Edge): void => {
    const least = acknowledged;
    const kept = edge.kept.get("a");
    const isGood = kept !== undefined && !((edge.tags.get("a") ?? 0) > kept.storedAt);
    if (isGood) {
      if (kept.version < least) violations.push(`a read got ${kept.version} after the ack of ${least}`);
      return;
    }
    time.after(time.between(1, 80), () => {
      const seen = version;
      time.after(time.between(1, 150), () => edge.kept.set("a", { version: seen, storedAt: edge.clock.now }));
    });
  };
  const often = (least: number, most: number, happen: () => void): void => {
    time.after(time.between(least, most), () => {
      happen();
      if (time.now < forMs) often(least, most, happen);
    });
  };
  for (const edge of edges) often(2, 30, () => read(edge));
  often(40, 400, write);
  time.runUntil(forMs);
  return violations;
}
