import { describe, expect, test } from "vitest";
import { Desk, minute, rule, start } from "./limit-budget-desk.ts";

describe("giving back", () => {
  test("L4 parts of a charge come back one by one, whichever come late, twice or not at all", () => {
    const desk = new Desk();
    desk.charge(100, start, { requestId: "r" });
    for (const inAll of [10, 10, 30, 20, 10, 60, 30]) desk.giveBack("r", inAll, start);
    expect(desk.remaining(start)).toBe(120);
  });

  test("what is told with a return is counted once, however often it comes", () => {
    const desk = new Desk();
    desk.charge(100, start, { requestId: "r" });
    const counts = { allowed: 3, refused: 2, nearLimit: 1 };
    const told = { v: 1, requestId: "r", budget: "b", returned: 10, counts } as const;
    desk.giveBack("r", 20, start);
    for (let time = 0; time < 3; time += 1) desk.budgets.giveBack(told, start);
    expect(desk.budgets.counts).toEqual(counts);
  });

  test("tokens come back once for each charge, and never more than it moved", () => {
    const desk = new Desk();
    desk.charge(50, start);
    desk.charge(20, start, { requestId: "r" });
    desk.giveBack("r", 1_000, start);
    expect(desk.remaining(start)).toBe(110);
    desk.giveBack("r", 1_000, start);
    expect(desk.remaining(start)).toBe(110);
  });

  test("L4 a refund never crosses a window", () => {
    const desk = new Desk();
    desk.charge(20, start, { requestId: "r" });
    desk.charge(20, start + minute);
    desk.giveBack("r", 20, start + minute);
    expect(desk.remaining(start + minute)).toBe(140);
  });

  test("a return that comes again after a crash is not counted again", () => {
    const desk = new Desk();
    desk.charge(100, start, { requestId: "r" });
    desk.giveBack("r", 100, start);
    desk.charge(100, start);
    desk.crash();
    desk.giveBack("r", 100, start);
    expect(desk.remaining(start)).toBeLessThanOrEqual(60);
  });

  test("L4 a token that comes back forgives no debt that the windows before have made", () => {
    const desk = new Desk();
    const higher = { ...rule, quota: 200 };
    desk.charge(10_000, start, { isDebt: true });
    desk.charge(0, start + minute, { rule: higher });
    desk.charge(1, start + minute, { rule: higher, requestId: "r", isDebt: true });
    desk.giveBack("r", 1, start + minute);
    expect(desk.remaining(start + 2 * minute, higher)).toBe(0);
  });
});
