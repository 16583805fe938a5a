import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { ChargeAnswer, Rule } from "../../durable-objects/limiter/contract.ts";
import { blockOf } from "../../durable-objects/limiter/fixed-window.ts";
import { WindowShelf } from "../../durable-objects/limiter/window-shelf.ts";
import { MemoryLedger } from "./limit-histories.ts";

const minute = 60_000;
const start = 1_000 * minute;
const rule: Rule = { algorithm: "fixed-window", name: "l", version: 0, quota: 160, windowMs: minute };

class Desk {
  readonly ledger = new MemoryLedger();
  budgets = new Budgets(this.ledger);
  #ids = 0;

  charge(
    cost: number,
    now: number,
    more: { rule?: Rule; lease?: number; budget?: string; requestId?: string } = {},
  ): ChargeAnswer {
    this.#ids += 1;
    const { lease = 0, budget = "b", requestId = `id-${this.#ids}` } = more;
    const [answer] = this.budgets.charge(
      { v: 1, requestId, rule: more.rule ?? rule, charges: [{ budget, cost, lease }] },
      now,
    );
    if (answer === undefined) throw new Error("expected an answer");
    return answer;
  }

  giveBack(requestId: string, tokens: number, now: number, window = start): void {
    this.budgets.giveBack({ v: 1, requestId, returns: [{ budget: "b", window, tokens }] }, now);
  }

  remaining(now: number, of: Rule = rule): number {
    return this.budgets.peek({ rule: of, budget: "b" }, now).remaining;
  }

  crash(): void {
    this.budgets = new Budgets(this.ledger);
  }
}

describe("charges", () => {
  test("windows begin at the multiples of their length", () => {
    const desk = new Desk();
    expect(desk.charge(1, start + 12_345)).toMatchObject({ kind: "granted", window: start, resetMs: minute - 12_345 });
    expect(desk.charge(160, start + minute)).toMatchObject({
      kind: "granted",
      window: start + minute,
      resetMs: minute,
    });
  });

  test("L4 a refused charge costs nothing", () => {
    const desk = new Desk();
    desk.charge(100, start);
    const writes = desk.ledger.writes;
    expect(desk.charge(61, start)).toEqual({ kind: "refused", remaining: 60, resetMs: minute, quota: 160 });
    expect(desk.remaining(start)).toBe(60);
    expect(desk.ledger.writes).toBe(writes);
    expect(desk.charge(60, start)).toMatchObject({ kind: "granted", remaining: 0 });
  });

  test("a lease is what is wished for, as far as it is left, and is charged at once", () => {
    const desk = new Desk();
    expect(desk.charge(10, start, { lease: 100 })).toMatchObject({ leased: 100, remaining: 50 });
    expect(desk.charge(10, start, { lease: 100 })).toMatchObject({ leased: 40, remaining: 0 });
  });

  test("a retry with the same id gets the same answer and moves tokens once", () => {
    const desk = new Desk();
    const first = desk.charge(100, start, { requestId: "r" });
    expect(desk.charge(100, start, { requestId: "r" })).toEqual(first);
    expect(desk.charge(100, start + 1_000, { requestId: "r" })).toMatchObject({
      kind: "granted",
      resetMs: minute - 1_000,
    });
    expect(desk.remaining(start)).toBe(60);
    expect(() => desk.charge(1, start, { requestId: "r", budget: "other" })).toThrow("used before for other charges");
  });

  test("a quota of 0 admits nothing, not even a cost of 0", () => {
    const desk = new Desk();
    expect(desk.charge(0, start, { rule: { ...rule, quota: 0 } })).toMatchObject({ kind: "refused", remaining: 0 });
    expect(desk.charge(0, start)).toMatchObject({ kind: "granted", remaining: 160 });
  });

  test("numbers stay whole and never negative, up to the largest quota", () => {
    const desk = new Desk();
    const quota = Number.MAX_SAFE_INTEGER;
    const huge = { ...rule, quota };
    expect(desk.charge(1_000_000_000, start, { rule: huge, lease: 1_000_000_000 })).toMatchObject({
      remaining: quota - 2_000_000_000,
    });
    desk.crash();
    const after = desk.remaining(start, huge);
    expect(Number.isSafeInteger(after)).toBe(true);
    expect(after).toBeLessThanOrEqual(quota - 2_000_000_000);
  });
});

describe("giving back", () => {
  test("tokens come back once for each charge, and never more than it moved", () => {
    const desk = new Desk();
    desk.charge(50, start);
    desk.charge(20, start, { requestId: "r" });
    desk.giveBack("r", 1_000, start);
    expect(desk.remaining(start)).toBe(110);
    desk.giveBack("r", 1_000, start);
    expect(desk.remaining(start)).toBe(110);
  });

  test("L4 a refund never crosses a window", () => {
    const desk = new Desk();
    desk.charge(20, start, { requestId: "r" });
    desk.charge(20, start + minute);
    desk.giveBack("r", 20, start + minute);
    desk.giveBack("r", 20, start + minute, start + minute);
    expect(desk.remaining(start + minute)).toBe(140);
  });

  test("a return that comes again after a crash is not counted again", () => {
    const desk = new Desk();
    desk.charge(100, start, { requestId: "r" });
    desk.giveBack("r", 100, start);
    desk.charge(100, start);
    desk.crash();
    desk.giveBack("r", 100, start);
    expect(desk.remaining(start)).toBeLessThanOrEqual(60);
  });
});

describe("L5 a crash", () => {
  test("L5 costs at most one block of a durable window and gives nothing back, also after returns", () => {
    const step = fc.record({ cost: fc.nat(60), returned: fc.option(fc.nat(60)), crashes: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.array(step, { maxLength: 30 }), (quota, steps) => {
        const desk = new Desk();
        const of = { ...rule, quota };
        for (const [index, { cost, returned, crashes }] of steps.entries()) {
          const requestId = `step-${index}`;
          desk.charge(cost, start + index, { rule: of, requestId });
          if (returned !== null) desk.giveBack(requestId, returned, start + index);
          if (!crashes) continue;
          const before = desk.remaining(start + index, of);
          desk.crash();
          const after = desk.remaining(start + index, of);
          expect(after).toBeLessThanOrEqual(before);
          expect(before - after).toBeLessThanOrEqual(blockOf(quota));
        }
      }),
    );
  });

  test("L5 costs the rest of at most ten seconds where counts are in memory only", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 10_000 }), fc.nat(100_000), (windowMs, offset) => {
        const desk = new Desk();
        const of = { ...rule, windowMs };
        const crashedAt = start + offset;
        desk.charge(1, crashedAt, { rule: of });
        desk.crash();
        expect(desk.charge(1, crashedAt, { rule: of }).kind).toBe("refused");
        const { resetMs } = desk.charge(1, crashedAt, { rule: of });
        expect(resetMs).toBeLessThanOrEqual(10_000);
        expect(desk.charge(1, crashedAt + resetMs - 1, { rule: of }).kind).toBe("refused");
        expect(desk.charge(1, crashedAt + resetMs, { rule: of })).toMatchObject({ kind: "granted", remaining: 159 });
      }),
    );
  });

  test("a busy memory-only limit writes once in about five seconds, a durable one once a block", () => {
    const short = new Desk();
    for (let ms = 0; ms < minute; ms += 10) short.charge(1, start + ms, { rule: { ...rule, windowMs: 1_000 } });
    expect(short.ledger.writes).toBeLessThanOrEqual(13);
    const long = new Desk();
    for (let ms = 0; ms < 160; ms += 1) long.charge(1, start + ms);
    expect(long.ledger.writes).toBe(16);
  });
});

describe("rules and clocks", () => {
  test("the newest version holds for everybody, also after a crash", () => {
    const desk = new Desk();
    desk.charge(10, start, { rule: { ...rule, version: 7, quota: 20 } });
    desk.crash();
    expect(desk.charge(15, start, { rule })).toMatchObject({ kind: "refused", quota: 20 });
    expect(desk.charge(15, start, { rule: { ...rule, version: 8, quota: 40 } })).toMatchObject({
      kind: "granted",
      quota: 40,
    });
  });

  test("a quota lowered in mid-window grants nothing again, and one raised grants the difference", () => {
    const desk = new Desk();
    desk.charge(100, start);
    expect(desk.charge(1, start, { rule: { ...rule, version: 1, quota: 50 } })).toMatchObject({
      kind: "refused",
      remaining: 0,
    });
    expect(desk.charge(1, start, { rule: { ...rule, version: 2, quota: 101 } })).toMatchObject({
      kind: "granted",
      remaining: 0,
    });
  });

  test("a rule with shorter windows ends the open one early, and never grants its tokens again", () => {
    const desk = new Desk();
    const shorter = { ...rule, version: 1, windowMs: 1_000 };
    desk.charge(160, start + 500);
    expect(desk.charge(1, start + 500, { rule: shorter })).toMatchObject({ kind: "refused", resetMs: 500 });
    expect(desk.charge(160, start + 1_000, { rule: shorter })).toMatchObject({
      kind: "granted",
      window: start + 1_000,
    });
  });

  test("a clock that steps backward reopens no window, also one that was swept before a crash", () => {
    const desk = new Desk();
    desk.charge(160, start);
    desk.charge(100, start + minute);
    expect(desk.charge(61, start)).toMatchObject({ kind: "refused", remaining: 60, resetMs: minute });
    desk.budgets.sweep(start + 2 * minute, 100);
    desk.crash();
    expect(desk.charge(1, start)).toMatchObject({ kind: "granted", window: start + 2 * minute });
  });

  test("a sweep goes in slices, keeps live windows, and ends idle", () => {
    const desk = new Desk();
    for (let index = 0; index < 25; index += 1) desk.charge(1, start, { budget: `b${index}` });
    desk.charge(1, start + minute, { budget: "live" });
    expect(desk.budgets.sweep(start + minute, 20)).toBe("more");
    expect(desk.budgets.sweep(start + minute, 20)).toBe("live");
    expect([...desk.ledger.rows.keys()]).toEqual(["live"]);
    expect(desk.budgets.sweep(start + 2 * minute, 20)).toBe("live");
    expect(desk.budgets.sweep(start + 50 * minute, 20)).toBe("idle");
  });
});

describe("L7 the shelf of open windows", () => {
  const window = (endsAt: number, isDurable: boolean) => ({
    startsAt: 0,
    endsAt,
    isDurable,
    charged: 3,
    mark: isDurable ? 9 : 0,
  });

  test("durable windows go back to the ledger with their exact count", () => {
    const ledger = new MemoryLedger();
    const shelf = new WindowShelf(ledger, 4, 2);
    for (const budget of ["a", "b", "c", "d"]) shelf.hold(budget, window(100, true));
    shelf.makeRoom(1, 0);
    expect(shelf.held("a")).toBeNull();
    expect(shelf.find("a", 0)).toMatchObject({ charged: 3, mark: 3 });
    expect(shelf.held("d")).not.toBeNull();
  });

  test("what is counted in memory only stays, and a further budget is an error until a window ends", () => {
    const shelf = new WindowShelf(new MemoryLedger(), 2, 1);
    shelf.hold("a", window(100, false));
    shelf.hold("b", window(200, false));
    expect(() => shelf.makeRoom(1, 0)).toThrow("more than 2 budgets");
    expect(shelf.held("a")).not.toBeNull();
    shelf.makeRoom(1, 100);
    expect(shelf.held("a")).toBeNull();
    expect(shelf.held("b")).not.toBeNull();
  });
});
