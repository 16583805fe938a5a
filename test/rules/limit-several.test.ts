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

describe("L1 what goes back goes back once", () => {
  const quota = 1_000;

  /** Takes for a while, so that leases are given, watched and idle. */
  async function used(wire: Wire): Promise<number> {
    wire.isPatient = true;
    const limit = limitOf({ quota });
    let admitted = 0;
    const take = async (cost = 1) => {
      if ((await wire.take(limit, cost)).allowed) admitted += cost;
    };
    await take(450);
    await pass(wire, 200);
    for (let index = 0; index < 12; index += 1) {
      await take();
      await pass(wire, 20);
    }
    await Promise.all(Array.from({ length: 150 }, async () => take()));
    return admitted;
  }

  async function pass(wire: Wire, ms: number): Promise<void> {
    wire.now += ms;
    await vi.advanceTimersByTimeAsync(ms);
  }

  async function rest(wire: Wire): Promise<number> {
    await pass(wire, 4_000);
    let admitted = 0;
    while ((await wire.take(limitOf({ quota }))).allowed) admitted += 1;
    return admitted;
  }

  test("L1 a lease that goes back for a dear request is not given back again when it would be idle", async () => {
    const wire = new Wire();
    const before = await used(wire);
    const dear = await wire.take(limitOf({ quota }), 279);
    expect(before + (dear.allowed ? 279 : 0) + (await rest(wire))).toBe(quota);
  });

  test("L1 L6 a lease that goes back for a live change is not given back again when it would be idle", async () => {
    const wire = new Wire();
    const before = await used(wire);
    const change = { limit: "reads", quota, by: "admin", since: 1 };
    wire.limits.set("reads", { ...limitOf({ quota }), version: { epoch: "e", seq: 1, change } });
    const admitted = (await wire.take(limitOf({ quota }))).allowed ? 1 : 0;
    expect(before + admitted + (await rest(wire))).toBe(quota);
  });

  test("L8 a dear one that leaves the line does not break the call of the cheap ones behind it", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 100 });
    await wire.take(limit, 50);
    const taken = await Promise.all([60, 60, 1].map(async (cost) => wire.take(limit, cost)));
    expect(taken.map(({ allowed }) => allowed)).toEqual([false, false, true]);
    expect(taken.map(({ answeredBy }) => answeredBy)).not.toContain("fallback");
  });
});
