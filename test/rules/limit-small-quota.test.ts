/** Small quotas: tokens that lie leased at one edge are none for a client that comes to another one. */
import { describe, expect, test } from "vitest";
import type { LimitInForce } from "../../workers/limit/taken.ts";
import { askOf, inForce, LimitPlanet, send } from "../simulation/limit-planet.ts";

const edges = [5, 20, 60].map((latencyMs) => ({ latencyMs: () => latencyMs, rate: 1, offsetMs: 0 }));

/** How many of a client's first requests are admitted, each a while after the last and to whichever edge, before one is refused. */
async function firstAdmitted(seed: number, limit: LimitInForce, gapMs: (random: () => number) => number, cost = 1) {
  using planet = new LimitPlanet(seed, [limit], edges);
  let admitted = 0;
  let isRefused = false;
  const ask = () => {
    const edge = planet.isolates[Math.floor(planet.time.random() * edges.length)];
    if (edge === undefined) throw new Error("expected an edge");
    send(edge, [{ ...askOf(limit), cost }], ({ allowed }) => {
      if (isRefused) return;
      if (!allowed) isRefused = true;
      else {
        admitted += 1;
        planet.time.after(
          gapMs(() => planet.time.random()),
          ask,
        );
      }
    });
  };
  planet.time.after(0, ask);
  await planet.run(limit.windowMs - 1_000);
  return { admitted, isRefused };
}

const quotas = [1, 2, 5, 10, 19, 20, 49];

describe("L3 a client that hops over three edges has its whole small quota", () => {
  test.each(["fixed-window", "sliding-window"] as const)(
    "L3 of a %s: its first so many requests, and no more",
    async (algorithm) => {
      for (const quota of quotas) {
        for (let seed = 1; seed <= 20; seed += 1) {
          const limit = inForce({ algorithm, quota, windowMs: 60_000 });
          // All of them within a part of the window: close together, or far apart.
          const slowest = 50_000 / (quota + 1) - 130;
          const gapMs = seed % 2 === 0 ? slowest : Math.min(slowest, 400);
          const told = await firstAdmitted(seed, limit, (random) => Math.floor(random() * gapMs));
          expect(told, `quota ${quota}, seed ${seed}`).toEqual({ admitted: quota, isRefused: true });
        }
      }
    },
  );

  test.each([
    [50, 25],
    [100, 25],
    [1_000, 250],
    [1_000, 30],
  ])("L3 of %i in requests that cost %i each", async (quota, cost) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const limit = inForce({ algorithm: "fixed-window", quota, windowMs: 60_000 });
      const { admitted } = await firstAdmitted(seed, limit, (random) => Math.floor(random() * 400), cost);
      expect(admitted, `seed ${seed}`).toBe(Math.floor(quota / cost));
    }
  });

  test("L3 of a bucket: all that it holds at once", async () => {
    for (const burst of quotas) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const limit = inForce({ algorithm: "token-bucket", quota: 10, burst, windowMs: 60_000 });
        const { admitted } = await firstAdmitted(seed, limit, (random) => Math.floor(random() * 400));
        expect(admitted, `burst ${burst}, seed ${seed}`).toBeGreaterThanOrEqual(burst);
      }
    }
  });
});
