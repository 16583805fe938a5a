import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Limit } from "../../workers/config/mesh.ts";
import type { Taken } from "../../workers/limit/limit-desk.ts";
import { limitOf, startOfWindow, Wire } from "./limit-wire.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  vi.spyOn(console, "log").mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function take(wire: Wire, limit: Limit, cost = 1, passMs = 0): Promise<Taken> {
  const asked = Promise.resolve(wire.desk.take(limit, "b", cost, wire.context, wire.now));
  await vi.advanceTimersByTimeAsync(passMs);
  return asked;
}

describe("what needs no call", () => {
  test("a quota of 0 admits nothing and an unlimited one everything, without a call", async () => {
    const wire = new Wire();
    expect(await take(wire, limitOf({ quota: 0 }))).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfterMs: 60_000,
    });
    expect(await take(wire, limitOf({ quota: "unlimited" }), 1_000_000)).toMatchObject({ allowed: true });
    expect(wire.calls).toBe(0);
  });

  test("L2 a flood on a refused budget is answered from the deny cache until the window ends", async () => {
    const wire = new Wire();
    const limit = limitOf();
    for (let index = 0; index < 3; index += 1) expect((await take(wire, limit)).allowed).toBe(true);
    expect(await take(wire, limit)).toMatchObject({
      allowed: false,
      answeredBy: "limiter",
      remaining: 0,
      retryAfterMs: 60_000,
    });
    for (let index = 0; index < 1_000; index += 1) {
      wire.now = startOfWindow + index * 50;
      expect(await take(wire, limit)).toMatchObject({
        allowed: false,
        answeredBy: "deny_cache",
        retryAfterMs: 60_000 - index * 50,
      });
    }
    expect(wire.calls).toBe(4);
    wire.now = startOfWindow + 60_000;
    expect(await take(wire, limit)).toMatchObject({ allowed: true, answeredBy: "limiter" });
  });

  test("a cost that was left still goes to the limiter, and tokens given back are asked for again", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 3 });
    const first = await take(wire, limit, 2);
    expect((await take(wire, limit, 2)).allowed).toBe(false);
    expect(await take(wire, limit, 1)).toMatchObject({ allowed: true, remaining: 0 });
    wire.desk.giveBack(limit, "b", first, wire.context);
    await wire.settle();
    expect(await take(wire, limit, 2)).toMatchObject({ allowed: true, remaining: 0, answeredBy: "limiter" });
  });
});

describe("L8 a limiter that cannot be reached", () => {
  test("L8 a lost reply is asked for again, and tokens move once", async () => {
    const wire = new Wire();
    wire.faults.push("loses the reply");
    expect(await take(wire, limitOf())).toMatchObject({ allowed: true, remaining: 2, answeredBy: "limiter" });
    expect(wire.calls).toBe(2);
    expect(wire.used(limitOf(), "b")).toBe(1);
  });

  test("L8 a silent attempt is followed by another one before the deadline", async () => {
    const wire = new Wire();
    wire.faults.push("silent");
    expect(await take(wire, limitOf(), 1, 400)).toMatchObject({ allowed: true, answeredBy: "limiter" });
    expect(wire.used(limitOf(), "b")).toBe(1);
  });

  test.each([
    ["fails", "fails", 0],
    ["silent", "silent", 1_000],
    ["fails", "silent", 1_000],
    ["silent", "fails", 1_000],
  ] as const)("L8 when it %s and then %s, the policy holds within a second", async (one, other, afterMs) => {
    for (const onError of ["closed", "open"] as const) {
      const wire = new Wire();
      wire.faults.push(one, other);
      const taken = await take(wire, limitOf({ onError }), 1, afterMs);
      expect(taken).toMatchObject({ allowed: onError === "open", answeredBy: "fallback", charged: null });
      expect(taken.retryAfterMs).toBe(onError === "open" ? undefined : 1_000);
      expect(wire.calls).toBe(2);
    }
  });

  test("L8 an overloaded limiter is not asked again", async () => {
    const wire = new Wire();
    wire.faults.push("overloaded");
    expect(await take(wire, limitOf())).toMatchObject({ allowed: false, answeredBy: "fallback" });
    expect(wire.calls).toBe(1);
  });

  test("L4 a charge that arrives after its request was refused goes back", async () => {
    const wire = new Wire();
    wire.faults.push("late", "silent");
    expect(await take(wire, limitOf(), 1, 1_000)).toMatchObject({ allowed: false, answeredBy: "fallback" });
    wire.release();
    await wire.settle();
    expect(wire.calls).toBe(3);
    expect(wire.used(limitOf(), "b")).toBe(0);
  });
});

describe("shadow mode", () => {
  test.each([
    ["of the limit", limitOf({ mode: "shadow" }), new Wire()],
    ["of the local mesh", limitOf(), new Wire("shadow")],
  ])("shadow mode %s counts, refuses nothing, and says what it would refuse", async (_, limit, wire) => {
    for (let index = 0; index < 5; index += 1) expect((await take(wire, limit)).allowed).toBe(true);
    expect(wire.used(limit, "b")).toBe(3);
    expect(console.log).toHaveBeenCalledWith({ event: "limit_would_refuse", limit: "reads" });
    const down = new Wire("shadow");
    down.faults.push("fails", "fails");
    expect(await take(down, limit)).toMatchObject({ allowed: true, answeredBy: "fallback" });
    expect((await take(down, limitOf({ quota: 0, mode: "shadow" }))).allowed).toBe(true);
  });
});

test("peeking looks and changes nothing, and tells when nobody can be asked", async () => {
  const wire = new Wire();
  const limit = limitOf();
  await take(wire, limit, 2);
  expect(await wire.desk.peek(limit, 3, "b")).toMatchObject({ used: 2, remaining: 1, quota: 3 });
  expect(await wire.desk.peek(limit, 3, "b")).toMatchObject({ used: 2, remaining: 1, quota: 3 });
  wire.faults.push("fails", "fails");
  expect(await wire.desk.peek(limit, 3, "b")).toBeNull();
});
