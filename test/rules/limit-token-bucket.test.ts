import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Grant, Terms } from "../../durable-objects/limiter/counter.ts";
import { freshTokenBucket, restoreTokenBucket } from "../../durable-objects/limiter/token-bucket.ts";
import { isLongRun } from "../support/long-run.ts";
import { charge, countsLeasesAsSpent, live, Random, restored, start, type Kind, type Spent } from "./limit-takers.ts";

const histories = isLongRun ? 500_000 : 20_000;
/** One token each 100 ms, and room for 10: too little for leases. */
const quick: Terms = { quota: 10, windowMs: 1_000, burst: 10 };
/** One token a second, and room for 100: leases live ten seconds. */
const slow: Terms = { quota: 60, windowMs: 60_000, burst: 100 };

const bucket: Kind = {
  fresh: freshTokenBucket,
  restore: restoreTokenBucket,
  terms: (random) => {
    const quota = random.isLucky(0.3) ? random.between(1, 10) : random.between(10, 200);
    return { quota, windowMs: random.oneOf([1_000, 7_777, 10_000, 60_000]), burst: random.between(1, 2 * quota) };
  },
};

/** By how much the fullest interval goes over the line, in whole numbers: tokens times ms. */
function overshootOf({ quota, windowMs, burst }: Terms, admitted: readonly Spent[]): number {
  const inOrder = admitted.toSorted((one, other) => one.at - other.at);
  let most = -Infinity;
  for (const [index, { at: from }] of inOrder.entries()) {
    let sum = 0;
    for (const { at, tokens } of inOrder.slice(index)) {
      sum += tokens;
      most = Math.max(most, (sum - burst) * windowMs - quota * (at - from));
    }
  }
  return most;
}

function overshooting(kind: Kind): number {
  const lives = Array.from({ length: 3_000 }, (_, seed) => live(seed, kind));
  return lives.filter(({ terms, admitted }) => overshootOf(terms, admitted) > 0).length;
}

describe("L1 in every interval at most the burst and what flows in meanwhile", () => {
  test("L1 wherever in its life a lease is spent, by any clock, with returns and crashes", { timeout: 600_000 }, () => {
    let leased = 0;
    let returned = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const life = live(seed, bucket);
        leased += life.leased;
        returned += life.returned;
        expect(overshootOf(life.terms, life.admitted)).toBeLessThanOrEqual(0);
      }),
      { numRuns: histories },
    );
    console.log(`token bucket: ${histories} histories, ${leased} tokens leased, ${returned} returned`);
    expect(leased).toBeGreaterThan(histories);
    expect(returned).toBeGreaterThan(histories);
  });

  test(
    "L1 R25 single charges are decided exactly as the line itself decides, in whole numbers",
    { timeout: 60_000 },
    () => {
      fc.assert(fc.property(fc.integer(), decidesAsTheLine), { numRuns: 300 });
    },
  );

  test("L1 more leases than are remembered one by one never admit more", { timeout: 60_000 }, () => {
    const terms = { quota: 60_000, windowMs: 60_000, burst: 20_000 };
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const counter = freshTokenBucket();
        const admitted: Spent[] = [];
        for (let now = start; now < start + 8_000; now += random.between(1, 8)) {
          const granted = charge(counter, { cost: 1, lease: random.between(1, 30), nth: 3 }, terms, now);
          if (granted.kind === "refused") continue;
          admitted.push({ at: now, tokens: granted.tokens });
          const lifeMs = granted.lease?.lifeMs ?? 0;
          if (granted.lease !== null) admitted.push({ at: now + lifeMs, tokens: granted.lease.tokens });
        }
        expect(overshootOf(terms, admitted)).toBeLessThanOrEqual(0);
        expect(admitted.length).toBeGreaterThan(1_000);
      }),
      { numRuns: 10 },
    );
  });

  test("L1 what comes back late does not make room a second time", () => {
    const counter = freshTokenBucket();
    const { stamp } = grantedOf(charge(counter, { cost: 5 }, quick, start));
    charge(counter, { cost: 5 }, quick, start + 400);
    counter.putBack(stamp, 5, quick, start + 400);
    // Five were spent just now: the line has room for five more, not for nine.
    expect(counter.standing(quick, start + 400).remaining).toBe(5);
  });

  test("L1 looking under another rule changes nothing", () => {
    const counter = freshTokenBucket();
    charge(counter, { cost: 10 }, quick, start);
    counter.standing({ ...quick, quota: 1_000 }, start + 100);
    expect(counter.standing(quick, start + 100).remaining).toBe(1);
  });
});

describe("L1 bites", () => {
  test("L1 bites: a bucket that counts leases as spent when they are granted is caught", () => {
    expect(overshooting({ ...bucket, fresh: () => countsLeasesAsSpent(freshTokenBucket()) })).toBeGreaterThan(0);
  });
});

describe("refusals", () => {
  test("R13 who waits as long as it was told is admitted, and a millisecond earlier is not", () => {
    const counter = freshTokenBucket();
    charge(counter, { cost: 9 }, quick, start);
    expect(charge(counter, { cost: 4 }, quick, start + 50)).toEqual({ kind: "refused", retryMs: 250, sameForMs: 50 });
    expect(charge(counter, { cost: 4 }, quick, start + 299).kind).toBe("refused");
    expect(charge(counter, { cost: 4 }, quick, start + 300).kind).toBe("granted");
  });

  test("R13 a lease is waited for until it surely is spent, and what it took has flowed in", () => {
    const counter = freshTokenBucket();
    charge(counter, { cost: 1, lease: 99, nth: 3 }, slow, start);
    const { retryMs } = refusedOf(charge(counter, { cost: 1 }, slow, start));
    expect(charge(counter, { cost: 1 }, slow, start + (retryMs ?? 0) - 1).kind).toBe("refused");
    expect(charge(counter, { cost: 1 }, slow, start + (retryMs ?? 0)).kind).toBe("granted");
  });

  test.each([quick.quota * 100, 1, 0])(
    "R14 R13 after a rate of %d a refusal tells the wait at the new one",
    (quota) => {
      const counter = freshTokenBucket();
      charge(counter, { cost: 11, isDebt: true }, { ...quick, quota }, start);
      const { retryMs } = refusedOf(charge(counter, { cost: 2 }, quick, start));
      expect(retryMs).toBe(300);
      expect(charge(counter, { cost: 2 }, quick, start + 299).kind).toBe("refused");
      expect(charge(counter, { cost: 2 }, quick, start + 300).kind).toBe("granted");
    },
  );

  test("L4 a refused charge and a question change nothing", () => {
    const counter = freshTokenBucket();
    charge(counter, { cost: 10 }, quick, start);
    const untouched = restored(restoreTokenBucket(counter.image()));
    charge(counter, { cost: 5 }, quick, start + 1);
    counter.standing(quick, start + 2);
    expect(counter.standing(quick, start + 50)).toEqual(untouched.standing(quick, start + 50));
  });

  test.each([
    ["a cost over the burst", quick, 11],
    ["any cost under a quota of 0", { ...quick, quota: 0 }, 1],
    ["no cost under a quota of 0", { ...quick, quota: 0 }, 0],
    ["any cost of a bucket without a size", { ...quick, quota: 0, burst: 0 }, 1],
    ["no cost of a bucket without a size", { ...quick, quota: 0, burst: 0 }, 0],
  ])("%s is refused for ever", (_name, terms, cost) => {
    expect(charge(freshTokenBucket(), { cost }, terms, start)).toMatchObject({ kind: "refused", retryMs: null });
  });

  test("R22 a bucket of a quota of 0 has nothing, whatever was taken before, and says when to look again", () => {
    const counter = freshTokenBucket();
    for (const burst of [0, 10]) {
      const nothing = { ...quick, quota: 0, burst };
      expect(counter.standing(nothing, start)).toEqual({ used: 0, remaining: 0, resetMs: 0, sameForMs: 1_000 });
    }
    charge(counter, { cost: 10 }, quick, start);
    expect(charge(counter, { cost: 1 }, { ...quick, quota: 0, burst: 0 }, start + 500).kind).toBe("refused");
    // What was used is forgotten no sooner for it, and no later.
    expect(counter.standing(quick, start + 500).remaining).toBe(5);
  });

  test.each([1, 2, 5, 100])("a burst of %d can be had at once, also where leases are given", (burst) => {
    const terms = { quota: 1, windowMs: 60_000, burst };
    expect(charge(freshTokenBucket(), { cost: burst }, terms, start)).toMatchObject({ tokens: burst });
  });
});

describe("leases", () => {
  test("a lease lives a tenth of the time in which the burst flows in", () => {
    expect(charge(freshTokenBucket(), { lease: 10 }, slow, start)).toMatchObject({ lease: { lifeMs: 10_000 } });
  });

  test("a bucket that fills within two seconds leases nothing", () => {
    const full = { quota: 1_000, windowMs: 1_000, burst: 1_999 };
    expect(charge(freshTokenBucket(), { lease: 10 }, full, start)).toMatchObject({ tokens: 1, lease: null });
  });
});

describe("returns, debts, losses and changes", () => {
  test("tokens of a lease that lives come back whole, and never beyond what was moved", () => {
    const counter = freshTokenBucket();
    const { stamp, lease } = grantedOf(charge(counter, { cost: 1, lease: 40 }, slow, start));
    expect(counter.putBack(stamp, lease?.tokens ?? 0, slow, start + 1)).toBe(40);
    expect(counter.putBack(stamp, 60, slow, start + 2)).toBeLessThanOrEqual(1);
    expect(counter.standing(slow, start + 60_000)).toMatchObject({ used: 0, remaining: 100 });
  });

  test("a single token that comes back at once comes back whole", () => {
    const counter = freshTokenBucket();
    const { stamp } = grantedOf(charge(counter, { cost: 8 }, quick, start));
    expect(counter.putBack(stamp, 5, quick, start)).toBe(5);
    expect(counter.standing(quick, start).remaining).toBe(7);
  });

  test("a debt is charged whole, and is paid by what flows in", () => {
    const counter = freshTokenBucket();
    const debt = charge(counter, { cost: 25, isDebt: true, lease: 5 }, quick, start);
    expect(debt).toMatchObject({ kind: "granted", tokens: 25, lease: null, moved: 25 });
    expect(counter.standing(quick, start)).toMatchObject({ used: 25, remaining: 0, resetMs: 2_500, sameForMs: 1_600 });
    expect(charge(counter, { cost: 1 }, quick, start)).toMatchObject({ kind: "refused", retryMs: 1_600 });
  });

  test("L5 what may have gone leaves the bucket empty at the last moment, and as leased where leases are given", () => {
    const single = freshTokenBucket();
    single.assume(1_000, start + 5, quick);
    expect(single.endsAt(quick)).toBe(start + 1_005);
    expect(single.standing(quick, start + 5)).toMatchObject({ remaining: 0, sameForMs: 100 });
    const leasing = freshTokenBucket();
    leasing.assume(100, start, slow);
    expect(leasing.endsAt(slow)).toBe(start + Math.ceil(10_000 * 1.11) + 50 + 100_000);
  });

  test("what was lost long ago has flowed in since", () => {
    const counter = freshTokenBucket();
    counter.assume(10, start, quick);
    expect(counter.standing(quick, start + 3_600_000)).toMatchObject({ used: 0, remaining: 10, resetMs: 0 });
  });

  test("as many tokens stay used when the rate, the window or the burst changes", () => {
    const counter = freshTokenBucket();
    charge(counter, { cost: 8 }, quick, start);
    expect(counter.standing({ ...quick, quota: 1_000 }, start)).toMatchObject({ used: 8, remaining: 2 });
    expect(counter.standing({ ...quick, windowMs: 77_777 }, start)).toMatchObject({ used: 8, remaining: 2 });
    expect(counter.standing({ ...quick, burst: 20 }, start)).toMatchObject({ used: 8, remaining: 12 });
    expect(counter.standing({ ...quick, burst: 5 }, start)).toMatchObject({ used: 8, remaining: 0 });
  });

  test("an image reads back as the same counter, and what is no image of it as none", () => {
    const counter = freshTokenBucket();
    charge(counter, { cost: 3, lease: 20 }, slow, start);
    charge(counter, { cost: 2 }, slow, start + 70);
    const again = restored(restoreTokenBucket(counter.image()));
    expect(again.standing(slow, start + 100)).toEqual(counter.standing(slow, start + 100));
    expect(again.endsAt(slow)).toBe(counter.endsAt(slow));
    expect(restoreTokenBucket('{"v":2}')).toBeNull();
    expect(restoreTokenBucket('{"v":1}')).toBeNull();
  });

  const most = Number.MAX_SAFE_INTEGER;
  test.each([
    { quota: 1, windowMs: 2_678_400_000, burst: 1 },
    { quota: 1, windowMs: 2_678_400_000, burst: 1_000_000_000 },
    { quota: 1_000_000_000, windowMs: 100, burst: 3 },
    { quota: most, windowMs: 1, burst: most },
    { quota: 7, windowMs: most, burst: most },
  ])("R22 a bucket of $quota in $windowMs ms and $burst is counted without a rest", (terms) => {
    const { burst } = terms;
    const counter = freshTokenBucket();
    expect(charge(counter, { cost: burst }, terms, start)).toMatchObject({ tokens: burst });
    const empty = counter.standing(terms, start);
    expect(empty).toMatchObject({ used: burst, remaining: 0 });
    for (const ms of [empty.resetMs, empty.sameForMs, counter.endsAt(terms)]) expect(ms).toBeGreaterThan(0);
    expect(charge(counter, { cost: 1 }, terms, start)).toMatchObject({ kind: "refused", retryMs: empty.sameForMs });
    expect(counter.standing(terms, start + empty.sameForMs).remaining).toBeGreaterThan(0);
    expect(counter.standing(terms, start + 2 * empty.resetMs)).toMatchObject({ used: 0, remaining: burst });
  });
});

function decidesAsTheLine(seed: number): void {
  const random = new Random(seed);
  const terms = bucket.terms(random);
  const { quota, windowMs, burst } = terms;
  const counter = freshTokenBucket();
  const log: Spent[] = [];
  const left = (at: number) => wholeLeft(terms, log, at);
  for (let now = start, step = 0; step < 80; step += 1) {
    now += random.between(0, random.oneOf([0, 10, Math.ceil(windowMs / quota), Math.ceil(windowMs / 4)]));
    const cost = random.between(0, random.oneOf([1, 3, Math.ceil(burst / 3), burst]));
    const answer = charge(counter, { cost }, terms, now);
    expect(answer.kind).toBe(cost <= left(now) ? "granted" : "refused");
    if (answer.kind === "granted") log.push({ at: now, tokens: cost });
    else if (answer.retryMs !== null) {
      expect(left(now + answer.retryMs)).toBeGreaterThanOrEqual(cost);
      expect(left(now + answer.retryMs - 1)).toBeLessThan(cost);
      expect(left(now + answer.sameForMs - 1)).toBe(left(now));
      expect(left(now + answer.sameForMs)).toBeGreaterThan(left(now));
    }
    expect(counter.standing(terms, now).remaining).toBe(left(now));
  }
}

/** How many whole tokens every interval that ends at `at` has room for. */
function wholeLeft({ quota, windowMs, burst }: Terms, log: readonly Spent[], at: number): number {
  const part = BigInt(windowMs);
  let room = BigInt(burst) * part;
  let sum = 0n;
  for (const { at: from, tokens } of log.toReversed()) {
    sum += BigInt(tokens) * part;
    const rest = BigInt(burst) * part + BigInt(quota) * BigInt(at - from) - sum;
    if (rest < room) room = rest;
  }
  return Number(room / part);
}

function grantedOf(grant: Grant): Grant & { readonly kind: "granted" } {
  if (grant.kind !== "granted") throw new Error("expected a grant");
  return grant;
}

function refusedOf(grant: Grant): Grant & { readonly kind: "refused" } {
  if (grant.kind !== "refused") throw new Error("expected a refusal");
  return grant;
}
