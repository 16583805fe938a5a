/** What edges tell of allowed and refused requests adds up, whatever becomes of the calls that it rides on. */
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Taken } from "../../workers/limit/taken.ts";
import { limitOf, Wire, type Fault } from "./limit-wire.ts";

const minute = 60_000;

beforeEach(() => {
  vi.spyOn(console, "warn").mockReturnValue();
});

describe("counts of allowed and refused requests", () => {
  test.each<[string, readonly Fault[]]>([
    ["that nobody heard are told again", ["overloaded"]],
    ["that nobody heard twice are told again", ["fails", "fails"]],
    ["whose reply was lost are told once", ["loses the reply"]],
  ])("%s", async (_, faults) => {
    const wire = new Wire();
    const limit = limitOf({ quota: 10, windowMs: minute });
    await wire.take(limit);
    wire.faults.push(...faults);
    wire.now += minute;
    await wire.take(limit);
    await wire.settle();
    await expectAllTold(wire, limit, 1 + (faults[0] === "loses the reply" ? 1 : 0));
  });

  test("that are heard after all are told once", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 10, windowMs: minute });
    await wire.take(limit);
    wire.now += minute;
    wire.faults.push("late", "silent");
    vi.useFakeTimers();
    const waiting = wire.take(limit);
    await vi.advanceTimersByTimeAsync(1_500);
    vi.useRealTimers();
    expect(await waiting).toMatchObject({ answeredBy: "fallback" });
    wire.release();
    await wire.settle();
    await expectAllTold(wire, limit, 1);
  });

  test("that ride on a return which nobody heard are told again", async () => {
    vi.useFakeTimers();
    const wire = new Wire();
    wire.isPatient = true;
    const limit = limitOf({ quota: 1_000, windowMs: minute });
    await wire.take(limit, 450);
    for (let index = 0; index < 24; index += 1) {
      await vi.advanceTimersByTimeAsync(20);
      wire.now += 20;
      await wire.take(limit);
    }
    const { calls, charges } = wire;
    // What lies idle goes back.
    wire.faults.push("overloaded");
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    expect(wire.calls).toBeGreaterThan(calls);
    expect(wire.charges).toBe(charges);
    expect(wire.faults).toEqual([]);
    await expectAllTold(wire, limit, 25);
  });

  test("add up over any calls that fail", async () => {
    const fault = fc.constantFrom<Fault>("none", "none", "fails", "overloaded");
    const step = fc.record({ cost: fc.integer({ min: 1, max: 4 }), onMs: fc.constantFrom(0, 1, 300, minute), fault });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const wire = new Wire();
        const limit = limitOf({ quota: 12, windowMs: minute });
        const seen: Taken[] = [];
        for (const { cost, onMs, fault: next } of steps) {
          wire.now += onMs;
          wire.faults.push(next);
          seen.push(await wire.take(limit, cost));
          await wire.settle();
        }
        const counted = seen.filter(({ answeredBy }) => answeredBy !== "fallback");
        const allowed = counted.filter((taken) => taken.allowed).length;
        await expectAllTold(wire, limit, allowed, counted.length - allowed);
      }),
    );
  });
});

/** The next call takes along what was not told yet. */
async function expectAllTold(wire: Wire, limit: ReturnType<typeof limitOf>, allowed: number, refused = 0) {
  wire.faults.length = 0;
  wire.now += 10 * minute;
  expect(await wire.take(limit)).toMatchObject({ answeredBy: "limiter" });
  expect(wire.limiter(limit.name).counts).toMatchObject({ allowed, refused });
}
