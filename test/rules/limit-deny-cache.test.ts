import fc from "fast-check";
import { expect, test } from "vitest";
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { Rule } from "../../durable-objects/limiter/contract.ts";
import { DenyCache, denialOf } from "../../workers/limit/deny-cache.ts";
import { MemoryLedger } from "./limit-histories.ts";
import { isLongRun } from "../support/long-run.ts";

test("L4 what the deny cache refuses, the limiter would refuse, for clocks that run 5 % apart and any delay", () => {
  const history = fc.record({
    windowMs: fc.integer({ min: 100, max: 120_000 }),
    offset: fc.nat(1_000_000),
    /** How fast the isolate's clock runs, against the object's. */
    rate: fc.double({ min: 0.95 / 1.05, max: 1.05 / 0.95, noNaN: true }),
    charged: fc.integer({ min: 0, max: 20 }),
    cost: fc.integer({ min: 1, max: 25 }),
    requestMs: fc.nat(3_000),
    replyMs: fc.nat(3_000),
    later: fc.array(fc.record({ afterMs: fc.nat(130_000), cost: fc.integer({ min: 1, max: 25 }) }), {
      minLength: 1,
      maxLength: 8,
    }),
  });
  let refused = 0;
  fc.assert(
    fc.property(history, ({ windowMs, offset, rate, charged, cost, requestMs, replyMs, later }) => {
      const rule: Rule = { algorithm: "fixed-window", name: "l", version: 0, quota: 20, windowMs };
      const budgets = new Budgets(new MemoryLedger());
      const sentAt = 1_000_000_000 + offset;
      const isolateClock = (at: number) => 5_000 + Math.floor((at - sentAt) * rate);
      const ask = (id: string, tokens: number, at: number) =>
        budgets.charge({ v: 1, requestId: id, rule, charges: [{ budget: "b", cost: tokens, lease: 0 }] }, at)[0];

      ask("before", charged, sentAt + requestMs);
      const answer = ask("asked", cost, sentAt + requestMs);
      if (answer?.kind !== "refused") return;
      const cache = new DenyCache();
      const heardAt = sentAt + requestMs + replyMs;
      cache.learn("b", denialOf(answer.remaining, answer.resetMs, isolateClock(sentAt), isolateClock(heardAt)));
      for (const [index, next] of later.toSorted((one, other) => one.afterMs - other.afterMs).entries()) {
        const at = heardAt + next.afterMs;
        if (cache.find("b", next.cost, isolateClock(at)) === null) continue;
        refused += 1;
        expect(ask(`later-${index}`, next.cost, at)?.kind).toBe("refused");
      }
    }),
    { numRuns: isLongRun ? 100_000 : 5_000 },
  );
  expect(refused).toBeGreaterThan(100);
});

test("a cost that was left is for the limiter to decide, and a clock that stepped backward proves nothing", () => {
  const cache = new DenyCache();
  cache.learn("b", denialOf(3, 10_000, 1_000, 1_000));
  expect(cache.find("b", 3, 1_000)).toBeNull();
  expect(cache.find("b", 4, 1_000)).not.toBeNull();
  expect(cache.find("b", 4, 999)).toBeNull();
  expect(cache.find("other", 4, 1_000)).toBeNull();
  cache.forget("b");
  expect(cache.find("b", 4, 1_000)).toBeNull();
});

test("a client is told to wait for at least as long as the window lasts", () => {
  expect(denialOf(0, 10_000, 1_000, 1_400).resetAt).toBe(11_400);
});

test("L7 any number of distinct keys, long ones too, leaves a bounded cache that still knows the newest", () => {
  const cache = new DenyCache();
  const keys = isLongRun ? 1_000_000 : 100_000;
  const denial = denialOf(0, 60_000, 0, 0);
  for (let index = 0; index < keys; index += 1) cache.learn(`limit\n${index}`, denial);
  expect(cache.entries).toBeLessThanOrEqual(49_152);
  expect(cache.find(`limit\n${keys - 1}`, 1, 1)).toBe(denial);

  const long = "x".repeat(500);
  const wide = new DenyCache();
  for (let index = 0; index < 30_000; index += 1) wide.learn(`${long}${index}`, denial);
  expect(wide.entries * 2 * long.length).toBeLessThanOrEqual(16 * 1_048_576);
});
