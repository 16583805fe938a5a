import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { costCap } from "../../workers/limit/cost-cap.ts";
import { LimitDesk } from "../../workers/limit/limit-desk.ts";
import { DenyTable } from "../../workers/limit/deny-table.ts";
import { askOf, limitOf, Wire } from "./limit-wire.ts";

beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => undefined));
afterEach(() => void vi.restoreAllMocks());

test("W1 past the cap no limiter is asked, onError holds, and the operator is told once", async () => {
  const wire = new Wire();
  const closed = limitOf({ quota: 10 });
  const open = limitOf({ name: "open", quota: 10, onError: "open" });
  const limits = new Map([closed, open].map((limit) => [limit.name, limit]));
  const desk = new LimitDesk({
    rules: {
      find: (name) => limits.get(name),
      all: () => limits,
      current: () => true,
      hear: () => undefined,
      resets: () => 0,
    },
    limiter: wire.port,
    denials: (seed) => new DenyTable(seed),
    isAllShadow: false,
    clock: () => wire.now,
    wait: () => new Promise(() => undefined),
    affords: costCap({ callsPerDay: 100, limiter: wire.port, clock: () => wire.now }),
  });
  const answers: string[] = [];
  for (let index = 0; index < 500; index += 1) {
    const { taken } = await desk.take([askOf(closed, 1, `k${index}`)], wire.context);
    answers.push(taken[0]?.answeredBy ?? "none");
  }
  expect(answers.filter((answeredBy) => answeredBy === "limiter")).toHaveLength(100);
  expect(answers.filter((answeredBy) => answeredBy === "fallback")).toHaveLength(400);
  const { taken } = await desk.take([askOf(open, 1, "another")], wire.context);
  expect(taken[0]).toMatchObject({ allowed: true, answeredBy: "fallback" });
  expect(console.error).toHaveBeenCalledExactlyOnceWith({ event: "cost_cap_reached", callsPerDay: 100 });
});
