import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Rule, RuleVersion } from "../../durable-objects/limiter/contract.ts";
import { AccountShelf } from "../../durable-objects/limiter/account-shelf.ts";
import { Horizon } from "../../durable-objects/limiter/horizon.ts";
import { blockOf } from "../../durable-objects/limiter/write-ahead.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { Desk, minute, rule, start } from "./limit-budget-desk.ts";

function version(seq: number, more: { epoch?: string; since?: number; expiresAt?: number } = {}): RuleVersion {
  const { epoch = "e", since = seq, ...rest } = more;
  return { epoch, seq, change: { limit: "l", by: "admin", since, ...rest } };
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
    expect(desk.charge(61, start)).toMatchObject({ kind: "refused", remaining: 60, retryMs: minute });
    expect(desk.remaining(start)).toBe(60);
    expect(desk.ledger.writes).toBe(writes);
    expect(desk.charge(60, start)).toMatchObject({ kind: "granted", remaining: 0 });
  });

  test("a lease is what is wished for, as far as it is left, and is charged at once", () => {
    const desk = new Desk();
    expect(desk.charge(10, start, { lease: 100 })).toMatchObject({ lease: { tokens: 100 }, remaining: 50 });
    expect(desk.charge(1, start, { demand: 60 })).toMatchObject({ tokens: 50, remaining: 0 });
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
    expect(() => desk.charge(1, start, { requestId: "r", budget: "other" })).toThrow("used before for another budget");
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
      kind: "granted",
      remaining: quota - 2_000_000_000,
    });
    desk.crash();
    const after = desk.remaining(start, huge);
    expect(Number.isSafeInteger(after)).toBe(true);
    expect(after).toBeLessThanOrEqual(quota - 2_000_000_000);
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
        const answer = desk.charge(1, crashedAt, { rule: of });
        const resetMs = answer.kind === "refused" ? answer.resetMs : 0;
        expect(resetMs).toBeLessThanOrEqual(10_000);
        expect(desk.charge(1, crashedAt + resetMs - 1, { rule: of }).kind).toBe("refused");
        expect(desk.charge(1, crashedAt + resetMs, { rule: of })).toMatchObject({ kind: "granted", remaining: 159 });
      }),
    );
  });

  test("W1 a fresh budget within its first block costs no row of its own", () => {
    const desk = new Desk();
    for (let index = 0; index < 1_000; index += 1) desk.charge(10, start + index, { budget: `b${index}` });
    expect(desk.ledger.rows.size).toBe(0);
    expect(desk.ledger.writes).toBeLessThanOrEqual(4);
    desk.crash();
    expect(desk.budgets.peek({ v: 1, rule, budget: "b7" }, start + 1_000).used).toBe(10);
  });

  test("a busy memory-only limit writes once in about five seconds, a durable one once a block", () => {
    const short = new Desk();
    for (let ms = 0; ms < minute; ms += 10) short.charge(1, start + ms, { rule: { ...rule, windowMs: 1_000 } });
    expect(short.ledger.writes).toBeLessThanOrEqual(26);
    const long = new Desk();
    for (let ms = 0; ms < 160; ms += 1) long.charge(1, start + ms);
    // And what is written for the whole object before the first row.
    expect(long.ledger.writes).toBeLessThanOrEqual(15 + 3);
  });
});

describe("rules and clocks", () => {
  test("L6 an edge that does not know the newest rule is told, and nothing is charged, also after a crash", () => {
    const desk = new Desk();
    const newest = version(7);
    desk.charge(10, start, { rule: { ...rule, version: newest, quota: 20 } });
    desk.crash();
    expect(desk.charge(5, start, { rule })).toEqual({ v: 1, kind: "outdated", version: newest });
    expect(desk.charge(5, start, { rule: { ...rule, version: version(6) } }).kind).toBe("outdated");
    expect(desk.charge(15, start, { rule: { ...rule, version: version(8), quota: 40 } })).toMatchObject({
      kind: "granted",
      quota: 40,
    });
  });

  test("L6 a change that has expired is as good as none, and one of a newer Log is newer", () => {
    const desk = new Desk();
    desk.charge(1, start, { rule: { ...rule, version: version(7, { expiresAt: start + 1_000 }) } });
    expect(desk.charge(1, start + 999, { rule }).kind).toBe("outdated");
    expect(desk.charge(1, start + 1_000, { rule }).kind).toBe("granted");
    desk.charge(1, start + 1_000, { rule: { ...rule, version: version(1, { epoch: "f", since: 8 }) } });
    expect(desk.charge(1, start + 1_000, { rule: { ...rule, version: version(9, { since: 7 }) } }).kind).toBe(
      "outdated",
    );
  });

  test("a quota lowered in mid-window grants nothing again, and one raised grants the difference", () => {
    const desk = new Desk();
    desk.charge(100, start);
    expect(desk.charge(1, start, { rule: { ...rule, version: version(1), quota: 50 } })).toMatchObject({
      kind: "refused",
      remaining: 0,
    });
    expect(desk.charge(1, start, { rule: { ...rule, version: version(2), quota: 101 } })).toMatchObject({
      kind: "granted",
      remaining: 0,
    });
  });

  test("a rule with shorter windows ends the open one early, and never grants its tokens again", () => {
    const desk = new Desk();
    const shorter = { ...rule, version: version(1), windowMs: 1_000 };
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
    for (let index = 0; index < 25; index += 1) desk.charge(20, start, { budget: `b${index}` });
    desk.charge(20, start + minute, { budget: "live" });
    expect(desk.budgets.sweep(start + minute, 20)).toBe("more");
    expect(desk.budgets.sweep(start + minute, 20)).toBe("live");
    expect([...desk.ledger.rows.keys()]).toEqual(["live"]);
    expect(desk.budgets.sweep(start + 2 * minute, 20)).toBe("live");
    expect(desk.budgets.sweep(start + 50 * minute, 20)).toBe("idle");
  });

  test("L5 an object is not idle while a window is open in which something may be missing", () => {
    const desk = new Desk();
    const hour = 60 * minute;
    const daily = { ...rule, windowMs: 24 * hour };
    const begin = Math.ceil(start / (24 * hour)) * 24 * hour;
    desk.charge(1, begin, { rule: daily });
    desk.crash();
    expect(desk.budgets.sweep(begin + 23 * hour, 20)).toBe("live");
    expect(desk.budgets.sweep(begin + 25 * hour, 20)).toBe("idle");
  });
});

describe("reservations", () => {
  const reserve = (desk: Desk, cost: number, now = start, reservation = "r") =>
    desk.budgets.reserve({ v: 1, rule, budget: "b", reservation, cost, ttlMs: 10_000 }, now);
  const settle = (desk: Desk, cost: number, now = start, reservation = "r") =>
    desk.budgets.settle({ v: 1, rule, budget: "b", reservation, cost }, now);

  test("what was not needed comes back, what was needed beyond is charged, once each", () => {
    const desk = new Desk();
    expect(reserve(desk, 100).kind).toBe("granted");
    expect(reserve(desk, 100).kind).toBe("granted");
    expect(settle(desk, 30)).toEqual({ v: 1, kind: "settled", returned: 70, charged: 0, remaining: 130 });
    expect(settle(desk, 30)).toEqual({ v: 1, kind: "settled", returned: 70, charged: 0, remaining: 130 });
    expect(settle(desk, 31)).toEqual({ v: 1, kind: "conflict" });
    expect(reserve(desk, 100, start, "s").kind).toBe("granted");
    expect(settle(desk, 150, start, "s")).toMatchObject({ kind: "settled", charged: 50, remaining: 0 });
  });

  test("a debt beyond the quota is paid by the windows that follow", () => {
    const desk = new Desk();
    reserve(desk, 100);
    expect(settle(desk, 400)).toMatchObject({ kind: "settled", charged: 300, remaining: 0 });
    expect(desk.remaining(start + minute)).toBe(0);
    expect(desk.remaining(start + 2 * minute)).toBe(80);
    expect(desk.remaining(start + 3 * minute)).toBe(160);
  });

  test("one that is not settled in time is used as reserved, also over a crash; an unknown one is unknown", () => {
    const desk = new Desk();
    reserve(desk, 100);
    desk.crash();
    expect(settle(desk, 30, start + 10_000)).toEqual({ v: 1, kind: "expired" });
    expect(settle(desk, 1, start, "never")).toEqual({ v: 1, kind: "unknown" });
    expect(desk.remaining(start + 10_000)).toBeLessThanOrEqual(60);
  });

  test("a refused reservation reserves nothing", () => {
    const desk = new Desk();
    expect(reserve(desk, 161)).toMatchObject({ kind: "refused", retryMs: null });
    expect(settle(desk, 1)).toEqual({ v: 1, kind: "unknown" });
    expect(desk.remaining(start)).toBe(160);
  });
});

describe("what operators do", () => {
  test("a reset makes a budget as good as new, also after a crash, and nothing charged before comes back", () => {
    const desk = new Desk();
    desk.charge(160, start, { requestId: "r" });
    expect(desk.budgets.reset({ v: 1, rule, budget: "b" }, start)).toMatchObject({ used: 0, remaining: 160 });
    desk.crash();
    expect(desk.remaining(start)).toBe(160);
    desk.charge(10, start);
    desk.giveBack("r", 160, start);
    expect(desk.remaining(start)).toBe(150);
  });

  test("what edges tell is summed once for each request", () => {
    const desk = new Desk();
    const counts = { allowed: 7, refused: 3, nearLimit: 1 };
    const asked = { rule, budget: "b", cost: 1, demand: 1, lease: 0, paced: 0, nth: 1, window: 0, waitMs: 0, counts };
    for (let again = 0; again < 3; again += 1) desk.budgets.charge({ v: 1, requestId: "r", ...asked }, start);
    expect(desk.budgets.counts).toEqual(counts);
  });
});

describe("L7 the shelf of open budgets", () => {
  const open = (ledger: MemoryLedger, most: number) => new AccountShelf(ledger, new Horizon(ledger), most);
  const short = { ...rule, windowMs: 1_000 };
  const take = (shelf: AccountShelf, budget: string, of: Rule) => {
    const account = shelf.find(budget, "fixed-window", of, start);
    const ask = { cost: 3, demand: 3, lease: 0, paced: 0, nth: 1, isDebt: false };
    const offered = account.counter.offer(ask, of, start);
    if (offered.kind === "granted") account.counter.take(offered, ask, of, start);
    shelf.hold(budget, account);
  };

  test("L7 those of long windows go back to the ledger with their exact count", () => {
    const ledger = new MemoryLedger();
    const shelf = open(ledger, 4);
    for (const budget of ["a", "b", "c", "d"]) take(shelf, budget, rule);
    shelf.makeRoom(start);
    expect(shelf.held("a")).toBeNull();
    expect(shelf.find("a", "fixed-window", rule, start).counter.standing(rule, start).used).toBe(3);
    expect(shelf.held("d")).not.toBeNull();
  });

  test("L7 what is counted in memory only stays, and a further budget is an error until a window ends", () => {
    const shelf = open(new MemoryLedger(), 2);
    take(shelf, "a", short);
    take(shelf, "b", short);
    expect(() => shelf.makeRoom(start)).toThrow("more than 2 budgets");
    expect(shelf.held("a")).not.toBeNull();
    shelf.makeRoom(start + 1_000);
    expect(shelf.held("a")).toBeNull();
  });
});

test("L1 L5 a look under another rule changes nothing: no window is reopened, no debt forgiven", () => {
  const hour: Rule = { ...rule, quota: 60, windowMs: 60 * minute };
  const second: Rule = { ...hour, windowMs: 1_000 };
  const desk = new Desk();
  expect(desk.charge(60, start, { rule: hour }).kind).toBe("granted");
  for (const looked of [second, { ...hour, quota: 0 }, { ...hour, quota: 1_000 }]) {
    desk.budgets.peek({ v: 1, rule: looked, budget: "b" }, start + 10);
  }
  expect(desk.charge(1, start + 2_000, { rule: hour }).kind).toBe("refused");
});
