import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Quota, QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import { quotaFor } from "../../workers/limit/quota.ts";

const plans: Quota = { claim: "plan", of: { free: 10, pro: 1_000, internal: "unlimited", none: 0 }, else: 5 };
const asker = (plan: unknown) => ({ claims: { plan } });

test("without a table an amount is the same for everybody", () => {
  for (const amount of [0, 1, 1_000_000_000, "unlimited"] as const) {
    expect(quotaFor(amount, null)).toBe(amount);
    expect(quotaFor(amount, asker("free"))).toBe(amount);
  }
});

test.each([
  ["free", 10],
  ["pro", 1_000],
  ["internal", "unlimited"],
  ["none", 0],
] as const)("the plan %s has its amount", (plan, amount) => {
  expect(quotaFor(plans, asker(plan))).toBe(amount);
});

describe("what is not in the table has the amount of everybody else", () => {
  test("no identity, no claim, no plan of that name, no plan that is a text", () => {
    expect(quotaFor(plans, null)).toBe(5);
    expect(quotaFor(plans, { claims: {} })).toBe(5);
    const strangers = [
      "gold",
      "Free",
      "free ",
      "",
      null,
      undefined,
      {},
      { free: true },
      [],
      [["free"]],
      [null, "gold"],
    ];
    for (const plan of strangers) expect(quotaFor(plans, asker(plan))).toBe(5);
  });

  test("what every object has is neither a claim nor a plan", () => {
    const inherited = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"];
    for (const name of inherited) {
      expect(quotaFor(plans, asker(name))).toBe(5);
      expect(quotaFor(plans, asker([name, "free"]))).toBe(10);
      expect(quotaFor({ claim: name, of: { free: 10 }, else: 5 }, asker("free"))).toBe(5);
    }
  });
});

test("a plan may have any name, also that of a property", () => {
  const of = Object.fromEntries([
    ["__proto__", 7],
    ["constructor", 8],
  ]);
  expect(quotaFor({ claim: "plan", of, else: 5 }, asker("__proto__"))).toBe(7);
  expect(quotaFor({ claim: "plan", of, else: 5 }, asker("constructor"))).toBe(8);
});

test("numbers and truths are compared as texts", () => {
  const byText: Quota = { claim: "plan", of: { "2": 20, "1.5": 15, true: 1, false: 0 }, else: 5 };
  const said = [2, 1.5, true, false, "2", "true", 3].map((plan) => quotaFor(byText, asker(plan)));
  expect(said).toEqual([20, 15, 1, 0, 20, 1, 5]);
});

describe("of several plans the highest amount holds", () => {
  test.each([
    [["free", "pro"], 1_000],
    [["pro", "free"], 1_000],
    [["gold", "free"], 10],
    [["pro", "internal", "free"], "unlimited"],
    [["none"], 0],
    [["none", "gold"], 0],
    [["free", "none"], 10],
  ] as const)("%j", (held, amount) => {
    expect(quotaFor(plans, asker(held))).toBe(amount);
  });

  test("in any order, doubled, and among values of any kind", () => {
    const amount = fc.oneof(fc.nat(1_000), fc.constant<QuotaAmount>("unlimited"));
    const table = fc.dictionary(fc.string({ minLength: 1 }), amount, { minKeys: 1 });
    const others = fc.array(fc.jsonValue({ maxDepth: 1 }).filter((value) => typeof value === "object"));
    const many = table.chain((of) =>
      fc.record({ of: fc.constant(of), held: fc.array(fc.constantFrom(...Object.keys(of)), { minLength: 1 }), others }),
    );
    const heightOf = (one: QuotaAmount | undefined) => (one === "unlimited" ? Infinity : (one ?? -Infinity));
    fc.assert(
      fc.property(many, ({ of, held, others: noise }) => {
        const said = quotaFor({ claim: "plan", of, else: 1_001 }, asker([...noise, ...held]));
        expect(heightOf(said)).toBe(Math.max(...held.map((plan) => heightOf(of[plan]))));
      }),
    );
  });
});
