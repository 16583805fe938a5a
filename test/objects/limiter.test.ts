import { env } from "cloudflare:workers";
import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Charge, LimiterContract, Rule } from "../../durable-objects/limiter/contract.ts";
import { blockOf } from "../../durable-objects/limiter/fixed-window.ts";
import { limiterStub } from "../../durable-objects/stubs.ts";

/** So long that no test meets the end of a window by chance: 31 days. */
const longMs = 2_678_400_000;
const long: Rule = { algorithm: "fixed-window", name: "long", version: 0, quota: 160, windowMs: longMs };
const short: Rule = { ...long, name: "short", windowMs: 1_000 };
const environment = "test";

/** A fresh stub each time: one that has seen an exception is dead. */
const limiter = (rule: Rule): LimiterContract => limiterStub(env, environment, rule.name, "b");
const stubOf = (rule: Rule) => limiterStub(env, environment, rule.name, "b") as unknown as DurableObjectStub;

async function charge(rule: Rule, cost: number, requestId: string = crypto.randomUUID()) {
  const charges: readonly Charge[] = [{ budget: "b", cost, lease: 0 }];
  const { answers } = await limiter(rule).charge({ v: 1, requestId, rule, charges });
  const [answer] = answers;
  if (answer === undefined) throw new Error("expected an answer");
  return answer;
}

async function peek(rule: Rule) {
  return limiter(rule).peek({ v: 1, rule, budget: "b" });
}

describe("a Limiter in the runtime", () => {
  test("L1 of many charges at once exactly the quota is granted", async () => {
    const rule = { ...long, name: "at-once" };
    const answers = await Promise.all(Array.from({ length: 400 }, () => charge(rule, 1)));
    expect(answers.filter(({ kind }) => kind === "granted")).toHaveLength(160);
    expect((await peek(rule)).remaining).toBe(0);
  });

  test("L5 an abort after any charge loses at most one block and gives nothing back", async () => {
    const rule = { ...long, name: "aborted" };
    let granted = 0;
    for (const cost of [1, 3, 9, 10, 11, 1, 40, 2]) {
      if ((await charge(rule, cost)).kind === "granted") granted += cost;
      const before = await peek(rule);
      await abortAllDurableObjects();
      const after = await peek(rule);
      expect(after.remaining).toBeLessThanOrEqual(before.remaining);
      expect(before.remaining - after.remaining).toBeLessThanOrEqual(blockOf(rule.quota));
    }
    for (let index = 0; index < 200; index += 1) if ((await charge(rule, 1)).kind === "granted") granted += 1;
    expect(granted).toBeLessThanOrEqual(rule.quota);
  });

  test("L5 an eviction gives nothing back", async () => {
    const rule = { ...long, name: "evicted" };
    for (let index = 0; index < 25; index += 1) await charge(rule, 1);
    const before = await peek(rule);
    await evictDurableObject(stubOf(rule));
    const after = await peek(rule);
    expect(after.remaining).toBeLessThanOrEqual(before.remaining);
    expect(before.remaining - after.remaining).toBeLessThanOrEqual(blockOf(rule.quota));
  });

  test("L5 after an abort a window of at most ten seconds is refused to its end", async () => {
    await charge(short, 1);
    await abortAllDurableObjects();
    const refused = await charge(short, 1);
    expect(refused).toMatchObject({ kind: "refused", remaining: 0 });
    expect(refused.resetMs).toBeGreaterThan(0);
    expect(refused.resetMs).toBeLessThanOrEqual(10_000);
  });

  test("a retry finds its answer; after an abort it is charged again, and never less than once", async () => {
    const rule = { ...long, name: "retried" };
    await charge(rule, 20, "r");
    await charge(rule, 20, "r");
    expect((await peek(rule)).used).toBe(20);
    await abortAllDurableObjects();
    await charge(rule, 20, "r");
    expect((await peek(rule)).used).toBe(40);
  });

  test("a return counts once, also when it comes again after an abort", async () => {
    const rule = { ...long, name: "returned" };
    const answer = await charge(rule, 100, "r");
    if (answer.kind !== "granted") throw new Error("expected a grant");
    const back = { v: 1, requestId: "r", returns: [{ budget: "b", window: answer.window, tokens: 100 }] } as const;
    await limiter(rule).giveBack(back);
    await limiter(rule).giveBack(back);
    expect((await peek(rule)).used).toBe(0);
    await charge(rule, 100);
    await abortAllDurableObjects();
    await limiter(rule).giveBack(back);
    expect((await peek(rule)).used).toBeGreaterThanOrEqual(100);
  });

  test("the newest rule is remembered over an abort", async () => {
    const rule = { ...long, name: "changed" };
    await charge({ ...rule, version: 3, quota: 5 }, 5);
    await abortAllDurableObjects();
    expect(await charge(rule, 1)).toMatchObject({ kind: "refused", quota: 5 });
  });

  test("what no edge would send is refused whole, and charges nothing", async () => {
    const rule = { ...long, name: "checked" };
    const bad: readonly (readonly Charge[])[] = [
      [],
      Array.from({ length: 101 }, () => ({ budget: "b", cost: 1, lease: 0 })),
      [
        { budget: "b", cost: 1, lease: 0 },
        { budget: "b", cost: -1, lease: 0 },
      ],
      [{ budget: "b", cost: 1.5, lease: 0 }],
      [{ budget: "b", cost: Number.NaN, lease: 0 }],
      [{ budget: "b", cost: 1_000_000_001, lease: 0 }],
      [{ budget: "b", cost: 1, lease: Infinity }],
      [{ budget: "", cost: 1, lease: 0 }],
    ];
    for (const charges of bad) {
      const refusal = await runInDurableObject(stubOf(rule), async (object) => {
        try {
          await (object as unknown as LimiterContract).charge({ v: 1, requestId: "r", rule, charges });
          return "accepted";
        } catch (error) {
          return String(error);
        }
      });
      expect(refusal).toContain("cannot charge: expected");
    }
    expect((await peek(rule)).used).toBe(0);
  });
});

describe("W1 what is left behind", () => {
  const rowsOf = async (rule: Rule) =>
    runInDurableObject(
      stubOf(rule),
      (_, { storage }) => storage.sql.exec("SELECT budget FROM budgets").toArray().length,
    );

  test("W1 a budget within one block costs one row", async () => {
    const rule = { ...long, name: "rows" };
    for (let index = 0; index < 10; index += 1) await charge(rule, 1);
    expect(await rowsOf(rule)).toBe(1);
  });

  test("W1 the alarm sweeps rows whose windows ended, and keeps the others", async () => {
    const rule = { ...long, name: "swept" };
    await charge(rule, 1);
    await runInDurableObject(stubOf(rule), (_, { storage }) => {
      for (let index = 0; index < 2_500; index += 1) {
        storage.sql.exec(
          "INSERT INTO budgets (budget, starts_at, ends_at, mark) VALUES (?, 0, 60000, 1)",
          `old-${index}`,
        );
      }
    });
    expect(await runDurableObjectAlarm(stubOf(rule))).toBe(true);
    expect(await rowsOf(rule)).toBe(1);
    const next = await runInDurableObject(stubOf(rule), (_, { storage }) => storage.getAlarm());
    expect(next).toBeGreaterThan(Date.now());
    expect(next).toBeLessThanOrEqual(Date.now() + 15 * 60_000);
  });

  test("W1 an idle object deletes everything, and begins again at the next charge", async () => {
    const rule = { ...long, name: "idle" };
    await charge(rule, 5);
    await runInDurableObject(stubOf(rule), (_, { storage }) => {
      storage.sql.exec("UPDATE budgets SET starts_at = 0, ends_at = 60000");
    });
    await abortAllDurableObjects();
    expect(await runDurableObjectAlarm(stubOf(rule))).toBe(true);
    const left = await runInDurableObject(stubOf(rule), async (_, { storage }) => ({
      alarm: await storage.getAlarm(),
      tables: storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name IN ('budgets', 'facts', 'schema_steps')")
        .toArray().length,
    }));
    expect(left).toEqual({ alarm: null, tables: 0 });
    expect(await charge(rule, 1)).toMatchObject({ kind: "granted", remaining: 159 });
    expect(await runInDurableObject(stubOf(rule), (_, { storage }) => storage.getAlarm())).not.toBeNull();
  });
});
