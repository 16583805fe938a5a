/** What edges tell of allowed and refused requests adds up, whatever becomes of the calls that it rides on. */
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Budgets } from "../../durable-objects/limiter/budgets.ts";
import { count, noCounts, tell } from "../../workers/limit/counts.ts";
import type { Taken } from "../../workers/limit/taken.ts";
import { PermitWire } from "./limit-permit-wire.ts";
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

  test.each([
    ["enforced", new Wire(), {}],
    ["in shadow mode", new Wire(), { mode: "shadow" }],
    ["in a mesh whose limits are all in shadow mode", new Wire(true), {}],
  ] as const)("tell each refusal of a limit once: %s", async (_mode, wire, more) => {
    const limit = limitOf({ quota: 3, windowMs: minute, ...more });
    for (let index = 0; index < 10; index += 1) await wire.take(limit);
    await expectAllTold(wire, limit, 3, 7);
  });

  test("tell what was refused though something admitted was taken back after it was told", () => {
    const entry = { counts: noCounts };
    count(entry, "nearLimit");
    tell(entry);
    count(entry, "nearLimit", -1);
    for (let index = 0; index < 5; index += 1) count(entry, "refused");
    expect(tell(entry)).toEqual({ counts: { ...noCounts, refused: 5 } });
    for (let index = 0; index < 3; index += 1) count(entry, "nearLimit");
    expect(tell(entry)).toEqual({ counts: { allowed: 2, nearLimit: 2, refused: 0 } });
  });

  test.each<readonly [string, readonly Fault[]]>([
    ["silent", ["none", "silent", "silent"]],
    ["late", ["none", "late", "late"]],
  ])("L8 no request waits for a return that is %s", async (_what, faults) => {
    vi.useFakeTimers();
    const wire = new Wire();
    const limit = limitOf({ quota: 100, windowMs: minute, timeoutMs: 1_000 });
    for (let index = 0; index < 30; index += 1) {
      await wire.take(limit);
      wire.now += 10;
    }
    wire.faults.push(...faults);
    const answered = vi.fn();
    void wire.take(limit, 70).then(answered);
    await vi.advanceTimersByTimeAsync(30_000);
    vi.useRealTimers();
    expect(wire.faults).toEqual([]);
    expect(answered).toHaveBeenCalledOnce();
  });

  test("of permits are told again where a changed rule has not heard them", async () => {
    const limiters = new Map<string, Budgets>();
    const wire = new PermitWire({ passedMs: 0, timers: [], limiters });
    const other = wire.beside();
    const slots = limitOf({ name: "slots", algorithm: "concurrency", quota: 4, windowMs: 10_000 });
    const take = async (by: PermitWire) => (await by.take(slots)).stay?.leave();
    for (let index = 0; index < 10; index += 1) await take(wire);
    other.change(slots, 8);
    await take(other);
    // The next calls of both take along what was not told yet; what the last ones admit is told by none.
    for (let round = 0; round < 2; round += 1) {
      await wire.advance(minute);
      await take(wire);
      await take(other);
    }
    expect(limiters.get("slots")?.counts.allowed).toBe(13);
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
