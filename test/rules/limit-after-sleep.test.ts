/** What a lost memory costs those who come after it: a block, once, and for no longer than it can matter. */
import { describe, expect, test } from "vitest";
import type { Rule } from "../../durable-objects/limiter/contract.ts";
import { restoreSlidingWindow } from "../../durable-objects/limiter/sliding-window.ts";
import { Desk, minute, rule, start } from "./limit-budget-desk.ts";

const hour = 3_600_000;
const kinds = ["fixed-window", "sliding-window", "token-bucket"] as const;
const bucket: Rule = { ...rule, algorithm: "token-bucket", quota: 60, burst: 60 };

describe("after a sleep of the object", () => {
  test.each([
    [60, 3, 12_000],
    [600, 20, 12_000],
    [60, 3, 70_000],
    [120, 2, 30_000],
  ])("L5 a bucket of %i a minute and burst %i is as good as new for who comes every %i ms", (quota, burst, everyMs) => {
    const desk = new Desk();
    for (let index = 0; index < 50; index += 1) {
      desk.crash();
      expect(desk.charge(1, start + index * everyMs, { rule: { ...bucket, quota, burst } }).kind).toBe("granted");
    }
  });

  test.each(kinds.flatMap((algorithm) => [2, 8, 9, 20].map((plans) => [algorithm, plans] as const)))(
    "L5 %s: %i plans of one budget lose a block of it, and not one each",
    (algorithm, plans) => {
      const desk = new Desk();
      const quota = 1_600;
      const ruleOf = (plan: number): Rule => ({
        ...rule,
        algorithm,
        quota: quota + plan,
        windowMs: hour,
        burst: algorithm === "token-bucket" ? quota + plan : 0,
      });
      const ask = (index: number, now: number) =>
        desk.charge(1, now, { rule: ruleOf(index % plans) }).kind === "granted" ? 1 : 0;
      let admitted = 0;
      for (let index = 0; index < 40; index += 1) admitted += ask(index, start + index);
      desk.crash();
      const { writes } = desk.ledger;
      for (let index = 0; index < quota; index += 1) admitted += ask(index, start + 20_000 + index);
      // A block, and what another plan's may be larger by; a bucket of each rate has its own.
      const blocks = algorithm === "token-bucket" ? 2 : 1;
      expect(quota - admitted).toBeLessThanOrEqual(blocks * 100 + plans);
      if (algorithm !== "token-bucket") expect(desk.ledger.writes - writes).toBeLessThanOrEqual(100);
    },
  );

  test("L5 a short window's tokens never go on a longer rule's row that ends before it", () => {
    const long: Rule = { ...rule, quota: 16_000, windowMs: 15_500 };
    const short: Rule = { ...rule, quota: 500, windowMs: 1_000 };
    // A window of the one ends in the middle of the other's.
    const edge = 15_500 * 100_001;
    const desk = new Desk();
    desk.charge(1, edge - 15_000, { rule: long });
    desk.charge(1, edge - 14_000, { rule: short });
    desk.charge(1_100, edge - 6_500, { rule: long });
    desk.charge(10, edge - 6_400, { rule: long });
    expect(desk.charge(500, edge - 300, { rule: short }).kind).toBe("granted");
    desk.crash();
    expect(desk.charge(500, edge + 100, { rule: short }).kind).toBe("refused");
  });

  test("L4 a settlement gives a window nothing back that was never counted in it", () => {
    const short: Rule = { ...rule, quota: 500, windowMs: 300 };
    const long: Rule = { ...rule, quota: 200, windowMs: 15_000 };
    const at = start + 900;
    const desk = new Desk();
    const reserved = { v: 1, reservation: "r", rule: short, budget: "b" } as const;
    desk.budgets.reserve({ ...reserved, cost: 400, ttlMs: minute }, at);
    desk.crash();
    let admitted = 0;
    const askAll = (now: number) => {
      for (let index = 0; index < 200; index += 1)
        if (desk.charge(1, now, { rule: long }).kind === "granted") admitted += 1;
    };
    askAll(at + 50);
    desk.budgets.settle({ ...reserved, cost: 0 }, at + 70);
    askAll(at + 80);
    expect(admitted).toBeLessThanOrEqual(200);
  });
});

describe("a bucket of a low rate beside one of a high rate", () => {
  const big: Rule = { ...bucket, quota: 6_000, burst: 6_000 };

  test("L3 that is asked by after it is full, and no longer than full", () => {
    const desk = new Desk();
    desk.charge(6_000, start, { rule: big });
    expect(desk.charge(1, start + 1_000, { rule: bucket })).toMatchObject({ kind: "refused" });
    expect(desk.charge(1, start + 2_001, { rule: bucket }).kind).toBe("granted");
  });

  test("L3 that is asked by in turns is full for as long as it would be alone", () => {
    const desk = new Desk();
    desk.charge(10, start, { rule: bucket });
    for (const cost of [3_000, 2_900]) desk.charge(cost, start + 5_000, { rule: big });
    expect(desk.charge(1, start + 5_900, { rule: bucket }).kind).toBe("refused");
    expect(desk.charge(1, start + 6_001, { rule: bucket }).kind).toBe("granted");
  });

  test("L3 under whose rule a lease was given is full for no longer than it lives", () => {
    const desk = new Desk();
    desk.charge(30, start, { rule: bucket });
    desk.charge(100, start + 100, { rule: big, lease: 3_000 });
    expect(desk.charge(1, start + 20_000, { rule: bucket }).kind).toBe("granted");
  });

  test("U1 the version before reads the fullest of them", () => {
    const desk = new Desk();
    desk.charge(5_000, start, { rule: big });
    desk.charge(1, start + 100, { rule: bucket });
    desk.charge(1, start + 200, { rule: big });
    desk.charge(1, start + 300, { rule: bucket });
    const image = JSON.parse(desk.ledger.row("b")?.image ?? "") as { level: string; rates: { level: string }[] };
    expect(image.rates).toHaveLength(2);
    expect(Number(image.level)).toBe(Math.max(...image.rates.map(({ level }) => Number(level))));
  });
});

test("U1 a sliding window of the version before that has forgotten all keeps its length", () => {
  const counter = restoreSlidingWindow(JSON.stringify({ v: 1, counted: [], windowMs: minute }));
  expect(JSON.parse(counter?.image() ?? "{}")).toMatchObject({ windowMs: minute });
});
