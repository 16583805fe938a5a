/** What a restarted limiter holds to be set aside for paced leases that it has forgotten. */
import { expect, test } from "vitest";
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { ChargeAnswer, Rule } from "../../durable-objects/limiter/contract.ts";
import { PacedRecord } from "../../durable-objects/limiter/paced-record.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { rule, start } from "./limit-budget-desk.ts";

const second: Rule = { ...rule, quota: 200, windowMs: 1_000 };

class Limiter {
  readonly ledger = new MemoryLedger();
  budgets = new Budgets(this.ledger);
  #ids = 0;

  paced(tokens: number, now: number, budget = "b"): ChargeAnswer {
    const ask = { cost: 1, demand: 1, lease: 0, paced: tokens, nth: 1, window: 0, waitMs: 0 };
    return this.budgets.charge({ v: 1, requestId: `id-${(this.#ids += 1)}`, rule: second, budget, ...ask }, now);
  }

  remaining(now: number): number {
    return this.budgets.peek({ v: 1, rule: second, budget: "b" }, now).remaining;
  }

  restart(): void {
    this.budgets = new Budgets(this.ledger);
  }
}

/** When the first lease has ended at its taker, and its windows have not quite. */
const laterMs = 12_100;

test("L2 an object that slept leases again to its only client, and sets aside what the last lease held", () => {
  const limiter = new Limiter();
  for (let lease = 0; lease < 5; lease += 1) {
    const now = start + lease * laterMs;
    expect(limiter.paced(8, now)).toMatchObject({ kind: "granted", lease: { tokens: 8, everyMs: 1_135 } });
    limiter.restart();
    expect(limiter.remaining(now + laterMs)).toBe(200 - 8);
  }
});

test("L1 what all paced leases of a budget held is set aside, until the last of them has ended", () => {
  const limiter = new Limiter();
  for (let lease = 0; lease < 5; lease += 1) limiter.paced(10, start + lease * 1_000);
  limiter.restart();
  const closedUntil = start + 10_000;
  expect(limiter.remaining(closedUntil)).toBeLessThanOrEqual(200 - 50);
  expect(limiter.remaining(start + 16_000)).toBeLessThanOrEqual(200 - 50);
  expect(limiter.remaining(start + 30_000)).toBe(200);
});

test("L1 leases of several lives are set aside together, and never more than half of the quota", () => {
  const limiter = new Limiter();
  for (let life = 0; life < 12; life += 1) {
    limiter.paced(16, start + life * 10);
    limiter.restart();
    // What else was counted in a memory that was lost is closed until then.
    limiter.ledger.facts.delete("horizon");
  }
  expect(limiter.remaining(start + 10_000)).toBe(200 - 6 * 16);
});

test("L1 where a version that knows but one moment has written it, half of the quota is set aside", () => {
  const ledger = new MemoryLedger();
  new PacedRecord(ledger).reach({ until: start + 10_000, tokens: 4 }, start);
  expect(ledger.fact("paced")).toBeGreaterThanOrEqual(start + 10_000);
  expect(new PacedRecord(ledger).lostOf(200)).toEqual([{ until: start + 10_000, tokens: 8 }]);
  const moment = start + 90_000;
  ledger.saveFact("paced", moment);
  expect(new PacedRecord(ledger).lostOf(200)[0]).toEqual({ until: moment, tokens: 100 });
});

test("L1 of very many lives the record stays short, and knows of all their tokens", () => {
  const ledger = new MemoryLedger();
  for (let life = 0; life < 50; life += 1)
    new PacedRecord(ledger).reach({ until: start + 10_000 + life, tokens: 8 }, start);
  const { lost } = new PacedRecord(ledger);
  expect(lost.length).toBeLessThanOrEqual(8);
  expect(lost.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(50 * 8);
  expect(lost[0]?.until).toBe(start + 10_000 + 49);
});

test("one life that gives lease after lease writes every few seconds, not for each", () => {
  const limiter = new Limiter();
  const { writes } = limiter.ledger;
  for (let lease = 0; lease < 600; lease += 1) limiter.paced(1, start + lease * 100, `b${lease}`);
  // Each minute twelve times the leases', and as often the horizon with the counts.
  expect(limiter.ledger.writes - writes).toBeLessThanOrEqual(13 * 4);
});
