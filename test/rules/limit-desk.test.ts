import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Quota, RuleVersion } from "../../durable-objects/limiter/contract.ts";
import { chargeRest } from "../../workers/limit/afterwards.ts";
import { quotaFor } from "../../workers/limit/quota.ts";
import { askOf, limitOf, startOfWindow, Wire } from "./limit-wire.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  vi.spyOn(console, "log").mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Takes while so much time passes. */
async function during<Answer>(asked: Promise<Answer>, passMs: number): Promise<Answer> {
  await vi.advanceTimersByTimeAsync(passMs);
  return asked;
}

describe("what needs no call", () => {
  test("a quota of 0 admits nothing and an unlimited one everything, without a call", async () => {
    const wire = new Wire();
    expect(await wire.take(limitOf({ quota: 0 }))).toMatchObject({ allowed: false, remaining: 0 });
    expect(await wire.take(limitOf({ name: "free", quota: "unlimited" }), 1_000_000)).toMatchObject({ allowed: true });
    expect(wire.calls).toBe(0);
  });

  test("L2 what is leased is spent without a call", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 5_000 });
    expect(await wire.take(limit)).toMatchObject({ allowed: true, answeredBy: "limiter" });
    for (let index = 0; index < 100; index += 1) {
      expect(await wire.take(limit)).toMatchObject({ allowed: true, answeredBy: "lease" });
    }
    expect(wire.charges).toBe(1);
  });

  test("R12 what remains never grows within a window for one who asks alone", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 200 });
    let last = Infinity;
    for (let index = 0; index < 220; index += 1) {
      wire.now += 7;
      const { remaining, allowed } = await wire.take(limit);
      expect(remaining).toBeLessThanOrEqual(last);
      expect(allowed).toBe(index < 200);
      last = remaining;
    }
  });

  test("L2 a flood on a refused budget is answered from the deny cache until shortly before the window ends", async () => {
    const wire = new Wire();
    const limit = limitOf();
    for (let index = 0; index < 3; index += 1) expect((await wire.take(limit)).allowed).toBe(true);
    expect(await wire.take(limit)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 60_000 });
    const { calls } = wire;
    for (let index = 0; index < 1_000; index += 1) {
      wire.now = startOfWindow + index * 59;
      const retryAfterMs = 60_000 - index * 59;
      const answer = await wire.take(limit);
      expect(answer).toMatchObject({ allowed: false, answeredBy: "deny_cache" });
      // What the table rounds, it rounds up.
      expect(answer.retryAfterMs).toBeGreaterThanOrEqual(retryAfterMs);
      expect(answer.retryAfterMs).toBeLessThan(retryAfterMs * 1.001 + 2);
    }
    expect(wire.calls).toBe(calls);
    wire.now = startOfWindow + 60_000;
    expect((await wire.take(limit)).allowed).toBe(true);
  });

  test("R16 a cost that was left still goes to the limiter", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 3 });
    await wire.take(limit, 2);
    expect((await wire.take(limit, 2)).allowed).toBe(false);
    expect(await wire.take(limit, 1)).toMatchObject({ allowed: true, remaining: 0 });
  });
});

describe("R18 one call at a time", () => {
  test("R18 a herd on a fresh budget makes one call after another, and all of it is answered", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 1_000 });
    const herd = await Promise.all(Array.from({ length: 400 }, () => wire.take(limit)));
    expect(herd.every(({ allowed }) => allowed)).toBe(true);
    expect(wire.charges).toBeLessThanOrEqual(2);
    expect(wire.used(limit, "b")).toBeGreaterThanOrEqual(400);
  });

  test("R18 a herd that is larger than the quota is admitted exactly to it", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 50 });
    const herd = await Promise.all(Array.from({ length: 300 }, () => wire.take(limit)));
    expect(herd.filter(({ allowed }) => allowed)).toHaveLength(50);
    expect(wire.charges).toBeLessThanOrEqual(4);
  });

  test("R18 when a call fails everybody who waits for it is told", async () => {
    const wire = new Wire();
    wire.faults.push("overloaded");
    const herd = await Promise.all(Array.from({ length: 50 }, () => wire.take(limitOf())));
    expect(herd.every(({ answeredBy }) => answeredBy === "fallback")).toBe(true);
    expect(wire.calls).toBe(1);
  });
});

describe("L8 a limiter that cannot be reached", () => {
  test("L8 a lost reply is asked for again, and tokens move once", async () => {
    const wire = new Wire();
    wire.faults.push("loses the reply");
    expect(await wire.take(limitOf())).toMatchObject({ allowed: true, answeredBy: "limiter" });
    expect(wire.calls).toBe(2);
    expect(wire.used(limitOf(), "b")).toBe(1);
  });

  test("L8 a silent attempt is followed by another one before the deadline", async () => {
    const wire = new Wire();
    wire.faults.push("silent");
    const limit = limitOf({ quota: 3, windowMs: 60_000 });
    const taken = await during(wire.take(limit), 800);
    expect(taken).toMatchObject({ allowed: true, answeredBy: "limiter" });
    expect(wire.used(limit, "b")).toBe(1);
  });

  test.each([
    ["fails", "fails"],
    ["silent", "silent"],
    ["fails", "silent"],
    ["silent", "fails"],
  ] as const)("L8 when it %s and then %s, the policy holds within its time", async (one, other) => {
    for (const onError of ["closed", "open", "leased"] as const) {
      const wire = new Wire();
      wire.faults.push(one, other);
      const taken = await during(wire.take(limitOf({ onError, timeoutMs: 200 })), 200 + 350 + 100);
      expect(taken).toMatchObject({ allowed: onError === "open", answeredBy: "fallback" });
      expect(taken.retryAfterMs).toBe(onError === "open" ? undefined : 1_000);
      expect(wire.calls).toBe(2);
    }
  });

  test("L8 what is leased is spent while the limiter is away; it is left alone between two attempts", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 1_000 });
    await wire.take(limit);
    wire.faults.push(...Array.from({ length: 40 }, () => "fails" as const));
    let leased = 0;
    for (let index = 0; index < 100; index += 1) if ((await wire.take(limit)).answeredBy === "lease") leased += 1;
    expect(leased).toBe(20);
    expect(wire.calls).toBe(3);
    wire.now += 600;
    expect((await wire.take(limit)).answeredBy).toBe("fallback");
    expect(wire.calls).toBe(5);
  });

  test("L8 leases that are renewed early bridge an outage", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 5_000, onError: "leased" });
    await wire.take(limit);
    for (let index = 0; index < 60; index += 1) {
      wire.now += 10;
      await wire.take(limit);
      await wire.settle();
    }
    expect(wire.charges).toBeGreaterThan(1);
    expect(await wire.take(limit)).toMatchObject({ answeredBy: "lease" });
  });

  test("L8 an overloaded limiter is not asked again", async () => {
    const wire = new Wire();
    wire.faults.push("overloaded");
    expect(await wire.take(limitOf())).toMatchObject({ allowed: false, answeredBy: "fallback" });
    expect(wire.calls).toBe(1);
  });

  test("L4 a charge that arrives after its request was refused goes back", async () => {
    const wire = new Wire();
    wire.faults.push("late", "silent");
    const taken = await during(wire.take(limitOf()), 1_500);
    expect(taken).toMatchObject({ allowed: false, answeredBy: "fallback" });
    wire.release();
    await wire.settle();
    expect(wire.calls).toBe(3);
    expect(wire.used(limitOf(), "b")).toBe(0);
  });
});

describe("L6 a changed rule", () => {
  const version: RuleVersion = { epoch: "e", seq: 9, change: { limit: "reads", quota: 2, by: "admin", since: 1 } };

  test("L6 an edge that has not heard of it learns it from the limiter and asks again", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 100 });
    await new Wire().take(limit);
    wire.limiter("reads").charge(
      {
        v: 1,
        requestId: "x",
        rule: { ...limit, quota: 2, version },
        budget: "other",
        cost: 1,
        demand: 1,
        lease: 0,
        paced: 0,
        nth: 1,
        window: 0,
        waitMs: 0,
      },
      wire.now,
    );
    expect(await wire.take(limit)).toMatchObject({ allowed: true, quota: 2 });
    expect(await wire.take(limit)).toMatchObject({ allowed: true, quota: 2 });
    expect(await wire.take(limit)).toMatchObject({ allowed: false, quota: 2 });
  });

  test("L6 what was leased under an older rule is not spent under a newer one, and goes back", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 5_000 });
    await wire.take(limit);
    expect(wire.used(limit, "b")).toBe(101);
    wire.limits.set("reads", { ...limit, quota: 2, version });
    expect(await wire.take(limit)).toMatchObject({ quota: 2, answeredBy: "limiter" });
    await wire.settle();
    expect(wire.used(limit, "b")).toBe(2);
  });
});

describe("clocks", () => {
  test("a step backward ends every lease", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 5_000 });
    await wire.take(limit);
    wire.now += 1_000;
    expect((await wire.take(limit)).answeredBy).toBe("lease");
    wire.now -= 1;
    expect((await wire.take(limit)).answeredBy).toBe("limiter");
  });

  test("R22 a clock that jumps an hour either way unlocks nothing", async () => {
    for (const jumpMs of [3_600_000, -3_600_000]) {
      const wire = new Wire();
      const limit = limitOf({ quota: 100, windowMs: 86_400_000 });
      wire.now = Math.ceil(startOfWindow / 86_400_000) * 86_400_000 + 7_200_000;
      let allowed = 0;
      for (let index = 0; index < 300; index += 1) {
        if (index === 50) wire.now += jumpMs;
        if ((await wire.take(limit)).allowed) allowed += 1;
        await wire.settle();
      }
      expect(allowed).toBeLessThanOrEqual(100);
      expect(allowed).toBeGreaterThanOrEqual(90);
    }
  });
});

describe("W1 fresh keys", () => {
  test("W1 a neighbourhood that brings too many budgets is refused before any call", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 100 });
    wire.limits.set("reads", limit);
    let braked = 0;
    for (let index = 0; index < 5_000; index += 1) {
      const { taken } = await wire.desk.take([askOf(limit, 1, `k${index}`, "2001:db8::/48")], wire.context);
      if (taken[0]?.answeredBy === "deny_cache") braked += 1;
    }
    expect(wire.charges).toBe(1_024);
    expect(braked).toBe(5_000 - 1_024);
    // Those who are known, and the neighbours of others, are not concerned.
    expect((await wire.take(limit, 1, "k5")).allowed).toBe(true);
    const elsewhere = await wire.desk.take([askOf(limit, 1, "new", "2001:db9::/48")], wire.context);
    expect(elsewhere.allowed).toBe(true);
  });

  test("L7 a million fresh keys evict no live lease", async () => {
    const wire = new Wire();
    const limit = limitOf({ quota: 5_000 });
    await wire.take(limit, 1, "mine");
    const flood = limitOf({ name: "flood", quota: 1, windowMs: 1_000 });
    wire.limits.set("flood", flood);
    for (let index = 0; index < 100_000; index += 1) {
      if (index % 1_000 === 0) wire.now += 20;
      await wire.desk.take([askOf(flood, 1, `k${index}`)], wire.context);
    }
    expect((await wire.take(limit, 1, "mine")).answeredBy).toBe("lease");
    expect(wire.desk.load.entries).toBeLessThanOrEqual(20_000);
  });
});

describe("shadow mode", () => {
  test.each([
    ["of the limit", limitOf({ mode: "shadow" }), new Wire()],
    ["of the local mesh", limitOf(), new Wire(true)],
  ])("shadow mode %s counts, refuses nothing, and says what it would refuse", async (_, limit, wire) => {
    for (let index = 0; index < 5; index += 1) expect((await wire.take(limit)).allowed).toBe(true);
    expect(wire.used(limit, "b")).toBe(3);
    expect(console.log).toHaveBeenCalledWith({ event: "limit_would_refuse", limit: "reads" });
    const down = new Wire(true);
    down.faults.push("fails", "fails");
    expect(await down.take(limit)).toMatchObject({ allowed: true, answeredBy: "fallback" });
    expect((await down.take(limitOf({ name: "none", quota: 0, mode: "shadow" }))).allowed).toBe(true);
  });
});

test("what one plan may is kept apart from what another may, though they share a budget", async () => {
  const wire = new Wire();
  const limit = limitOf({ quota: { claim: "plan", of: { pro: 1_000 }, else: 3 } });
  const ask = (plan: string, cost = 1) => ({
    ...askOf(limit, cost),
    amountOf: (quota: Quota) => quotaFor(quota, { claims: { plan } }),
  });
  const takeAs = async (plan: string, cost = 1) => (await wire.desk.take([ask(plan, cost)], wire.context)).taken[0];
  expect(await takeAs("pro", 10)).toMatchObject({ allowed: true, quota: 1_000 });
  // The budget has used more than the smaller plan's quota: that is refused, and the greater is not.
  for (let round = 0; round < 3; round += 1) {
    expect(await takeAs("free")).toMatchObject({ allowed: false, quota: 3 });
    expect(await takeAs("pro")).toMatchObject({ allowed: true, quota: 1_000 });
  }
  // What was leased to the greater plan is not spent by the smaller one.
  expect(await takeAs("free")).toMatchObject({ allowed: false, answeredBy: "deny_cache" });
});

test.each([50, 100, 1_000, 5_000])("L3 both halves of a quota of %i pass at one edge, and no more", async (quota) => {
  const wire = new Wire();
  const limit = limitOf({ quota });
  for (const allowed of [true, true, false]) expect(await wire.take(limit, quota / 2)).toMatchObject({ allowed });
});

test("L3 what is leased at an edge counts towards a dearer request there", async () => {
  const wire = new Wire();
  const limit = limitOf({ quota: 1_000 });
  for (let index = 0; index < 3; index += 1) expect(await wire.take(limit)).toMatchObject({ allowed: true });
  expect(await wire.take(limit, 997)).toMatchObject({ allowed: true, remaining: 0 });
  expect(await wire.take(limit)).toMatchObject({ allowed: false });
});

test("costs that are known only at the end are charged, also beyond the quota", async () => {
  const wire = new Wire();
  const limit = limitOf({ quota: 100 });
  await wire.take(limit, 10);
  chargeRest(wire.desk, askOf(limit, 500), wire.context);
  await wire.settle();
  expect(await wire.take(limit, 10)).toMatchObject({ allowed: false });
  expect(
    wire.limiter("reads").peek({ v: 1, rule: { ...limit, quota: 100 }, budget: "b" }, wire.now + 60_000).remaining,
  ).toBe(0);
});
