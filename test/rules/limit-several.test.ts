import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { askOf, limitOf, Wire } from "./limit-wire.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("L4 several limits", () => {
  const plenty = limitOf({ name: "plenty", quota: 10_000 });
  const scarce = limitOf({ name: "scarce", quota: 5 });

  test("L4 all are taken or none, in any order of the asks", async () => {
    for (const order of [
      [plenty, scarce],
      [scarce, plenty],
    ]) {
      const wire = new Wire();
      for (const limit of order) wire.limits.set(limit.name, limit);
      let allowed = 0;
      for (let index = 0; index < 40; index += 1) {
        const all = await wire.desk.take(
          order.map((limit) => askOf(limit)),
          wire.context,
        );
        if (all.allowed) allowed += 1;
        else expect(all.taken.filter((one) => one !== null)).toMatchObject([{ allowed: false }]);
        await wire.settle();
      }
      expect(allowed).toBe(5);
      expect(wire.used(scarce, "b")).toBe(5);
      // What was leased and not spent is still charged: only what was admitted counts here.
      const counted = wire.limiter("plenty").counts;
      expect(counted.allowed).toBeLessThanOrEqual(5);
    }
  });
});

describe("L4 what many who waited together took", () => {
  const plenty = limitOf({ name: "plenty", quota: 40 });
  const scarce = limitOf({ name: "scarce", quota: 5, windowMs: 1_000 });

  test("L4 goes back whole where another limit refuses each of them", async () => {
    const wire = new Wire();
    for (const limit of [plenty, scarce]) wire.limits.set(limit.name, limit);
    let allowed = 0;
    for (let second = 0; second < 6; second += 1, wire.now += 1_000) {
      const together = Array.from({ length: 20 }, async () =>
        wire.desk.take([askOf(plenty), askOf(scarce)], wire.context),
      );
      allowed += (await Promise.all(together)).filter((all) => all.allowed).length;
      await wire.settle();
      expect(wire.used(plenty, "b")).toBe(allowed);
    }
    expect(allowed).toBe(30);
  });

  test("L4 goes back where the dearer ones leave some of it, which the others find", async () => {
    const wire = new Wire();
    wire.isPatient = true;
    const limit = limitOf({ quota: 1_000 });
    await wire.take(limit, 700);
    const costs = Array.from({ length: 200 }, (_, index) => (index % 11 === 5 ? 400 : 1));
    const first = await Promise.all(costs.map((cost) => wire.take(limit, cost)));
    const isCheap = (_taken: unknown, index: number) => costs[index] === 1;
    expect(first.filter(isCheap).filter(({ allowed }) => !allowed)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    let admitted = 700 + costs.filter((cost) => cost === 1).length;
    while ((await wire.take(limit)).allowed) admitted += 1;
    expect(admitted).toBe(1_000);
  });
});
