import { describe, expect, it, test } from "vitest";
import { type MistakeRow, mistakesOf, withLimit } from "../support/configurations.ts";

const plans = { claim: "plan", of: { free: 10 }, else: 10 };

const rows: readonly MistakeRow[] = [
  [
    "a quota is whole",
    withLimit({ quota: 1.5 }),
    'limits.reads.quota: expected a whole number from 0 to 1000000000, "unlimited", or { claim, of: { PLAN: amount }, else }: received 1.5',
  ],
  [
    "a quota is a number",
    withLimit({ quota: Number.NaN }),
    'limits.reads.quota: expected a whole number from 0 to 1000000000, "unlimited", or { claim, of: { PLAN: amount }, else }: received NaN',
  ],
  [
    "a quota is not negative",
    withLimit({ quota: -1 }),
    'limits.reads.quota: expected a whole number from 0 to 1000000000, "unlimited", or { claim, of: { PLAN: amount }, else }: received -1',
  ],
  [
    "a quota can be counted",
    withLimit({ quota: 1_000_000_001 }),
    'limits.reads.quota: expected a whole number from 0 to 1000000000, "unlimited", or { claim, of: { PLAN: amount }, else }: received 1000000001',
  ],
  [
    "a quota in words is unlimited only",
    withLimit({ quota: "none" }),
    'limits.reads.quota: expected a whole number from 0 to 1000000000, "unlimited", or { claim, of: { PLAN: amount }, else }: received "none"',
  ],
  [
    "a quota is said",
    withLimit({ quota: undefined }),
    'limits.reads.quota: expected a whole number from 0 to 1000000000, "unlimited", or { claim, of: { PLAN: amount }, else }: received nothing',
  ],
  [
    "a list is no table of plans",
    withLimit({ quota: [10] }),
    'limits.reads.quota: expected a whole number from 0 to 1000000000, "unlimited", or { claim, of: { PLAN: amount }, else }: received [10]',
  ],
  [
    "a table says for everybody else",
    withLimit({ quota: { claim: "plan", of: { free: 10 } } }),
    'limits.reads.quota.else: expected a whole number from 0 to 1000000000 or "unlimited": received nothing',
  ],
  [
    "what is for everybody else is an amount",
    withLimit({ quota: { ...plans, else: { free: 1 } } }),
    'limits.reads.quota.else: expected a whole number from 0 to 1000000000 or "unlimited": received {"free":1}',
  ],
  [
    "a table names its claim",
    withLimit({ quota: { ...plans, claim: undefined } }),
    "limits.reads.quota.claim: expected a claim's name: received nothing",
  ],
  [
    "a claim has a name",
    withLimit({ quota: { ...plans, claim: "" } }),
    `limits.reads.quota.claim: expected a claim's name: received ""`,
  ],
  [
    "a claim's name has no spaces",
    withLimit({ quota: { ...plans, claim: "my plan" } }),
    `limits.reads.quota.claim: expected a claim's name: received "my plan"`,
  ],
  [
    "a table has plans",
    withLimit({ quota: { ...plans, of: undefined } }),
    "limits.reads.quota.of: expected an object of 1 to 64 plans by their names: received nothing",
  ],
  [
    "a table is not empty",
    withLimit({ quota: { ...plans, of: {} } }),
    "limits.reads.quota.of: expected an object of 1 to 64 plans by their names: received {}",
  ],
  [
    "a table is an object",
    withLimit({ quota: { ...plans, of: [10] } }),
    "limits.reads.quota.of: expected an object of 1 to 64 plans by their names: received [10]",
  ],
  [
    "a plan is not negative",
    withLimit({ quota: { ...plans, of: { free: -1 } } }),
    'limits.reads.quota.of.free: expected a whole number from 0 to 1000000000 or "unlimited": received -1',
  ],
  [
    "a plan is whole",
    withLimit({ quota: { ...plans, of: { free: 0.5 } } }),
    'limits.reads.quota.of.free: expected a whole number from 0 to 1000000000 or "unlimited": received 0.5',
  ],
  [
    "a plan can be counted",
    withLimit({ quota: { ...plans, of: { free: 1e10 } } }),
    'limits.reads.quota.of.free: expected a whole number from 0 to 1000000000 or "unlimited": received 10000000000',
  ],
  [
    "a plan is an amount",
    withLimit({ quota: { ...plans, of: { free: "10" } } }),
    'limits.reads.quota.of.free: expected a whole number from 0 to 1000000000 or "unlimited": received "10"',
  ],
  [
    "a plan that is named like a property is checked too",
    withLimit({ quota: { ...plans, of: { constructor: -1 } } }),
    'limits.reads.quota.of.constructor: expected a whole number from 0 to 1000000000 or "unlimited": received -1',
  ],
  [
    "a plan has a name",
    withLimit({ quota: { ...plans, of: { "": 1 } } }),
    `limits.reads.quota.of[""]: expected a plan's name of 1 to 256 characters: received ""`,
  ],
  [
    "a table has no other fields",
    withLimit({ quota: { ...plans, default: 10 } }),
    'limits.reads.quota.default: expected a known field: "claim", "of", "else": received "default"',
  ],
];

test("a table has at most 64 plans, all of which are checked", () => {
  const table = (count: number, amount: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`plan${index}`, amount]));
  const withPlans = (of: unknown) => mistakesOf(withLimit({ quota: { ...plans, of } }));
  expect(withPlans(table(64, 1))).toEqual([]);
  expect(withPlans(table(65, 1))).toEqual([
    expect.stringMatching(/^limits\.reads\.quota\.of: expected an object of 1 to 64 plans by their names: received /),
  ]);
  expect(withPlans(table(64, -1))).toHaveLength(64);
});

describe("a mistake in a quota is told by its path, what was expected and what was received", () => {
  // One cause, one line: nothing is told that only follows from it.
  it.each(rows)("%s", (_rule, config, line) => {
    expect(mistakesOf(config)).toEqual([line]);
  });
});
