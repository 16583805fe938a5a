import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Ask, Counter, Grant, Terms } from "../../durable-objects/limiter/counter.ts";
import { freshSlidingWindow, restoreSlidingWindow } from "../../durable-objects/limiter/sliding-window.ts";
import { isLongRun } from "../support/long-run.ts";
import { charge, countsLeasesAsSpent, live, Random, restored, start, type Kind, type Spent } from "./limit-takers.ts";

const histories = isLongRun ? 500_000 : 20_000;
const minute: Terms = { quota: 100, windowMs: 60_000, burst: 0 };
const second: Terms = { quota: 10, windowMs: 1_000, burst: 0 };

const sliding: Kind = {
  fresh: freshSlidingWindow,
  restore: restoreSlidingWindow,
  terms: (random) => ({
    quota: random.isLucky(0.3) ? random.between(1, 10) : random.between(10, 200),
    windowMs: random.oneOf([1_000, 9_999, 10_000, 12_345, 60_000]),
    burst: 0,
  }),
};

/** What is admitted in the fullest interval of the window's length, beyond the quota. */
function overshootOf({ quota, windowMs }: Terms, admitted: readonly Spent[]): number {
  const sums = admitted.map(({ at: end }) =>
    admitted.reduce((sum, { at, tokens }) => (at <= end && end - at < windowMs ? sum + tokens : sum), 0),
  );
  return Math.max(0, ...sums) - quota;
}

function overshooting(kind: Kind): number {
  const lives = Array.from({ length: 3_000 }, (_, seed) => live(seed, kind));
  return lives.filter(({ terms, admitted }) => overshootOf(terms, admitted) > 0).length;
}

describe("L1 in every interval of the window's length at most the quota", () => {
  test("L1 wherever in its life a lease is spent, by any clock, with returns and crashes", { timeout: 600_000 }, () => {
    let leased = 0;
    let returned = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const life = live(seed, sliding);
        leased += life.leased;
        returned += life.returned;
        expect(overshootOf(life.terms, life.admitted)).toBeLessThanOrEqual(0);
      }),
      { numRuns: histories },
    );
    console.log(`sliding window: ${histories} histories, ${leased} tokens leased, ${returned} returned`);
    expect(leased).toBeGreaterThan(histories);
    expect(returned).toBeGreaterThan(histories);
  });

  test("L1 R25 single charges are decided exactly as a log of all of them decides", { timeout: 60_000 }, () => {
    fc.assert(fc.property(fc.integer(), decidesAsTheLog), { numRuns: 300 });
  });

  test("L1 more grants than are remembered one by one never admit more", { timeout: 60_000 }, () => {
    const terms = { quota: 1_000, windowMs: 60_000, burst: 0 };
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const counter = freshSlidingWindow();
        const admitted: Spent[] = [];
        for (let now = start; now < start + 150_000; now += random.between(1, 100)) {
          const granted = charge(counter, {}, terms, now);
          if (granted.kind === "granted") admitted.push({ at: now, tokens: granted.tokens });
        }
        expect(overshootOf(terms, admitted)).toBeLessThanOrEqual(0);
        expect(admitted.length).toBeGreaterThan(2_000);
      }),
      { numRuns: 20 },
    );
  });

  test("L1 looking under a rule with shorter windows changes nothing", () => {
    const counter = freshSlidingWindow();
    charge(counter, { cost: 100 }, minute, start);
    counter.standing({ ...minute, windowMs: 1_000 }, start + 2_000);
    expect(counter.standing(minute, start + 2_000).remaining).toBe(0);
  });

  test("L1 a lease of a longer window counts as long as it may be spent after the window became shorter", () => {
    const counter = freshSlidingWindow();
    charge(counter, { cost: 1, lease: 99, nth: 3 }, minute, start);
    const spentAt = start + 1_200;
    expect(counter.standing({ ...minute, windowMs: 1_000 }, spentAt + 999).remaining).toBe(0);
  });
});

describe("L1 bites", () => {
  test("L1 bites: two weighted windows are caught", () => {
    const kind = { ...sliding, fresh: () => new WeightedWindows(), restore: () => new WeightedWindows() };
    expect(overshooting(kind)).toBeGreaterThan(0);
  });

  test("L1 bites: a counter that forgets how late a lease may be spent is caught", () => {
    const kind = { ...sliding, fresh: () => countsLeasesAsSpent(freshSlidingWindow()) };
    expect(overshooting(kind)).toBeGreaterThan(0);
  });
});

describe("refusals", () => {
  test("R13 who waits as long as it was told is admitted, and a millisecond earlier is not", () => {
    const counter = freshSlidingWindow();
    charge(counter, { cost: 6 }, second, start);
    charge(counter, { cost: 3 }, second, start + 400);
    const refused = charge(counter, { cost: 8 }, second, start + 500);
    expect(refused).toEqual({ kind: "refused", retryMs: 900, sameForMs: 500 });
    expect(charge(counter, { cost: 8 }, second, start + 1_399).kind).toBe("refused");
    expect(charge(counter, { cost: 8 }, second, start + 1_400).kind).toBe("granted");
  });

  test("L4 a refused charge and a question change nothing", () => {
    const counter = freshSlidingWindow();
    charge(counter, { cost: 10 }, second, start);
    const untouched = restored(restoreSlidingWindow(counter.image()));
    charge(counter, { cost: 1 }, second, start + 1);
    counter.standing(second, start + 2);
    expect(counter.standing(second, start + 50)).toEqual(untouched.standing(second, start + 50));
  });

  test.each([
    ["a cost over the quota", second, 11],
    ["any cost under a quota of 0", { ...second, quota: 0 }, 1],
    ["no cost under a quota of 0", { ...second, quota: 0 }, 0],
  ])("%s is refused for ever", (_name, terms, cost) => {
    expect(charge(freshSlidingWindow(), { cost }, terms, start)).toMatchObject({ kind: "refused", retryMs: null });
  });
});

describe("leases", () => {
  test("a lease lives a fiftieth of the window", () => {
    expect(charge(freshSlidingWindow(), { lease: 10 }, minute, start)).toMatchObject({ lease: { lifeMs: 1_200 } });
  });

  test("a window under ten seconds leases nothing", () => {
    const short = { ...minute, windowMs: 9_999 };
    expect(charge(freshSlidingWindow(), { lease: 10 }, short, start)).toMatchObject({ tokens: 1, lease: null });
  });

  test("who asks for the first time leaves some to others, and who comes again may have the rest", () => {
    const leasedAt = (nth: number) => {
      const granted = charge(freshSlidingWindow(), { lease: 1_000, nth }, minute, start);
      return granted.kind === "granted" ? (granted.lease?.tokens ?? 0) : 0;
    };
    expect(leasedAt(1)).toBeLessThan(leasedAt(2));
    expect(leasedAt(2)).toBeLessThan(leasedAt(3));
    expect(leasedAt(3)).toBe(99);
  });

  test("demand is granted as far as it goes", () => {
    expect(charge(freshSlidingWindow(), { cost: 4, demand: 25 }, second, start)).toMatchObject({
      tokens: 10,
      moved: 10,
    });
  });
});

describe("returns, debts, losses and changes", () => {
  test("tokens come back at most once, and not after their time", () => {
    const counter = freshSlidingWindow();
    const { stamp } = grantedOf(charge(counter, { cost: 8 }, second, start));
    expect(counter.putBack(stamp, 5, second, start + 10)).toBe(5);
    expect(counter.standing(second, start + 10).remaining).toBe(7);
    expect(counter.putBack(stamp, 5, second, start + 20)).toBe(3);
    expect(counter.putBack(stamp, 5, second, start + 30)).toBe(0);
    const later = grantedOf(charge(counter, { cost: 8 }, second, start + 40));
    expect(counter.putBack(later.stamp, 8, second, start + 1_040)).toBe(0);
  });

  test("a debt is charged whole, and nothing is granted until it has left", () => {
    const counter = freshSlidingWindow();
    const debt = charge(counter, { cost: 25, isDebt: true, lease: 5 }, second, start);
    expect(debt).toMatchObject({ kind: "granted", tokens: 25, lease: null, moved: 25 });
    expect(counter.standing(second, start)).toMatchObject({ used: 25, remaining: 0, resetMs: 1_000, sameForMs: 1_000 });
    expect(charge(counter, {}, second, start + 999)).toMatchObject({ kind: "refused", retryMs: 1 });
  });

  test("L5 what may have gone counts as gone at the last moment, and as leased where leases are given", () => {
    const single = freshSlidingWindow();
    single.assume(10, start + 5, second);
    expect(single.endsAt(second)).toBe(start + 1_005);
    expect(single.standing(second, start)).toMatchObject({ remaining: 0 });
    const leasing = freshSlidingWindow();
    leasing.assume(100, start, minute);
    expect(leasing.endsAt(minute)).toBe(start + Math.ceil(1_200 * 1.11) + 50 + 60_000);
  });

  test("what was used stays used when the quota changes", () => {
    const counter = freshSlidingWindow();
    charge(counter, { cost: 8 }, second, start);
    expect(counter.standing({ ...second, quota: 20 }, start)).toMatchObject({ used: 8, remaining: 12 });
    expect(counter.standing({ ...second, quota: 5 }, start)).toMatchObject({ used: 8, remaining: 0 });
    expect(counter.standing({ ...second, windowMs: 5_000 }, start + 2_000)).toMatchObject({ remaining: 2 });
  });

  test("an image reads back as the same counter, and what is no image of it as none", () => {
    const counter = freshSlidingWindow();
    charge(counter, { cost: 3, lease: 20 }, minute, start);
    charge(counter, { cost: 2 }, minute, start + 70);
    const again = restored(restoreSlidingWindow(counter.image()));
    expect(again.standing(minute, start + 100)).toEqual(counter.standing(minute, start + 100));
    expect(again.endsAt(minute)).toBe(counter.endsAt(minute));
    expect(restoreSlidingWindow('{"v":2}')).toBeNull();
    expect(restoreSlidingWindow('{"v":1}')).toBeNull();
  });

  test.each([1, 2, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER])("R22 a quota of %d is counted", (quota) => {
    const terms = { quota, windowMs: 1_000, burst: 0 };
    const counter = freshSlidingWindow();
    expect(charge(counter, { cost: quota - 1 }, terms, start)).toMatchObject({ tokens: quota - 1 });
    expect(counter.standing(terms, start).remaining).toBe(1);
    charge(counter, { cost: 1 }, terms, start + 1);
    expect(charge(counter, { cost: 1 }, terms, start + 2)).toMatchObject({
      kind: "refused",
      retryMs: quota > 1 ? 998 : 999,
    });
    counter.assume(quota, start + 3, terms);
    expect(counter.standing(terms, start + 3).remaining).toBe(0);
    expect(counter.standing(terms, start + 3_600_000)).toMatchObject({ used: 0, remaining: quota, resetMs: 0 });
  });
});

function decidesAsTheLog(seed: number): void {
  const random = new Random(seed);
  const terms = sliding.terms(random);
  const { quota, windowMs } = terms;
  const counter = freshSlidingWindow();
  const log: Spent[] = [];
  const left = (at: number) => log.reduce((rest, one) => (at - one.at < windowMs ? rest - one.tokens : rest), quota);
  for (let now = start, step = 0; step < 200; step += 1) {
    now += random.between(0, random.oneOf([0, 10, 500, Math.ceil(windowMs / 20), Math.ceil(windowMs / 2)]));
    const cost = random.between(0, random.oneOf([1, 3, Math.ceil(quota / 3), quota]));
    const answer = charge(counter, { cost }, terms, now);
    expect(answer.kind).toBe(cost <= left(now) ? "granted" : "refused");
    if (answer.kind === "granted") log.push({ at: now, tokens: cost });
    else if (answer.retryMs !== null) {
      expect(left(now + answer.retryMs)).toBeGreaterThanOrEqual(cost);
      expect(left(now + answer.retryMs - 1)).toBeLessThan(cost);
      expect(left(now + answer.sameForMs - 1)).toBe(left(now));
    }
    expect(counter.standing(terms, now)).toMatchObject({ used: quota - left(now), remaining: left(now) });
  }
}

function grantedOf(grant: Grant): Grant & { readonly kind: "granted" } {
  if (grant.kind !== "granted") throw new Error("expected a grant");
  return grant;
}

/** The usual approximation: what the last window had, by how much of it still reaches into the interval. */
class WeightedWindows implements Counter {
  readonly #counts = new Map<number, number>();

  adopt(): boolean {
    return false;
  }

  owed(): number {
    return 0;
  }

  offer({ cost, demand }: Ask, { quota, windowMs }: Terms, now: number): Grant {
    const window = Math.floor(now / windowMs);
    const before = (this.#counts.get(window - 1) ?? 0) * (1 - (now % windowMs) / windowMs);
    const left = Math.floor(quota - (this.#counts.get(window) ?? 0) - before);
    if (cost > left) return { kind: "refused", retryMs: Math.ceil(windowMs / 10), sameForMs: 0 };
    const tokens = Math.min(demand, left);
    return { kind: "granted", tokens, lease: null, moved: tokens, stamp: window };
  }

  take({ moved, stamp }: Grant & { readonly kind: "granted" }): void {
    this.#counts.set(stamp, (this.#counts.get(stamp) ?? 0) + moved);
  }

  putBack(): number {
    return 0;
  }

  assume(tokens: number, at: number, { windowMs }: Terms): void {
    this.#counts.set(Math.floor(at / windowMs), tokens);
  }

  lose(): void {}

  standing(): ReturnType<Counter["standing"]> {
    return { used: 0, remaining: 0, resetMs: 0, sameForMs: 0 };
  }

  endsAt(): number {
    return 0;
  }

  allowanceEndsAt(): number {
    return 0;
  }

  image(): string {
    return "";
  }
}
