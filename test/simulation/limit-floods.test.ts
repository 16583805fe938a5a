/** W1, L2 and L7: what floods cost, with the real desks and limiters in virtual time. */
import { describe, expect, test } from "vitest";
import { neighbourhoodOf } from "../../workers/limit/neighbourhood.ts";
import { networkOf } from "../../workers/limit/network.ts";
import type { Ask } from "../../workers/limit/taken.ts";
import { isLongRun } from "../support/long-run.ts";
import { afterAnHour, flood, type Flood } from "./limit-flood.ts";
import { askOf, inForce } from "./limit-planet.ts";

const million = 1_000_000;
const mebibyte = 1_048_576;
const mostEntries = 20_000;
const timeout = 1_800_000;

/**
 * USD a million. https://developers.cloudflare.com/workers/platform/pricing/ and
 * https://developers.cloudflare.com/durable-objects/platform/pricing/
 */
const price = { request: 0.3, call: 0.15, rowWritten: 1 } as const;
/**
 * Beside what its core writes and is asked, counted in the runtime: 18 rows for an object's tables, and for each of the
 * four alarms of an hour a call, a row that arms it and a row that says when it is due.
 */
const ofAnObject = { rows: 18 + 4 * 2, calls: 4 } as const;

/** What the flood cost, in the price of as many requests to a Worker that does nothing. */
function costOf({ world, calls }: Flood, requests: number): number {
  const objects = world.objects.size;
  const allCalls = calls + ofAnObject.calls * objects;
  const rows = world.rowsWritten + ofAnObject.rows * objects;
  return 1 + (allCalls * price.call + rows * price.rowWritten) / (requests * price.request);
}

/** Facts about the object, not rows of budgets: once, and then two about every five seconds. */
function factsOf({ world, seconds }: Flood): number {
  return world.objects.size * (1 + 2 * (1 + Math.ceil(seconds / 5)));
}

function tell(what: string, { world, calls, answers, seconds, heapGrewBytes }: Flood, requests: number): void {
  const told = Object.entries(answers).flatMap(([by, count]) => (count > 0 ? [`${by} ${count}`] : []));
  const entries = world.isolates.map(({ desk }) => desk.load.entries);
  const deniedMiB = deniedBytes(world).map((bytes) => (bytes / mebibyte).toFixed(2));
  console.log(
    `${what}: ${requests} requests in ${seconds} s at ${world.isolates.length} isolates: ${told.join(", ")}; ` +
      `${calls} calls, ${world.rowsWritten} rows written in ${world.objects.size} objects; ` +
      `${entries.join(" + ")} entries, refusals in ${deniedMiB.join(" + ")} MiB, ` +
      `heap + ${(heapGrewBytes / mebibyte).toFixed(0)} MiB`,
  );
}

function deniedBytes({ isolates }: Flood["world"]): readonly number[] {
  return isolates.map(({ denied }) => denied.reduce((sum, { bytes }) => sum + bytes, 0));
}

/** Within an hour: no object has anything, and an isolate no more than its book has room for. */
async function expectNothingIsLeft(flooded: Flood): Promise<void> {
  const { isolates } = flooded.world;
  const rest = await afterAnHour(flooded);
  console.log(`after an hour: ${rest.objects} objects, heap + ${(rest.heapGrewBytes / mebibyte).toFixed(1)} MiB`);
  expect(rest.objects).toBe(0);
  expect(rest.heapGrewBytes).toBeLessThanOrEqual(isolates.length * mostEntries * 1_024);
}

describe("a flood of requests on refused keys", () => {
  test("L2 L7 on a tenth as many keys costs one call for each isolate, key and window", { timeout }, async () => {
    const requests = isLongRun ? million : 300_000;
    const keys = requests / 10;
    const limit = inForce({ quota: 1, windowMs: 60_000 });
    const nth = (index: number) => ({
      isolate: Math.floor(index / keys) % 2,
      ask: askOf(limit, `key ${index % keys}`),
    });
    const flooded = await flood({ limit, regions: ["weur", "enam"], requests, nth });
    using world = flooded.world;
    tell(`${keys} refused keys`, flooded, requests);
    expect(flooded.answers["limiter allowed"] + flooded.answers["lease allowed"]).toBe(keys);
    expect(flooded.answers["deny_cache refused"]).toBeGreaterThanOrEqual(requests - 2 * keys);
    expect(flooded.calls).toBeLessThanOrEqual(2 * keys);
    expect(world.rowsWritten).toBeLessThanOrEqual(factsOf(flooded));
    for (const bytes of deniedBytes(world)) expect(bytes).toBeLessThanOrEqual(16 * mebibyte);
    for (const { desk } of world.isolates) expect(desk.load.entries).toBeLessThanOrEqual(mostEntries);
    expect(flooded.otherAnsweredBy).toBe("lease");
    await expectNothingIsLeft(flooded);
  });

  test.each([
    { windowMs: 60_000, mostCalls: 1 },
    // A call that waited for its window was sent before it began: what it teaches ends earlier.
    { windowMs: 1_000, mostCalls: 2 },
  ])(
    "L2 on one of them cost at most $mostCalls calls for each isolate and window of $windowMs ms",
    { timeout },
    async ({ windowMs, mostCalls }) => {
      const requests = isLongRun ? million : 200_000;
      const limit = inForce({ quota: 5, windowMs });
      const nth = (index: number) => ({ isolate: index % 4, ask: askOf(limit, "key") });
      const regions = ["weur", "weur", "enam", "oc"] as const;
      const flooded = await flood({ limit, regions, requests, nth });
      using world = flooded.world;
      tell(`one refused key, windows of ${windowMs} ms`, flooded, requests);
      // The last one has begun when the flood ends.
      const windows = Math.ceil((flooded.seconds * 1_000) / windowMs);
      expect(flooded.answers["limiter allowed"] + flooded.answers["lease allowed"]).toBeLessThanOrEqual(5 * windows);
      // Those that were admitted may have been asked for one by one.
      expect(flooded.calls).toBeLessThanOrEqual(mostCalls * regions.length * windows + 5);
      expect(world.rowsWritten).toBeLessThanOrEqual(factsOf(flooded) + 2);
      expect(flooded.otherAnsweredBy).toBe("lease");
    },
  );
});

describe("requests that each bring a fresh key", () => {
  const stranger = { identity: null };

  test("W1 L7 a million of one network are braked before any call", { timeout }, async () => {
    const limit = inForce({ by: [{ kind: "header", name: "x-key" }], quota: 100, windowMs: 60_000 });
    const neighbourhood = neighbourhoodOf(limit, { address: "2001:db8:1::7", ...stranger });
    expect(neighbourhood).not.toBeNull();
    const nth = (index: number) => ({ isolate: 0, ask: { ...askOf(limit, `key ${index}`), neighbourhood } });
    const flooded = await flood({ limit, regions: ["weur"], requests: million, nth });
    using world = flooded.world;
    tell("fresh keys of one network", flooded, million);
    const cells = 1 + Math.ceil(flooded.seconds / 10);
    expect(flooded.calls).toBeLessThanOrEqual(1_024 * cells);
    expect(flooded.answers["deny_cache refused"]).toBeGreaterThanOrEqual(million - 1_024 * cells);
    expect(world.rowsWritten).toBeLessThanOrEqual(factsOf(flooded));
    expect(costOf(flooded, million)).toBeLessThanOrEqual(1.1);
    expect(flooded.heapGrewBytes).toBeLessThanOrEqual(32 * mebibyte);
    expect(flooded.otherAnsweredBy).toBe("lease");
    await expectNothingIsLeft(flooded);
  });

  const fixed = { algorithm: "fixed-window", quota: 100, windowMs: 60_000 } as const;
  const rules = [fixed, { ...fixed, algorithm: "sliding-window" }] as const;
  const more = [
    { ...fixed, windowMs: 1_000 },
    { ...fixed, quota: 5 },
    { ...fixed, algorithm: "token-bucket", burst: 100 },
  ] as const;
  test.each(isLongRun ? [...rules, ...more] : rules)(
    "W1 L7 of as many networks as pass the brake they cost at most twice a bare Worker's: $algorithm, $quota in $windowMs ms",
    { timeout },
    async (rule) => {
      const requests = isLongRun ? million : 100_000;
      const limit = inForce({ by: [{ kind: "address" }], ...rule });
      const networks = requests / 500;
      const nth = (index: number) => {
        const hex = (part: number) => part.toString(16);
        const address = `2001:db8:${hex(index % networks)}:${hex(Math.floor(index / networks))}::1`;
        const ask: Ask = {
          ...askOf(limit, networkOf(address, limit.prefix)),
          neighbourhood: neighbourhoodOf(limit, { address, ...stranger }),
        };
        return { isolate: 0, ask };
      };
      const flooded = await flood({ limit, regions: ["weur"], requests, nth });
      using world = flooded.world;
      const cost = costOf(flooded, requests);
      tell(`fresh keys of ${networks} networks, ${cost.toFixed(2)} times a bare Worker's cost`, flooded, requests);
      expect(flooded.answers["limiter allowed"]).toBe(requests);
      expect(flooded.calls).toBeLessThanOrEqual(requests);
      expect(cost).toBeLessThanOrEqual(2);
      expect(world.rowsWritten).toBeLessThanOrEqual(factsOf(flooded));
      // Desk and limiters together; an object opens no more than 100 000 budgets.
      expect(flooded.heapGrewBytes).toBeLessThanOrEqual(requests * 2_048);
      expect(world.isolates[0]?.desk.load.entries).toBeLessThanOrEqual(mostEntries);
      expect(flooded.otherAnsweredBy).toBe("lease");
      await expectNothingIsLeft(flooded);
    },
  );
});
