/** L1, L2 and L3 with the real desks and the real limiter in virtual time: how many are admitted, and for how many calls. */
import { describe, expect, test } from "vitest";
import type { LimitInForce } from "../../workers/limit/taken.ts";
import { askOf, inForce, LimitPlanet, send, type IsolateSettings } from "./limit-planet.ts";

interface Demand {
  readonly perSecond: number;
  /** How much of it comes to each isolate. */
  readonly weights: readonly number[];
}

interface Told {
  /** Of the windows after the first two: how much is asked for is learnt in these. */
  readonly admitted: readonly number[];
  readonly callsAWindow: readonly number[];
}

const near = (latencyMs: number): IsolateSettings => ({ latencyMs: () => latencyMs, rate: 1, offsetMs: 0 });

async function run(
  limit: LimitInForce,
  isolates: readonly IsolateSettings[],
  { perSecond, weights }: Demand,
  windows: number,
): Promise<Told> {
  using planet = new LimitPlanet(1, [limit], isolates);
  const { windowMs } = limit;
  const admitted = new Map<number, number>();
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const pick = () => {
    let dice = planet.time.random() * sum;
    return planet.isolates.find((_, index) => (dice -= weights[index] ?? 0) < 0) ?? planet.isolates[0];
  };
  const ask = () => {
    const isolate = pick();
    if (isolate === undefined) throw new Error("expected an isolate");
    send(isolate, [askOf(limit)], ({ allowed }) => {
      const window = Math.floor(planet.time.now / windowMs);
      if (allowed) admitted.set(window, (admitted.get(window) ?? 0) + 1);
    });
    if (planet.time.now < windows * windowMs) planet.time.after(1_000 / perSecond, ask);
  };
  planet.time.after(0, ask);
  const calls: number[] = [0];
  for (let window = 0; window < windows; window += 1) {
    await planet.run(windowMs);
    calls.push(planet.isolates.reduce((total, isolate) => total + isolate.calls, 0));
  }
  return {
    admitted: Array.from({ length: windows - 2 }, (_, index) => admitted.get(index + 2) ?? 0),
    callsAWindow: calls.slice(3).map((total, index) => (total - (calls[index + 2] ?? 0)) / isolates.length),
  };
}

const mean = (values: readonly number[]) => values.reduce((total, value) => total + value, 0) / values.length;
const even = (count: number) => Array.from({ length: count }, () => 1);

describe("one key, a quota of a thousand a second", () => {
  const limit = inForce();

  test("L2 twenty thousand requests a second over 8 isolates: exactly the quota, for at most 4 calls an isolate", async () => {
    const told = await run(
      limit,
      Array.from({ length: 8 }, () => near(1)),
      { perSecond: 20_000, weights: even(8) },
      6,
    );
    expect(told.admitted).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(mean(told.callsAWindow)).toBeLessThanOrEqual(4);
  });

  test.each([
    ["1 isolate", [1]],
    ["8 isolates, even", even(8)],
    ["16 isolates, even", even(16)],
    ["16 isolates, one of them busy", [1_000, ...even(15)]],
    ["16 isolates, as Zipf has it", even(16).map((_, index) => 1 / (index + 1))],
  ])("L3 a fifth more demand than quota over %s: 98 of 100 tokens are admitted", async (_, weights) => {
    const isolates = weights.map(() => near(20));
    const told = await run(limit, isolates, { perSecond: 1_200, weights }, 10);
    console.log(
      `admitted ${told.admitted.join(" ")}; calls an isolate and window ${mean(told.callsAWindow).toFixed(2)}`,
    );
    expect(mean(told.admitted)).toBeGreaterThanOrEqual(980);
    expect(mean(told.callsAWindow)).toBeLessThanOrEqual(5);
  });
});

test("L2 a client of 2 requests a second against 200 costs at most 60 calls in ten minutes", async () => {
  const limit = inForce({ quota: 200 });
  using planet = new LimitPlanet(1, [limit], [near(10)]);
  const [isolate] = planet.isolates;
  if (isolate === undefined) throw new Error("expected an isolate");
  let allowed = 0;
  const ask = () => {
    send(isolate, [askOf(limit)], (taken) => (allowed += taken.allowed ? 1 : 0));
    if (planet.time.now < 600_000) planet.time.after(500, ask);
  };
  planet.time.after(0, ask);
  await planet.run(600_000);
  console.log(`${allowed} requests, ${isolate.calls} calls`);
  expect(allowed).toBeGreaterThanOrEqual(1_200);
  expect(isolate.calls).toBeLessThanOrEqual(60);
});

test.each([
  ["awake", false],
  ["asleep whenever nobody calls for ten seconds", true],
])("L2 a client of a request a second costs at most a call in ten seconds, its object %s", async (_, maySleep) => {
  const limit = inForce({ quota: 200 });
  const [seconds, sleepsAfterMs] = [1_800, 10_000];
  using planet = new LimitPlanet(7, [limit], [near(10)]);
  const [isolate] = planet.isolates;
  if (isolate === undefined) throw new Error("expected an isolate");
  let [called, calledAt, sleeps] = [0, 0, 0];
  const ask = () => {
    if (isolate.calls > called) [called, calledAt] = [isolate.calls, planet.time.now];
    if (maySleep && planet.time.now - calledAt > sleepsAfterMs) {
      planet.crash();
      calledAt = planet.time.now;
      sleeps += 1;
    }
    send(isolate, [askOf(limit)], ({ allowed }) => expect(allowed).toBe(true));
    // At random moments, none of which knows of the others.
    if (planet.time.now < seconds * 1_000) planet.time.after(-Math.log(1 - planet.time.random()) * 1_000, ask);
  };
  planet.time.after(0, ask);
  await planet.run(seconds * 1_000);
  console.log(`${isolate.calls} calls in ${seconds} s, ${sleeps} sleeps`);
  expect(sleeps > seconds / 20).toBe(maySleep);
  expect(isolate.calls).toBeLessThanOrEqual(seconds / 10);
});
