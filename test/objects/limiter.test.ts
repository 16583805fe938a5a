import { env } from "cloudflare:workers";
import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { ChargeRequest, HoldRequest, LimiterContract, Rule } from "../../durable-objects/limiter/contract.ts";
import { blockOf } from "../../durable-objects/limiter/write-ahead.ts";
import { limiterStub } from "../../durable-objects/stubs.ts";

/** So long that no test meets the end of a window by chance: 31 days. */
const longMs = 2_678_400_000;
const long: Rule = { algorithm: "fixed-window", name: "long", version: null, quota: 160, windowMs: longMs, burst: 0 };
const short: Rule = { ...long, name: "short", windowMs: 1_000 };
const environment = "test";

/** A fresh stub each time: one that has seen an exception is dead. */
const limiter = (rule: Rule): LimiterContract => limiterStub(env, environment, rule.name, "b");
const stubOf = (rule: Rule) => limiterStub(env, environment, rule.name, "b") as unknown as DurableObjectStub;

function requestFor(rule: Rule, cost: number, more: Partial<ChargeRequest> = {}): ChargeRequest {
  const alone = { demand: cost, lease: 0, paced: 0, nth: 1, window: 0, waitMs: 0 };
  return { v: 1, requestId: crypto.randomUUID(), rule, budget: "b", cost, ...alone, ...more };
}

async function charge(rule: Rule, cost: number, requestId: string = crypto.randomUUID()) {
  return limiter(rule).charge(requestFor(rule, cost, { requestId }));
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
    if (refused.kind !== "refused") throw new Error("expected a refusal");
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
    expect((await charge(rule, 100, "r")).kind).toBe("granted");
    const back = { v: 1, requestId: "r", budget: "b", returned: 100 } as const;
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
    const version = { epoch: "e", seq: 3, change: { limit: "changed", quota: 5, by: "admin", since: 1 } };
    await charge({ ...rule, version, quota: 5 }, 5);
    await abortAllDurableObjects();
    expect(await charge(rule, 1)).toEqual({ v: 1, kind: "outdated", version });
    expect(await charge({ ...rule, version, quota: 5 }, 1)).toMatchObject({ kind: "refused", quota: 5 });
  });

  test("what no edge would send is refused whole, and charges nothing", async () => {
    const rule = { ...long, name: "checked" };
    const bad: readonly Partial<ChargeRequest>[] = [
      { cost: -1 },
      { cost: 1.5, demand: 2 },
      { cost: Number.NaN },
      { cost: 1_000_000_001, demand: 1_000_000_001 },
      { cost: 2, demand: 1 },
      { lease: Infinity },
      { paced: -1 },
      { nth: 0 },
      { waitMs: 351 },
      { budget: "" },
      { budget: "b".repeat(513) },
      { requestId: "" },
      { rule: { ...rule, quota: -1 } },
      { rule: { ...rule, windowMs: 0 } },
      { counts: { allowed: -1, refused: 0, nearLimit: 0 } },
    ];
    for (const wrong of bad) {
      const refusal = await runInDurableObject(stubOf(rule), async (object) => {
        try {
          await (object as unknown as LimiterContract).charge(requestFor(rule, 1, wrong));
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
      (_, { storage }) => storage.sql.exec("SELECT budget FROM counters").toArray().length,
    );

  test("W1 a budget within its first block costs no row, and one row from there on", async () => {
    const rule = { ...long, name: "rows" };
    for (let index = 0; index < 10; index += 1) await charge(rule, 1);
    expect(await rowsOf(rule)).toBe(0);
    await charge(rule, 1);
    expect(await rowsOf(rule)).toBe(1);
  });

  test("W1 the alarm sweeps rows whose windows ended, and keeps the others", async () => {
    const rule = { ...long, name: "swept" };
    await charge(rule, 20);
    await runInDurableObject(stubOf(rule), (_, { storage }) => {
      for (let index = 0; index < 2_500; index += 1) {
        storage.sql.exec(
          "INSERT INTO counters (budget, algorithm, image, ahead, ahead_until, ends_at) VALUES (?, 'fixed-window', '{}', 1, 60000, 60000)",
          `old-${index}`,
        );
      }
    });
    expect(await runDurableObjectAlarm(stubOf(rule))).toBe(true);
    expect(await rowsOf(rule)).toBe(1);
    const next = await runInDurableObject(stubOf(rule), (_, { storage }) => storage.getAlarm());
    expect(next).toBeGreaterThan(Date.now());
    expect(next).toBeLessThanOrEqual(Date.now() + 60 * 60_000);
  });

  test("W1 an idle object deletes everything, and begins again at the next charge", async () => {
    const rule = { ...long, name: "idle" };
    await charge(rule, 20);
    await runInDurableObject(stubOf(rule), (_, { storage }) => {
      storage.sql.exec("UPDATE counters SET ends_at = 60000");
      storage.sql.exec("UPDATE facts SET value = 60000 WHERE name IN ('horizon', 'longest_ms')");
    });
    await abortAllDurableObjects();
    expect(await runDurableObjectAlarm(stubOf(rule))).toBe(true);
    const left = await runInDurableObject(stubOf(rule), async (_, { storage }) => ({
      alarm: await storage.getAlarm(),
      tables: storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name IN ('counters', 'facts', 'schema_steps')")
        .toArray().length,
    }));
    expect(left).toEqual({ alarm: null, tables: 0 });
    expect(await charge(rule, 1)).toMatchObject({ kind: "granted", remaining: 159 });
    expect(await runInDurableObject(stubOf(rule), (_, { storage }) => storage.getAlarm())).not.toBeNull();
  });

  test("W1 asking an object for its counts stores nothing", async () => {
    const rule = { ...long, name: "asked" };
    expect(await limiter(rule).counts({ v: 1 })).toEqual({ v: 1, allowed: 0, refused: 0, nearLimit: 0 });
    const tables = await runInDurableObject(
      stubOf(rule),
      (_, { storage }) => storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'counters'").toArray().length,
    );
    expect(tables).toBe(0);
  });
});

describe("what else a Limiter does", () => {
  test("a refusal that ends soon is waited for, and then decided in the next window", async () => {
    const rule = { ...short, name: "waited", windowMs: 300, quota: 1 };
    await charge(rule, 1);
    const waited = await limiter(rule).charge(requestFor(rule, 1, { waitMs: 350 }));
    expect(waited.kind).toBe("granted");
  });

  test("L1 sliding windows and buckets give nothing back after an abort", async () => {
    for (const algorithm of ["sliding-window", "token-bucket"] as const) {
      const rule: Rule = { ...long, algorithm, name: algorithm, burst: 160 };
      let granted = 0;
      for (let index = 0; index < 60; index += 1) {
        if ((await charge(rule, 7)).kind === "granted") granted += 7;
        if (index % 7 === 0) await abortAllDurableObjects();
      }
      expect(granted).toBeLessThanOrEqual(160);
      expect(granted).toBeGreaterThan(0);
    }
  });

  test("R20 permits never exceed the quota, and after an abort only those in use are given again", async () => {
    const rule: Rule = { ...long, algorithm: "concurrency", name: "permits", quota: 10, windowMs: 10_000 };
    const hold = (holder: string, more: Partial<HoldRequest>) =>
      limiter(rule).hold({ v: 1, rule, budget: "b", holder, inUse: 0, wanted: 0, turn: 1, ...more });
    expect(await hold("a", { wanted: 6 })).toMatchObject({ kind: "held", permits: 6, remaining: 4 });
    expect(await hold("b", { wanted: 6 })).toMatchObject({ kind: "held", permits: 4, remaining: 0 });
    expect(await hold("a", { wanted: 2, turn: 2 })).toMatchObject({ permits: 2 });
    expect(await hold("a", { wanted: 6, turn: 1 })).toMatchObject({ permits: 2, lifeMs: 0 });
    await abortAllDurableObjects();
    expect(await hold("c", { wanted: 6 })).toMatchObject({ permits: 0 });
    expect(await hold("b", { wanted: 4, inUse: 3, turn: 2 })).toMatchObject({ permits: 3 });
  });
});

describe("L5 what is owed and reserved outlives an abort", () => {
  test("L5 a debt beyond the quota is paid in full", async () => {
    for (const algorithm of ["fixed-window", "token-bucket"] as const) {
      const rule: Rule = { ...long, algorithm, name: `owed-${algorithm}`, burst: 160 };
      await limiter(rule).charge(requestFor(rule, 400, { isDebt: true }));
      const before = await peek(rule);
      await abortAllDurableObjects();
      expect(await peek(rule)).toMatchObject({ used: before.used, remaining: 0 });
      expect((await charge(rule, 1)).kind).toBe("refused");
    }
  });

  test("L4 a reservation is settled once, and not at all in a budget that was reset since", async () => {
    const rule = { ...long, name: "reserved" };
    const reserve = (reservation: string) =>
      limiter(rule).reserve({ v: 1, rule, budget: "b", reservation, cost: 50, ttlMs: 60_000 });
    const settle = (reservation: string) => limiter(rule).settle({ v: 1, rule, budget: "b", reservation, cost: 0 });
    await reserve("r");
    await abortAllDurableObjects();
    const before = (await peek(rule)).remaining;
    expect(await reserve("r")).toMatchObject({ kind: "granted", tokens: 50 });
    expect((await peek(rule)).remaining).toBe(before);
    for (let again = 0; again < 3; again += 1) {
      expect(await settle("r")).toMatchObject({ kind: "settled", returned: 50 });
      // An abort costs a block, and another answer gives nothing back.
      const { remaining } = await peek(rule);
      expect(remaining).toBeLessThanOrEqual(before + 50);
      if (again === 0) expect(remaining).toBe(before + 50);
      await abortAllDurableObjects();
    }
    await reserve("s");
    await limiter(rule).reset({ v: 1, rule, budget: "b" });
    await charge(rule, 100);
    await abortAllDurableObjects();
    await settle("s");
    expect((await peek(rule)).remaining).toBeLessThanOrEqual(60);
  });
});
