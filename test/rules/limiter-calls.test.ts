/** What is asked of limiters beside taking, and what comes of it when they cannot be reached. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ChargeAnswer, LimiterContract, RuleVersion } from "../../durable-objects/limiter/contract.ts";
import { LimiterCalls } from "../../workers/limit/limiter-calls.ts";
import { filedLimit } from "./limit-filed.ts";

const version = { epoch: "e", seq: 4, change: { limit: "reads", quota: 9, by: "admin", since: 1 } } as const;
const limit = { ...filedLimit({ quota: 9 }), version };
const of = { limit, quota: 9, budget: "k" };
/** As a limiter is asked by contract: the budget, under the rule that this edge knows. */
const request = {
  v: 1,
  budget: "k",
  rule: { name: "reads", algorithm: "fixed-window", quota: 9, windowMs: 60_000, burst: 0, version },
};
const peeked = { v: 1, used: 1, remaining: 8, resetMs: 5, quota: 9 } as const;
const granted = {
  v: 1,
  kind: "granted",
  tokens: 2,
  lease: null,
  remaining: 7,
  resetMs: 5,
  quota: 9,
  window: 1,
  denyMs: 0,
} as const;

class World {
  readonly asked: (readonly [limit: string, budget: string])[] = [];
  readonly heard: (readonly [limit: string, version: RuleVersion])[] = [];
  readonly calls: LimiterCalls;

  constructor(limiter: Partial<LimiterContract>, shards: readonly (readonly Partial<LimiterContract>[])[] = []) {
    this.calls = new LimiterCalls({
      limiter: (name, budget) => {
        this.asked.push([name, budget]);
        return limiter as LimiterContract;
      },
      hear: (name, told) => void this.heard.push([name, told]),
      shards: () => shards as readonly (readonly LimiterContract[])[],
    });
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a budget is looked at, reset and settled at its own limiter, under the rule in force", async () => {
  const peek = vi.fn<LimiterContract["peek"]>(() => Promise.resolve(peeked));
  const reset = vi.fn<LimiterContract["reset"]>(() => Promise.resolve({ ...peeked, used: 0 }));
  const unknown = { v: 1, kind: "unknown" } as const;
  const settle = vi.fn<LimiterContract["settle"]>(() => Promise.resolve(unknown));
  const { calls, asked } = new World({ peek, reset, settle });
  expect(await calls.peek(of)).toEqual(peeked);
  expect(await calls.reset(of)).toEqual({ ...peeked, used: 0 });
  expect(await calls.settle(of, "r", 3)).toEqual(unknown);
  expect(asked).toEqual([
    ["reads", "k"],
    ["reads", "k"],
    ["reads", "k"],
  ]);
  for (const call of [peek, reset]) expect(call).toHaveBeenCalledExactlyOnceWith(request);
  expect(settle).toHaveBeenCalledExactlyOnceWith({ ...request, reservation: "r", cost: 3 });
});

const refusal = {
  v: 1,
  kind: "refused",
  remaining: 1,
  resetMs: 5,
  quota: 9,
  window: 1,
  retryMs: 4,
  denyMs: 0,
} as const;

test.each<readonly [ChargeAnswer, object]>([
  [granted, { allowed: true, remaining: 7, resetMs: 5, answeredBy: "limiter" }],
  [refusal, { allowed: false, remaining: 1, resetMs: 5, retryAfterMs: 4 }],
])("a reservation is what the limiter says: %j", async (answer, taken) => {
  const reserve = vi.fn<LimiterContract["reserve"]>(() => Promise.resolve(answer));
  const { calls } = new World({ reserve });
  expect(await calls.reserve(of, 2, "r", 1_000)).toMatchObject(taken);
  expect(reserve).toHaveBeenCalledExactlyOnceWith({ ...request, cost: 2, reservation: "r", ttlMs: 1_000 });
});

test("in shadow mode, too, there is no reservation where too little is left", async () => {
  const { calls } = new World({ reserve: () => Promise.resolve(refusal) });
  const shadow = { ...of, limit: { ...limit, mode: "shadow" as const } };
  expect(await calls.reserve(shadow, 2, "r", 1_000)).toMatchObject({ allowed: false });
});

test("L6 a limiter that knows of a newer rule is heard, and nothing is reserved under the older one", async () => {
  const newer = { ...version, seq: 5 };
  const { calls, heard } = new World({ reserve: () => Promise.resolve({ v: 1, kind: "outdated", version: newer }) });
  expect(await calls.reserve(of, 2, "r", 1_000)).toBeNull();
  expect(heard).toEqual([["reads", newer]]);
});

test("a limiter that fails is asked once more, by the same name, and then it is null", async () => {
  const reserve = vi
    .fn<LimiterContract["reserve"]>()
    .mockRejectedValueOnce(new Error("reset"))
    .mockResolvedValue(granted);
  const { calls } = new World({ reserve, peek: () => Promise.reject(new Error("gone")) });
  expect(await calls.reserve(of, 2, "r", 1_000)).toMatchObject({ allowed: true });
  expect(reserve.mock.calls.map(([{ reservation }]) => reservation)).toEqual(["r", "r"]);
  expect(await calls.peek(of)).toBeNull();
});

test("a limiter that stays silent is null in the end", async () => {
  const silent = () => new Promise<never>(() => undefined);
  const { calls } = new World({ settle: silent });
  const settled = calls.settle(of, "r", 1);
  await vi.runAllTimersAsync();
  expect(await settled).toBeNull();
});

test("a limit's counts are the sum of all its limiters', and unknown where one of them is", async () => {
  const counting = (allowed: number, refused: number, nearLimit: number) => ({
    counts: () => Promise.resolve({ v: 1 as const, allowed, refused, nearLimit }),
  });
  const parts = [[counting(1, 2, 3), counting(10, 20, 30)], [counting(100, 200, 300)]];
  expect(await new World({}, parts).calls.counts("reads")).toEqual({ allowed: 111, refused: 222, nearLimit: 333 });
  expect(await new World({}).calls.counts("reads")).toEqual({ allowed: 0, refused: 0, nearLimit: 0 });
  const gone = { counts: () => Promise.reject(new Error("gone")) };
  expect(await new World({}, [...parts, [gone]]).calls.counts("reads")).toBeNull();
});
