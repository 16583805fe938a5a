import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LimitInForce } from "../../workers/limit/taken.ts";
import { PermitWire } from "./limit-permit-wire.ts";
import { limitOf } from "./limit-wire.ts";

const slots = limitOf({ name: "slots", algorithm: "concurrency", quota: 4, windowMs: 10_000 });

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  vi.spyOn(console, "log").mockImplementation(() => undefined);
});
afterEach(() => void vi.restoreAllMocks());

async function takeMany(wire: PermitWire, count: number, limit: LimitInForce = slots) {
  return Promise.all(Array.from({ length: count }, () => wire.take(limit)));
}

describe("permits are shared by an isolate's requests", () => {
  test("L1 of ten at once as many are let in as there are permits, by two calls, and the rest is refused", async () => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 10);
    expect(all.filter(({ allowed }) => allowed)).toHaveLength(4);
    expect(wire.holds).toBeLessThanOrEqual(2);
    const refused = all.find(({ allowed }) => !allowed)?.taken[0];
    expect(refused).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1_000 });
  });

  test("what one leaves the next one takes, without a call", async () => {
    const wire = new PermitWire();
    for (let index = 0; index < 20; index += 1) {
      const { stay } = await wire.take(slots);
      stay?.leave();
    }
    expect(wire.holds).toBe(1);
  });

  test("L4 leaving twice frees one permit", async () => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 4);
    all[0]?.stay?.leave();
    all[0]?.stay?.leave();
    expect((await takeMany(wire, 2)).filter(({ allowed }) => allowed)).toHaveLength(1);
  });

  test("a permit is held until the gate and every call to the upstream have left", async () => {
    const wire = new PermitWire();
    const [one] = await takeMany(wire, 4);
    const leave = one?.stay?.enter();
    one?.stay?.leave();
    expect((await wire.take(slots)).allowed).toBe(false);
    leave?.();
    expect((await wire.take(slots)).allowed).toBe(true);
  });

  test("L2 a flood on a used-up budget costs at most one call a pause", async () => {
    const wire = new PermitWire();
    await takeMany(wire, 4);
    const before = wire.holds;
    for (let ms = 0; ms < 5_000; ms += 10) {
      await wire.advance(10);
      expect((await wire.take(slots)).allowed).toBe(false);
    }
    // Renewals of what runs are among them.
    expect(wire.holds - before).toBeLessThanOrEqual(12);
  });

  test("permits that lie idle go back, and another isolate has them", async () => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 4);
    const other = wire.beside();
    expect((await other.take(slots)).allowed).toBe(false);
    for (const { stay } of all) stay?.leave();
    await wire.advance(1_200);
    expect((await takeMany(other, 4)).every(({ allowed }) => allowed)).toBe(true);
  });

  test("L7 budgets without anything that runs make room for others", async () => {
    const wire = new PermitWire();
    for (let index = 0; index < 10_200; index += 1) {
      const { stay } = await wire.take(slots, `budget ${index}`);
      stay?.leave();
    }
    expect(wire.desk.load.entries).toBeLessThanOrEqual(10_000);
  });
});

describe("while requests run", () => {
  test("their permits are renewed well before the end, one call at a time for all of them", async () => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 4);
    const before = wire.holds;
    await wire.advance(60_000);
    expect(all.some(({ stay }) => stay?.isOver)).toBe(false);
    expect(wire.holds - before).toBeGreaterThanOrEqual(15);
    expect(wire.holds - before).toBeLessThanOrEqual(20);
    expect(wire.used(slots)).toBe(4);
  });

  test("L8 when the limiter goes away they are ended before the permit is, and new ones are refused by then", async () => {
    const wire = new PermitWire();
    const [one] = await takeMany(wire, 1);
    wire.isAway = true;
    await wire.advance(9_000);
    expect(one?.stay?.isOver).toBe(false);
    await wire.advance(900);
    expect(one?.stay?.isOver).toBe(true);
    expect((await wire.take(slots)).taken[0]).toMatchObject({ allowed: false, answeredBy: "fallback" });
  });

  test.each([
    ["open", limitOf({ ...slots, onError: "open" })],
    ["in shadow mode", limitOf({ ...slots, mode: "shadow" })],
  ])("L8 under a limit that is %s nothing is ended or refused", async (_, limit) => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 4, limit);
    wire.isAway = true;
    await wire.advance(30_000);
    expect(all.some(({ stay }) => stay?.isOver)).toBe(false);
    expect((await wire.take(limit)).allowed).toBe(true);
  });

  test("L8 a limiter that comes back in time ends nothing, and the lost calls leave nothing behind", async () => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 4);
    for (let round = 0; round < 5; round += 1) {
      wire.isAway = true;
      await wire.advance(5_000);
      wire.isAway = false;
      await wire.advance(5_000);
    }
    expect(all.some(({ stay }) => stay?.isOver)).toBe(false);
    for (const { stay } of all) stay?.leave();
    await wire.advance(1_200);
    expect(wire.used(slots)).toBe(0);
  });

  test("a clock that is set back ends nothing: the permits are renewed", async () => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 4);
    await wire.advance(2_000);
    wire.setBack(60_000);
    await wire.advance(30_000);
    expect(all.some(({ stay }) => stay?.isOver)).toBe(false);
    expect((await wire.take(slots)).allowed).toBe(false);
  });

  test("a request whose context died without a word is forgotten when its permit ends", async () => {
    const wire = new PermitWire();
    const dying = wire.beside();
    const all = await takeMany(dying, 3);
    const [last] = await takeMany(dying, 1);
    dying.kill(all.flatMap(({ stay }) => (stay === null ? [] : [stay])));
    await dying.advance(14_000);
    expect(last?.stay?.isOver).toBe(false);
    expect((await takeMany(dying, 3)).every(({ allowed }) => allowed)).toBe(true);
  });
});

describe("a live change", () => {
  test("L6 a lower quota ends nothing that runs, and lets nobody in until there is room under it", async () => {
    const wire = new PermitWire();
    const all = await takeMany(wire, 4);
    wire.change(slots, 2);
    expect((await wire.take(slots)).allowed).toBe(false);
    for (const { stay } of all.slice(0, 2)) stay?.leave();
    await wire.advance(1_200);
    expect((await wire.take(slots)).allowed).toBe(false);
    all[2]?.stay?.leave();
    await wire.advance(1_200);
    expect((await wire.take(slots)).allowed).toBe(true);
    expect(all[3]?.stay?.isOver).toBe(false);
  });

  test("L6 a limiter that knows of a newer rule tells it, and the request is decided by that one", async () => {
    const wire = new PermitWire();
    wire.change(slots, 1);
    const other = wire.beside();
    expect((await wire.take(slots)).allowed).toBe(true);
    expect((await other.take(slots)).allowed).toBe(false);
  });

  test("an unlimited quota needs no permit, also for what runs already", async () => {
    const wire = new PermitWire();
    const [one] = await takeMany(wire, 1);
    wire.change(slots, "unlimited");
    wire.isAway = true;
    await wire.advance(30_000);
    expect(one?.stay?.isOver).toBe(false);
    expect(await wire.take(slots)).toMatchObject({ allowed: true, stay: null });
  });
});

describe("several limits", () => {
  const few = limitOf({ ...slots, name: "few", quota: 1 });

  test("L4 what one gave is free again when another refuses, and nobody else must wait for it", async () => {
    const wire = new PermitWire();
    const first = await wire.take(few);
    const refused = await wire.takeAll([slots, few]);
    expect(refused).toMatchObject({ allowed: false, stay: null });
    expect(refused.taken[0]).toBeNull();
    expect((await takeMany(wire, 4)).every(({ allowed }) => allowed)).toBe(true);
    first.stay?.leave();
  });

  test("a quota of 0 refuses for ever, without a call", async () => {
    const wire = new PermitWire();
    const refused = await wire.take(limitOf({ ...slots, quota: 0 }));
    expect(refused.taken[0]).toMatchObject({ allowed: false });
    expect(refused.taken[0]).not.toHaveProperty("retryAfterMs");
    expect(wire.holds).toBe(0);
  });
});
