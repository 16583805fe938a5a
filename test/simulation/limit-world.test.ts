/**
 * L1 and L2 over the whole world: nine regions, 300 isolates, published round trips, and beside the real desks and
 * limiters what is usually done instead, on the same requests. `LONG=1` (npm run test:long): 50 000 requests a second.
 */
import { afterAll, describe, expect, test } from "vitest";
import { isLongRun } from "../support/long-run.ts";
import { contest, type ContestSettings, type Outcome } from "./limit-contest.ts";
import { tableOf } from "./limit-score.ts";
import { measuredAt } from "./round-trips.ts";

const timeout = 1_800_000;
const seed = Math.floor(Math.random() * 1_000_000_000);
const minute = 60_000;

/** As in the world at large, a hundredth of all requests is more than one budget may have. */
const quotaPart = 1 / 100;

interface Scale {
  readonly perSecond: number;
  readonly warmUpMs: number;
  readonly forMs: number;
}

const told: string[] = [];
afterAll(() => {
  const places = Object.values(measuredAt).join(", ");
  console.log(`seed ${seed}; round trips between ${places}\n\n${told.join("\n\n")}`);
});

async function run(
  what: string,
  { algorithm, windowMs }: { readonly algorithm: "fixed-window" | "sliding-window" | "token-bucket"; windowMs: number },
  usual: Scale,
  long: Scale,
  spread: ContestSettings["spread"] = "connections",
): Promise<Outcome> {
  const { perSecond, warmUpMs, forMs } = isLongRun ? long : usual;
  const quota = (perSecond * quotaPart * windowMs) / 1_000;
  const outcome = await contest({
    seed,
    budgets: 10_000,
    exponent: 1.05,
    perSecond,
    spread,
    limit: { algorithm, quota, windowMs, burst: quota },
    warmUpMs,
    forMs,
  });
  const { ours, eachAlone, perRegion, ninths, rowsWritten, objects } = outcome;
  const rate = `${perSecond} requests a second, quota ${quota} in ${windowMs} ms`;
  const asked = `${ours.requests} requests in ${forMs / 1_000} s after ${warmUpMs / 1_000}`;
  const title = `${what}: ${rate}; ${asked}; ${rowsWritten} rows written in ${objects} objects`;
  told.push(`${title}\n${tableOf([ours, eachAlone, perRegion, ninths])}`);
  return outcome;
}

/** Whatever the algorithm: what is exact is exact, and what counts for itself in each region is not, or wastes. */
function expectOnlyRegionsOvershoot({ ours, eachAlone, perRegion, ninths }: Outcome): void {
  expect(ours.overshoot).toBe(0);
  expect(eachAlone.overshoot).toBe(0);
  expect(perRegion.overshoot).toBeGreaterThan(0.5);
  expect(ninths.overshoot).toBe(0);
}

interface Wanted {
  readonly mostCallsARequest: number;
  readonly leastUsed: number;
}

function expectQuickAndThrifty({ ours, eachAlone, ninths }: Outcome, { mostCallsARequest, leastUsed }: Wanted): void {
  expect(ours.callsARequest).toBeLessThanOrEqual(mostCallsARequest);
  expect(ours.utilisation).toBeGreaterThanOrEqual(leastUsed);
  expect(ninths.utilisation).toBeLessThan(leastUsed);
  // Even from within its region, each request waits for the object.
  expect(eachAlone.p50Ms).toBeGreaterThan(5);
}

describe("300 isolates in nine regions, 10^4 budgets as Zipf has them", () => {
  test(
    "L1 L2 fixed windows of a second: most requests wait for nobody, and no window is exceeded",
    { timeout },
    async () => {
      const outcome = await run(
        "fixed windows of a second",
        { algorithm: "fixed-window", windowMs: 1_000 },
        { perSecond: 50_000, warmUpMs: 2_000, forMs: 3_000 },
        { perSecond: 50_000, warmUpMs: 5_000, forMs: 30_000 },
      );
      expectOnlyRegionsOvershoot(outcome);
      expectQuickAndThrifty(outcome, { mostCallsARequest: 0.35, leastUsed: 0.97 });
      expect(outcome.ours.p50Ms).toBe(0);
      // The busiest object would be asked far more often than one can answer.
      expect(outcome.ours.busiestASecond).toBeLessThan(1_000);
      expect(outcome.eachAlone.busiestASecond).toBeGreaterThan(5_000);
    },
  );

  test(
    "L1 where every request may come to any isolate, calls are many, and no window is exceeded",
    { timeout },
    async () => {
      const outcome = await run(
        "the same, scattered",
        { algorithm: "fixed-window", windowMs: 1_000 },
        { perSecond: 10_000, warmUpMs: 1_000, forMs: 3_000 },
        { perSecond: 50_000, warmUpMs: 5_000, forMs: 10_000 },
        "scattered",
      );
      expectOnlyRegionsOvershoot(outcome);
      expect(outcome.perRegion.overshoot).toBeGreaterThan(4);
      expect(outcome.ours.callsARequest).toBeLessThan(1);
      expect(outcome.ours.utilisation).toBeGreaterThanOrEqual(0.97);
    },
  );

  test(
    "L1 L2 fixed windows of a minute: most requests wait for nobody, and no window is exceeded",
    { timeout },
    async () => {
      const outcome = await run(
        "fixed windows of a minute",
        { algorithm: "fixed-window", windowMs: minute },
        { perSecond: 2_000, warmUpMs: minute, forMs: minute },
        { perSecond: 50_000, warmUpMs: minute, forMs: 4 * minute },
      );
      expectOnlyRegionsOvershoot(outcome);
      expectQuickAndThrifty(outcome, { mostCallsARequest: 0.15, leastUsed: 0.95 });
      expect(outcome.ours.p50Ms).toBe(0);
    },
  );

  test("L1 L2 a sliding minute: most requests wait for nobody, and no interval is exceeded", { timeout }, async () => {
    const outcome = await run(
      "a sliding minute",
      { algorithm: "sliding-window", windowMs: minute },
      { perSecond: 2_000, warmUpMs: minute, forMs: minute / 2 },
      { perSecond: 20_000, warmUpMs: minute, forMs: 2 * minute },
    );
    expectOnlyRegionsOvershoot(outcome);
    expectQuickAndThrifty(outcome, { mostCallsARequest: 0.5, leastUsed: 0.94 });
    expect(outcome.ours.p50Ms).toBe(0);
  });

  test("L1 L2 buckets: no line is crossed, for about half as many calls as requests", { timeout }, async () => {
    const outcome = await run(
      "a bucket that fills in a minute",
      { algorithm: "token-bucket", windowMs: minute },
      { perSecond: 2_000, warmUpMs: minute, forMs: minute / 2 },
      { perSecond: 20_000, warmUpMs: minute, forMs: 2 * minute },
    );
    expectOnlyRegionsOvershoot(outcome);
    expectQuickAndThrifty(outcome, { mostCallsARequest: 0.6, leastUsed: 0.94 });
    expect(outcome.ours.p50Ms).toBeLessThanOrEqual(outcome.eachAlone.p50Ms);
  });
});
