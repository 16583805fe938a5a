import { expect, test } from "vitest";
import { askOf, inForce, LimitPlanet, request } from "./limit-planet.ts";

test.each([
  ["saturated 8x2500", 8, 1000, 1000, 20000, 1, "even"],
  ["120% even 8", 8, 1000, 1000, 1200, 1, "even"],
  ["120% even 16", 16, 1000, 1000, 1200, 20, "even"],
  ["120% uneven 16", 16, 1000, 1000, 1200, 20, "one"],
  ["120% zipf 16", 16, 1000, 1000, 1200, 20, "zipf"],
  ["80% even 8", 8, 1000, 1000, 800, 20, "even"],
  ["80% even 8 fast", 8, 1000, 1000, 800, 1, "even"],
  ["120% 1", 1, 1000, 1000, 1200, 1, "even"],
  ["120% 60s 8", 8, 10000, 60000, 200, 20, "even"],
])(
  "%s",
  async (name, n, quota, windowMs, rps, latency, shape) => {
    const limit = inForce({ quota, windowMs });
    using planet = new LimitPlanet(
      1,
      [limit],
      Array.from({ length: n }, () => ({ latencyMs: () => latency, rate: 1, offsetMs: 0 })),
    );
    const admitted = new Map<number, number>();
    const windows = windowMs > 1000 ? 3 : 5;
    let total = 0;
    const callsAt: number[] = [];
    const by: Record<string, number> = {};
    const weights = planet.isolates.map((_i, k) =>
      shape === "even" ? 1 : shape === "one" ? (k === 0 ? 1000 : 1) : 1 / (k + 1),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    const gap = 1000 / rps;
    const end = windows * windowMs;
    const next = () => {
      if (planet.time.now >= end) return;
      let dice = planet.time.random() * sum;
      let k = 0;
      while (k < n - 1 && dice > (weights[k] ?? 0)) {
        dice -= weights[k] ?? 0;
        k += 1;
      }
      const isolate = planet.isolates[k]!;
      const w0 = Math.floor(planet.time.now / windowMs);
      request(isolate, [askOf(limit)], ({ allowed, taken }) => {
        if (
          process.env.LF === name &&
          planet.time.now > 1900 &&
          planet.time.now < 2200 &&
          !allowed &&
          taken[0]!.answeredBy === "limiter"
        )
          console.log("LF", planet.time.now, JSON.stringify(taken[0]));
        by[taken[0]!.answeredBy + allowed] = (by[taken[0]!.answeredBy + allowed] ?? 0) + 1;
        if (!allowed) return;
        total += 1;
        const w = Math.floor(planet.time.now / windowMs);
        admitted.set(w, (admitted.get(w) ?? 0) + 1);
      });
      planet.time.after(gap, next);
    };
    planet.time.after(0, next);
    for (let w = 0; w < windows; w += 1) {
      await planet.run(windowMs);
      callsAt.push(planet.isolates.reduce((s, i) => s + i.calls, 0));
    }
    const per = callsAt.map((c, i) => ((c - (callsAt[i - 1] ?? 0)) / n).toFixed(2));
    console.log(name, [...admitted.values()].join(" "), "calls/iso/win", per.join(" "), JSON.stringify(by));
    expect(1).toBe(1);
  },
  60000,
);
