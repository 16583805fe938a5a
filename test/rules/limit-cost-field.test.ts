import { afterEach, expect, test, vi } from "vitest";
import type { Route } from "../../workers/config/mesh.ts";
import { settleCosts } from "../../workers/gate/limits.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import { costIn } from "../../workers/limit/cost-field.ts";
import { askOf, limitOf, Wire } from "./limit-wire.ts";

afterEach(() => void vi.restoreAllMocks());

/** What is charged when the answer says this. */
function charged(field: string | null): number {
  const wire = new Wire();
  const limit = limitOf({ name: "plan", quota: 1_000 });
  const route = { limits: [{ limit, cost: 10, costHeader: "x-cost" }] } as unknown as Route;
  const passage = {
    asks: [askOf(limit, 10)],
    context: wire.context,
    isolate: { limits: wire.desk },
    requestId: "id",
    request: { method: "GET" },
    route,
  } as unknown as Passage;
  settleCosts(passage, new Headers(field === null ? {} : { "X-Cost": field }));
  return wire.used(limit, "b");
}

test.each([
  ["0", 0],
  ["7", 7],
  ["007", 7],
  ["999999999", 999_999_999],
  ["1000000000", 1_000_000_000],
  ["1000000001", 1_000_000_000],
  ["9".repeat(400), 1_000_000_000],
])("a cost of %s is %i tokens: never more than can be charged at once", (field, cost) => {
  expect(costIn(field)).toBe(cost);
});

test.each(["", "-1", "1.5", "1e3", "0x10", "12 tokens", "1, 2", "NaN", "²"])("%o is no cost", (field) => {
  expect(costIn(field)).toBeNull();
});

test("what is over the cost that was taken is charged, however large it is", () => {
  expect(charged("25")).toBe(15);
  expect(charged("99999999999")).toBe(999_999_990);
});

test("nothing is charged or given back for a smaller cost, or for none", () => {
  expect([charged("10"), charged("3"), charged(null)]).toEqual([0, 0, 0]);
});

test("a cost that cannot be understood charges nothing, and is told in the log", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  expect(charged("1.5")).toBe(0);
  expect(warn).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ event: "cost_not_understood", limit: "plan", costHeader: "x-cost" }),
  );
});
