/** What a desk does while it is not sure that the rules it knows still hold. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chargeRest } from "../../workers/limit/afterwards.ts";
import { DenyTable } from "../../workers/limit/deny-table.ts";
import { LimitDesk } from "../../workers/limit/limit-desk.ts";
import type { Rules } from "../../workers/limit/rules.ts";
import type { LimitInForce, Taken } from "../../workers/limit/taken.ts";
import { askOf, limitOf, Wire } from "./limit-wire.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Rules that are current, or are being renewed, as a test says. */
class RulesDouble implements Rules {
  renewal: Promise<boolean> | null = null;
  /** How often they were looked at. */
  looks = 0;
  limit: LimitInForce;

  constructor(limit: LimitInForce) {
    this.limit = limit;
  }

  find(): LimitInForce {
    return this.limit;
  }

  all(): ReadonlyMap<string, LimitInForce> {
    return new Map([[this.limit.name, this.limit]]);
  }

  current(): true | Promise<boolean> {
    this.looks += 1;
    return this.renewal ?? true;
  }

  hear(): void {}

  resets(): number {
    return 0;
  }
}

const filed = limitOf({ quota: 5_000 });
const changed = limitOf({
  quota: 2,
  version: { epoch: "e", seq: 9, change: { limit: "reads", quota: 2, by: "admin", since: 1 } },
});

function deskOf(limit: LimitInForce) {
  const rules = new RulesDouble(limit);
  const wire = new Wire();
  const desk = new LimitDesk({
    rules,
    limiter: wire.port,
    denials: (seed) => new DenyTable(seed),
    isAllShadow: false,
    clock: () => wire.now,
    wait: () => new Promise(() => undefined),
  });
  const ask = () => desk.take([askOf(rules.limit)], wire.context);
  /** In a ms of its own. */
  const take = async (): Promise<Taken | null | undefined> => {
    wire.now += 1;
    return (await ask()).taken[0];
  };
  return { rules, wire, desk, ask, take };
}

test("L6 while the rules are current nobody waits for what is leased", async () => {
  const { rules, wire, ask, take } = deskOf(filed);
  await take();
  wire.now += 1;
  for (let index = 0; index < 10; index += 1) expect(ask()).not.toBeInstanceOf(Promise);
  expect(rules.looks).toBe(2);
});

test("L6 rules that may be old are renewed before anything is spent, and what is told is told of the new ones", async () => {
  const { rules, wire, ask, take } = deskOf(filed);
  await take();
  wire.now += 1;
  const renewed = Promise.withResolvers<boolean>();
  rules.renewal = renewed.promise;
  const waiting = ask();
  rules.limit = changed;
  rules.renewal = null;
  renewed.resolve(true);
  const { taken, asks } = await waiting;
  expect(taken).toMatchObject([{ quota: 2, answeredBy: "limiter" }]);
  expect(asks?.map(({ limit }) => limit)).toEqual([changed]);
  await wire.settle();
  // What was leased under the file's quota went back.
  expect(wire.used(changed, "b")).toBe(2);
});

test("L6 where they cannot be renewed requests go by what is known, and one in a second waits for that", async () => {
  const { rules, wire, ask, take } = deskOf(filed);
  await take();
  wire.now += 1;
  rules.renewal = new Promise(() => undefined);
  const first = ask();
  expect(first).toBeInstanceOf(Promise);
  await vi.advanceTimersByTimeAsync(500);
  expect((await first).taken).toMatchObject([{ allowed: true, answeredBy: "lease" }]);
  const { looks } = rules;
  for (let index = 0; index < 10; index += 1) expect(ask()).not.toBeInstanceOf(Promise);
  expect(rules.looks).toBe(looks);

  wire.now += 1_000;
  const [next, others] = [ask(), [ask(), ask()]];
  expect(next).toBeInstanceOf(Promise);
  for (const other of others) expect(other).not.toBeInstanceOf(Promise);
  expect(rules.looks).toBe(looks + 1);
  await vi.advanceTimersByTimeAsync(500);
  await next;

  rules.renewal = Promise.resolve(false);
  wire.now += 1_000;
  expect((await ask()).taken).toMatchObject([{ answeredBy: "lease" }]);
  expect(ask()).not.toBeInstanceOf(Promise);

  // They are current again: from then on they are looked at every time.
  rules.renewal = null;
  wire.now += 1_000;
  const { looks: before } = rules;
  for (let index = 0; index < 10; index += 1) {
    expect(ask()).not.toBeInstanceOf(Promise);
    wire.now += 1;
  }
  expect(rules.looks).toBe(before + 10);
  // And when they are to be renewed the next time, all wait.
  rules.renewal = Promise.resolve(true);
  const both = [ask(), ask()];
  for (const each of both) expect(each).toBeInstanceOf(Promise);
  for (const each of both) await each;
});

test("L6 after a clock is set back the rules are looked at, whatever was in vain before", async () => {
  const { rules, wire, ask, take } = deskOf(filed);
  await take();
  wire.now += 1;
  rules.renewal = Promise.resolve(false);
  await ask();
  const { looks } = rules;
  wire.now -= 3_600_000;
  await ask();
  expect(rules.looks).toBe(looks + 1);
});

test("L6 a lease that comes after its rule was changed is not spent, and goes back", async () => {
  const { rules, wire, take } = deskOf(filed);
  wire.faults.push("late");
  const older = take();
  await wire.settle();
  rules.limit = changed;
  const newer = take();
  await wire.settle();
  wire.release();
  expect(await older).toMatchObject({ allowed: true, quota: 5_000 });
  expect(await newer).toMatchObject({ allowed: true, quota: 2, answeredBy: "limiter" });
  await wire.settle();
  expect(wire.used(changed, "b")).toBe(2);
});

test("work that cost more than was taken is charged under the rule of now", async () => {
  const { rules, wire, desk, take } = deskOf(filed);
  const earlier = rules.limit;
  await take();
  rules.limit = changed;
  await take();
  chargeRest(desk, askOf(earlier, 500), wire.context);
  await wire.settle();
  expect(wire.used(changed, "b")).toBeGreaterThanOrEqual(500);
});
