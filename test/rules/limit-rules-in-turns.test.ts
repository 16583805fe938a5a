/**
 * L1 while a deploy is under way that changes a limit's window in the file: isolates of both versions ask one limiter,
 * each by its own rule, and none of these is newer. What anybody is admitted counts for everybody.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Rule } from "../../durable-objects/limiter/contract.ts";
import type { Terms } from "../../durable-objects/limiter/counter.ts";
import { FixedWindow, restoreFixedWindow } from "../../durable-objects/limiter/fixed-window.ts";
import { Permits } from "../../durable-objects/limiter/permits.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { isLongRun } from "../support/long-run.ts";
import { Desk, minute, rule, start } from "./limit-budget-desk.ts";
import { charge, restored } from "./limit-takers.ts";

const numRuns = isLongRun ? 100_000 : 3_000;

const byMinute: Rule = { ...rule, quota: 100, windowMs: minute };
const bySecond: Rule = { ...rule, quota: 100, windowMs: 1_000 };

interface Turn {
  readonly afterMs: number;
  /** Of the rules in question, which asks. */
  readonly which: number;
  readonly cost: number;
}

type Design = (turn: Turn, terms: Terms, now: number) => number;

/** Each of these lengths divides the next, so that nothing that is let go in one window is spent in two. */
const lengths = [1_000, 10_000, minute];
const rules = fc.tuple(
  ...lengths.map((windowMs) => fc.record({ quota: fc.integer({ min: 1, max: 200 }), windowMs: fc.constant(windowMs) })),
);
const turn: fc.Arbitrary<Turn> = fc.record({
  afterMs: fc.oneof(fc.nat(300), fc.nat(1_500), fc.nat(20_000)),
  which: fc.nat(lengths.length - 1),
  cost: fc.integer({ min: 1, max: 60 }),
});

/** By how much somebody was admitted although others had used up the window, since that was asked by first. */
function overshootOf(
  design: Design,
  all: readonly { quota: number; windowMs: number }[],
  turns: readonly Turn[],
): number {
  const went: { readonly at: number; readonly tokens: number }[] = [];
  const firstAsked = new Map<string, number>();
  let now = start;
  let most = 0;
  for (const asking of turns) {
    now += asking.afterMs;
    const asked = all[asking.which];
    if (asked === undefined) throw new Error("expected a rule");
    const window = Math.floor(now / asked.windowMs);
    const key = `${asking.which} ${window}`;
    firstAsked.set(key, firstAsked.get(key) ?? now);
    const tokens = design(asking, { ...asked, burst: 0 }, now);
    went.push({ at: now, tokens });
    const since = firstAsked.get(key) ?? now;
    const sum = went.reduce((total, one) => (one.at >= since ? total + one.tokens : total), 0);
    if (tokens > 0) most = Math.max(most, sum - asked.quota);
  }
  return most;
}

function ours(): Design {
  let counter = new FixedWindow();
  return ({ cost, which }, terms, now) => {
    const granted = charge(counter, { cost, lease: which === 1 ? cost : 0, paced: which === 0 ? 2 : 0 }, terms, now);
    // A row is written and read, and nothing has gone in between.
    if (cost % 7 === 0) counter = restoreFixedWindow(counter.image()) ?? counter;
    return granted.kind === "granted" ? granted.moved : 0;
  };
}

/** A mistake: there is one window, and whoever has a shorter one ends it. */
function oneWindow(): Design {
  let [endsAt, charged] = [0, 0];
  return ({ cost }, { quota, windowMs }, now) => {
    if (now >= endsAt) charged = 0;
    const ownEnd = (Math.floor(now / windowMs) + 1) * windowMs;
    endsAt = now >= endsAt ? ownEnd : Math.min(endsAt, ownEnd);
    if (charged + cost > quota) return 0;
    charged += cost;
    return cost;
  };
}

describe("L1 rules of several windows that are asked by in turns", () => {
  test("L1 a hundred a minute stay a hundred a minute, also beside a hundred a second", () => {
    const desk = new Desk();
    const admitted = new Map<Rule, number>();
    for (let ms = 0; ms < minute; ms += 10) {
      const asked = ms % 20 === 0 ? byMinute : bySecond;
      const { kind } = desk.charge(1, start + ms, { rule: asked });
      if (kind === "granted") admitted.set(asked, (admitted.get(asked) ?? 0) + 1);
    }
    expect(admitted.get(byMinute)).toBeLessThanOrEqual(100);
    // The short windows are as good as alone: they lose what goes by the other rule, and nothing else.
    expect(admitted.get(bySecond)).toBe(50 * 60);
  });

  test("L1 who asks is admitted only what all together have left of the window", () => {
    fc.assert(
      fc.property(rules, fc.array(turn, { maxLength: 60 }), (all, turns) => {
        expect(overshootOf(ours(), all, turns)).toBeLessThanOrEqual(0);
      }),
      { numRuns },
    );
  });

  test("L1 bites: a window that whoever has a shorter one ends is caught", () => {
    const histories = fc.sample(fc.tuple(rules, fc.array(turn, { minLength: 20, maxLength: 60 })), 200);
    const caught = histories.filter(([all, turns]) => overshootOf(oneWindow(), all, turns) > 0);
    expect(caught.length).toBeGreaterThan(0);
  });

  test("L1 one that is asked by seldom is not refused for what went before its window", () => {
    const desk = new Desk();
    const large = { ...byMinute, quota: 1_000 };
    desk.charge(1, start, { rule: bySecond });
    expect(desk.charge(300, start, { rule: large }).kind).toBe("granted");
    for (const second of [3, 20, 58]) {
      desk.charge(20, start + second * 1_000, { rule: large });
      expect(desk.charge(80, start + second * 1_000 + 1, { rule: bySecond })).toMatchObject({ remaining: 0 });
    }
    expect(desk.remaining(start + 59_000, large)).toBe(1_000 - 1 - 300 - 3 * 100);
  });

  test("L1 nothing is left of a rule that nobody asks by when its window has ended", () => {
    const desk = new Desk();
    for (let ms = 0; ms < 5_000; ms += 250) {
      desk.charge(1, start + ms, { rule: byMinute });
      desk.charge(1, start + ms, { rule: bySecond });
    }
    expect(desk.ledger.rows.size).toBe(1);
    expect(desk.charge(100, start + minute, { rule: bySecond }).kind).toBe("granted");
    expect(desk.ledger.rows.size).toBe(0);
    expect(desk.charge(100, start + minute + 1_000, { rule: bySecond }).kind).toBe("granted");
  });

  test("L1 of more lengths than are ever asked by in turns none is admitted twice, and memory stays bounded", () => {
    let counter = new FixedWindow();
    const terms = (index: number): Terms => ({ quota: 10, windowMs: 60_000 + 1_000 * index, burst: 0 });
    const admitted = Array.from({ length: 40 }, () => 0);
    for (let round = 0; round < 3; round += 1) {
      for (let index = 0; index < 40; index += 1) {
        const granted = charge(counter, { cost: 1 }, terms(index), start + round * 100 + index);
        if (granted.kind === "granted") admitted[index] = (admitted[index] ?? 0) + 1;
      }
      counter = restored(restoreFixedWindow(counter.image())) as FixedWindow;
    }
    expect(Math.max(...admitted)).toBeLessThanOrEqual(10);
    expect(counter.image().length).toBeLessThan(2_000);
  });

  test("L5 a crash forgets nothing of the longer window, whoever asks first afterwards", () => {
    for (const first of [byMinute, bySecond]) {
      const desk = new Desk();
      for (let ms = 0; ms < 5_000; ms += 100) {
        desk.charge(1, start + ms, { rule: byMinute });
        desk.charge(1, start + ms, { rule: bySecond });
      }
      desk.crash();
      desk.charge(1, start + 8_000, { rule: first });
      expect(desk.charge(1, start + 9_000, { rule: byMinute }).kind).toBe("refused");
    }
  });

  test("L5 turns cost a row for a block, and not one for each", () => {
    const desk = new Desk();
    const large = { ...byMinute, quota: 16_000 };
    const { writes } = desk.ledger;
    for (let ms = 0; ms < 30_000; ms += 10) desk.charge(1, start + ms, { rule: ms % 20 === 0 ? large : bySecond });
    expect(desk.ledger.writes - writes).toBeLessThanOrEqual(30);
  });

  test("L5 a debt is paid once: by the windows of whichever rule is asked by, and none of it is forgiven", () => {
    const desk = new Desk();
    desk.charge(1_000, start, { rule: byMinute, isDebt: true });
    desk.charge(0, start, { rule: bySecond });
    let admitted = 0;
    for (let second = 1; second < 60; second += 1) {
      for (const asked of [byMinute, bySecond]) {
        const { kind } = desk.charge(100, start + second * 1_000, { rule: asked });
        if (kind === "granted") admitted += 100;
      }
    }
    // Fifty-nine windows of a second, less the nine that pay nine hundred.
    expect(admitted).toBeLessThanOrEqual(5_000);
    expect(admitted).toBeGreaterThan(0);
  });

  test("L4 what goes back is there again by every rule that counted it, and never in another window", () => {
    const desk = new Desk();
    desk.charge(1, start, { rule: byMinute });
    desk.charge(1, start, { rule: bySecond });
    desk.charge(50, start + 1_100, { rule: bySecond, requestId: "r" });
    desk.giveBack("r", 50, start + 1_200);
    expect(desk.remaining(start + 1_200, bySecond)).toBe(100);
    expect(desk.remaining(start + 1_200, byMinute)).toBe(98);
    desk.charge(50, start + 1_300, { rule: bySecond, requestId: "late" });
    desk.charge(100, start + 2_000, { rule: bySecond });
    desk.giveBack("late", 50, start + 2_100);
    expect(desk.remaining(start + 2_100, bySecond)).toBe(0);
  });
});

describe("U1 images of the version before, and for it", () => {
  const before = { v: 1, startsAt: start, endsAt: start + minute, charged: 40, debt: 0, payer: null, lost: [] };

  test("U1 what the version before wrote is read", () => {
    const counter = restored(restoreFixedWindow(JSON.stringify(before)));
    expect(counter.standing({ ...byMinute }, start + 1_000)).toMatchObject({ used: 40, remaining: 60 });
    expect(counter.putBack(start, 10, byMinute, start + 1_000)).toBe(10);
  });

  test("U1 the version before finds the window that ends last", () => {
    const counter = new FixedWindow();
    charge(counter, { cost: 30 }, byMinute, start + 100);
    charge(counter, { cost: 12 }, bySecond, start + 200);
    expect(JSON.parse(counter.image())).toMatchObject({ startsAt: start, endsAt: start + minute, charged: 42 });
  });
});

describe("L1 permits under rules that are asked by in turns", () => {
  test("L1 who asks gets no permit beyond its own quota, whoever holds the others", () => {
    const asking = fc.record({ which: fc.nat(1), holder: fc.nat(5), wanted: fc.nat(12), afterMs: fc.nat(4_000) });
    const both = fc.array(fc.record({ quota: fc.nat(20), windowMs: fc.constantFrom(1_000, 10_000) }), {
      minLength: 2,
      maxLength: 2,
    });
    fc.assert(
      fc.property(both, fc.array(asking, { maxLength: 60 }), (all, askings) => {
        const permits = new Permits(new MemoryLedger());
        let now = start;
        for (const [turns, { which, holder, wanted, afterMs }] of askings.entries()) {
          now += afterMs;
          const asked: Rule = { ...rule, algorithm: "concurrency", ...all[which] };
          const request = {
            v: 1,
            rule: asked,
            budget: "b",
            holder: `${holder}`,
            inUse: 0,
            wanted,
            turn: turns + 1,
          } as const;
          const held = permits.hold(request, now);
          const { used } = permits.standing("b", asked.quota, now);
          if (held.kind === "held" && held.permits > 0) expect(used).toBeLessThanOrEqual(asked.quota);
        }
      }),
      { numRuns: 500 },
    );
  });
});
