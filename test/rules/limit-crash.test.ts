/**
 * L5: what a crash of a limiter takes, and that it gives nothing back. The same life is lived twice, once with a crash
 * at its end; then both are looked at for a while.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { Rule, RuleVersion, SettleAnswer } from "../../durable-objects/limiter/contract.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { isLongRun } from "../support/long-run.ts";

const minute = 60_000;
const start = 1_000 * minute;
const numRuns = isLongRun ? 50_000 : 3_000;

interface Settings {
  readonly quota: number;
  readonly windowMs: number;
  readonly burst: number;
}

type Step =
  | { readonly kind: "charge"; readonly cost: number; readonly lease: number; readonly returned: number }
  | { readonly kind: "debt" | "reserve" | "settle"; readonly cost: number }
  | { readonly kind: "change" | "turn"; readonly settings: Settings }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "reset" | "crash" };

/** One budget of one limit, whose rule is changed as it goes. */
class Life {
  readonly ledger = new MemoryLedger();
  rule: Rule;
  now = start;
  readonly settled: SettleAnswer[] = [];
  #budgets = new Budgets(this.ledger);
  #ids = 0;

  constructor(algorithm: Rule["algorithm"], settings: Settings) {
    this.rule = { algorithm, name: "l", version: null, ...settings };
  }

  live(steps: readonly Step[]): this {
    for (const step of steps) this.#live(step);
    return this;
  }

  crash(): this {
    this.#budgets = new Budgets(this.ledger);
    return this;
  }

  charge(cost: number, more: { lease?: number; isDebt?: boolean; requestId?: string; budget?: string } = {}) {
    const { lease = 0, isDebt = false, requestId = `id-${(this.#ids += 1)}`, budget = "b" } = more;
    const ask = { cost, demand: cost, lease, paced: 0, nth: 1, window: 0, waitMs: 0, isDebt };
    return this.#budgets.charge({ v: 1, requestId, rule: this.rule, budget, ...ask }, this.now);
  }

  reserve(cost: number, reservation: string) {
    return this.#budgets.reserve({ v: 1, rule: this.rule, budget: "b", reservation, cost, ttlMs: 3_600_000 }, this.now);
  }

  settle(reservation: string, cost: number): SettleAnswer {
    return this.#budgets.settle({ v: 1, rule: this.rule, budget: "b", reservation, cost }, this.now);
  }

  giveBack(requestId: string, tokens: number): void {
    this.#budgets.giveBack({ v: 1, requestId, budget: "b", returned: tokens }, this.now);
  }

  reset(): void {
    this.#budgets.reset({ v: 1, rule: this.rule, budget: "b" }, this.now);
  }

  change(settings: Partial<Settings>): void {
    const seq = (this.rule.version?.seq ?? 0) + 1;
    const version: RuleVersion = { epoch: "e", seq, change: { limit: "l", by: "admin", since: seq, ...settings } };
    this.rule = { ...this.rule, ...settings, version };
  }

  remaining(afterMs = 0): number {
    return this.#budgets.peek({ v: 1, rule: this.rule, budget: "b" }, this.now + afterMs).remaining;
  }

  #live(step: Step): void {
    switch (step.kind) {
      case "charge": {
        const requestId = `charge-${(this.#ids += 1)}`;
        this.charge(step.cost, { lease: step.lease, requestId });
        if (step.returned > 0) this.giveBack(requestId, step.returned);
        return;
      }
      case "debt":
        return void this.charge(step.cost, { isDebt: true });
      case "reserve":
        return void this.reserve(step.cost, `r-${(this.#ids += 1)}`);
      case "settle":
        return void this.settled.push(this.settle(`r-${this.#ids}`, step.cost));
      case "change":
        this.change(step.settings);
        // Who asks brings the newest rule; that is how an object hears of it.
        return void this.charge(0);
      case "turn":
        // Two versions of the file are asked by in turns, and none of them is newer.
        this.rule = { ...this.rule, ...step.settings };
        return void this.charge(1);
      case "pass":
        this.now += step.ms;
        return;
      case "reset":
        return this.reset();
      case "crash":
        return void this.crash();
    }
  }
}

const settings = fc.record({
  quota: fc.constantFrom(1, 5, 20, 100, 1_600),
  windowMs: fc.constantFrom(1_000, 10_000, minute),
  burst: fc.constantFrom(1, 10, 100, 3_000),
});
const cost = fc.oneof(fc.nat(5), fc.nat(150));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("charge" as const), cost, lease: fc.nat(20), returned: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("debt" as const, "reserve", "settle"), cost }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("change" as const, "turn"), settings }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.oneof(fc.nat(300), fc.nat(2 * minute)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("reset" as const, "crash") }) },
);
const steps = fc.array(step, { maxLength: 25 });
const looks = [0, 1, 500, 1_000, 5_000, 12_000, minute, 2 * minute, 5 * minute, 30 * minute];

describe("L5 a crash", () => {
  test.each(["fixed-window", "sliding-window", "token-bucket"] as const)(
    "L5 gives nothing back of a %s, whatever was changed, owed, returned and lost before",
    { timeout: 600_000 },
    (algorithm) => {
      fc.assert(
        fc.property(settings, steps, (first, life) => {
          const whole = new Life(algorithm, first).live(life);
          const crashed = new Life(algorithm, first).live(life).crash();
          for (const afterMs of looks) {
            expect(crashed.remaining(afterMs), `${afterMs} ms after`).toBeLessThanOrEqual(whole.remaining(afterMs));
          }
        }),
        { numRuns },
      );
    },
  );

  test("L5 a bucket whose rate was lowered does not drain at the old one over a crash", () => {
    const life = new Life("token-bucket", { quota: 600, windowMs: minute, burst: 600 });
    for (let taken = 0; taken < 600; taken += 30) life.charge(30);
    life.change({ quota: 6 });
    expect(life.charge(50).kind).toBe("refused");
    life.now += minute;
    expect(life.remaining()).toBe(6);
    // A block of the new rule is one token.
    expect(life.crash().remaining()).toBe(5);
  });

  test("L5 a rate that is changed with every request costs a row in ten seconds, or so", () => {
    const life = new Life("token-bucket", { quota: 6_000, windowMs: minute, burst: 6_000 });
    life.charge(1_000);
    const { writes } = life.ledger;
    for (let index = 0; index < 600; index += 1) {
      life.rule = { ...life.rule, quota: index % 2 === 0 ? 4_000 : 6_000 };
      life.now += 50;
      life.charge(1);
    }
    expect(life.ledger.writes - writes).toBeLessThanOrEqual(30);
  });

  test.each([
    ["fixed-window", 1_000],
    ["fixed-window", minute],
    ["token-bucket", 1_000],
    ["token-bucket", minute],
  ] as const)("L5 a debt of a %s of %d ms is paid in full, also over a crash", (algorithm, windowMs) => {
    const life = new Life(algorithm, { quota: 16, windowMs, burst: 16 });
    life.charge(160, { isDebt: true });
    life.crash();
    life.now += 8 * windowMs;
    expect(life.charge(1).kind).toBe("refused");
    life.now += 12 * windowMs + 5_000;
    expect(life.charge(1).kind).toBe("granted");
  });

  test("L5 a short window's budget that had a row for its debt goes without one when that is paid", () => {
    const life = new Life("fixed-window", { quota: 1_600, windowMs: 1_000, burst: 0 });
    life.charge(5_000, { isDebt: true });
    expect(life.ledger.rows.size).toBe(1);
    life.now += 10_000;
    const { writes } = life.ledger;
    for (let index = 0; index < 1_000; index += 1) life.charge(1);
    expect(life.ledger.rows.size).toBe(0);
    expect(life.ledger.writes - writes).toBeLessThanOrEqual(4);
  });

  test("L5 a budget in its first block is as large after a change of the rule and a crash, though nobody asked", () => {
    const life = new Life("fixed-window", { quota: 1_600, windowMs: minute, burst: 0 });
    life.charge(100);
    life.charge(1, { budget: "one token is assumed anyway" });
    expect(life.ledger.rows.size).toBe(0);
    life.change({ quota: 160 });
    life.charge(1, { budget: "another" });
    expect(life.ledger.rows.size).toBe(1);
    expect(life.crash().remaining()).toBe(60);
  });
});

describe("L4 what was reserved before a crash", () => {
  test.each(["fixed-window", "sliding-window", "token-bucket"] as const)(
    "L4 comes back once and never into another window of a %s, however often and late it is settled",
    (algorithm) => {
      const late = fc.record({
        afterMs: fc.nat(2 * minute),
        crashes: fc.boolean(),
        cost: fc.nat(60),
        again: fc.nat(3),
      });
      const windowMs = fc.constantFrom(1_000, minute);
      fc.assert(
        fc.property(fc.array(late, { minLength: 1, maxLength: 6 }), windowMs, (settles, ms) => {
          const quota = 60;
          const life = new Life(algorithm, { quota, windowMs: ms, burst: quota });
          for (const [index, { afterMs, crashes, cost: used, again }] of settles.entries()) {
            const reserved = life.reserve(20, `r-${index}`).kind === "granted" ? 20 : 0;
            life.now += afterMs;
            life.charge(quota - 20);
            if (crashes) life.crash();
            const before = life.remaining();
            const first = life.settle(`r-${index}`, used);
            const after = life.remaining();
            expect(after - before).toBeLessThanOrEqual(Math.max(0, reserved - used));
            if (afterMs >= ms) expect(after).toBeLessThanOrEqual(before);
            for (let time = 0; time < again; time += 1) {
              if (time === 1) life.crash();
              const seen = life.remaining();
              expect(life.settle(`r-${index}`, used).kind).toBe(first.kind);
              life.giveBack(`r-${index}`, 20);
              expect(life.remaining()).toBeLessThanOrEqual(seen);
            }
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  test("L4 is charged once when it is asked for again after a crash", () => {
    const life = new Life("fixed-window", { quota: 160, windowMs: minute, burst: 0 });
    life.charge(40);
    life.reserve(60, "r");
    life.crash();
    const before = life.remaining();
    expect(life.reserve(60, "r")).toMatchObject({ kind: "granted", tokens: 60, lease: null, quota: 160 });
    expect(life.remaining()).toBe(before);
    expect(life.settle("r", 10)).toMatchObject({ kind: "settled", returned: 50 });
    expect(life.remaining()).toBe(before + 50);
  });

  test("L4 tells what came back: nothing once its window is over, and the same when it is asked again", () => {
    const life = new Life("fixed-window", { quota: 160, windowMs: minute, burst: 160 });
    life.reserve(100, "in time");
    life.reserve(50, "late");
    const inTime = life.settle("in time", 30);
    expect(inTime).toMatchObject({ kind: "settled", returned: 70, charged: 0 });
    life.now += minute;
    expect(life.settle("late", 30)).toMatchObject({ kind: "settled", returned: 0, charged: 0, remaining: 160 });
    life.crash();
    expect(life.settle("in time", 30)).toMatchObject({ kind: "settled", returned: 70 });
    expect(life.settle("late", 30)).toMatchObject({ kind: "settled", returned: 0 });
  });

  test.each(["fixed-window", "sliding-window", "token-bucket"] as const)(
    "L4 does not come back into a budget of a %s that was reset since",
    (algorithm) => {
      const life = new Life(algorithm, { quota: 160, windowMs: minute, burst: 160 });
      life.reserve(100, "r");
      life.reset();
      life.charge(150);
      life.settle("r", 0);
      expect(life.remaining()).toBe(10);
    },
  );
});
