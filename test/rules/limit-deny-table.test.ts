import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DenySlots, noSlot } from "../../workers/limit/deny-slots.ts";
import { denialOf, type HeardDenial } from "../../workers/limit/denials.ts";
import { DenyTable } from "../../workers/limit/deny-table.ts";
import { isLongRun } from "../support/long-run.ts";

const seed = [0x0123_4567, 0x89ab_cdef] as const;
const numRuns = isLongRun ? 50_000 : 2_000;
const dayMs = 86_400_000;
const mostBytes = 16_777_216;
/** 2023-11-14. */
const startAt = 1_700_000_000_000;

const refusing = (sentAt: number, denyMs: number): HeardDenial =>
  denialOf({ remaining: 0, resetMs: denyMs, denyMs }, sentAt, sentAt);

describe("L7 the memory of denials", () => {
  const keys = 1_000_000;
  const learnAll = (table: DenyTable, prefix: string, denyMs: number, now: number) => {
    for (let index = 0; index < keys; index += 1) table.learn(`${prefix}\n${index}`, refusing(now, denyMs), now);
  };
  const held = (table: DenyTable, prefix: string, now: number) => {
    let found = 0;
    for (let index = 0; index < keys; index += 1) if (table.find(`${prefix}\n${index}`, 1, now) !== null) found += 1;
    return found;
  };

  test("holds 10^6 distinct keys in 16 MiB, takes no stranger for one of them, and never grows past that", () => {
    const table = new DenyTable(seed);
    learnAll(table, "first", 60_000, startAt);
    expect(held(table, "first", startAt + 1)).toBeGreaterThanOrEqual(0.999 * keys);
    expect(table.bytes).toBeLessThanOrEqual(mostBytes);
    expect(held(table, "stranger", startAt + 1)).toBe(0);

    // Full of live ones: those that end soonest make room for those that end later.
    learnAll(table, "second", 120_000, startAt + 2);
    expect(table.bytes).toBeLessThanOrEqual(mostBytes);
    expect(table.entries).toBeLessThanOrEqual(1_048_576);
    expect(held(table, "second", startAt + 3)).toBeGreaterThanOrEqual(0.9 * keys);

    // Full, but for one key, of what has ended: all of that makes room.
    table.learn("last", refusing(startAt + 3, 1_000_000), startAt + 3);
    learnAll(table, "third", 60_000, startAt + 200_000);
    expect(held(table, "third", startAt + 200_001)).toBeGreaterThanOrEqual(0.999 * keys);
    expect(table.find("last", 1, startAt + 200_001)).not.toBeNull();
    expect(table.bytes).toBeLessThanOrEqual(mostBytes);
  }, 60_000);

  test("is small before a flood, and small again when all that it taught has ended", () => {
    const table = new DenyTable(seed);
    expect(table.bytes).toBeLessThanOrEqual(16_384);
    for (let index = 0; index < 20_000; index += 1) table.learn(`key ${index}`, refusing(startAt, 60_000), startAt);
    expect(table.entries).toBe(20_000);
    expect(table.bytes).toBeGreaterThanOrEqual(20_000 * 15);
    table.learn("later", refusing(startAt + 60_000, 60_000), startAt + 60_000);
    expect(table.bytes).toBeLessThanOrEqual(16_384);
    expect(table.entries).toBe(1);
    expect(table.find("later", 1, startAt + 60_001)).not.toBeNull();
  });

  test("does not wait for a whole generation: an ended denial's place is used again", () => {
    const table = new DenyTable(seed);
    table.learn("long", refusing(startAt, 10 * dayMs), startAt);
    for (let round = 0; round < 200; round += 1) {
      const now = startAt + round * 1_000;
      for (let index = 0; index < 500; index += 1) table.learn(`${round} ${index}`, refusing(now, 1_000), now);
    }
    expect(table.bytes).toBeLessThanOrEqual(16_384);
    expect(table.find("long", 1, startAt + 200_000)).not.toBeNull();
  });
});

test("one bit of 56 keeps two fingerprints apart", () => {
  const content = { endsInMs: 9, remaining: 0, gap: 0 };
  for (let bit = 0; bit < 56; bit += 1) {
    const slots = new DenySlots();
    const [low, high] = bit < 32 ? [(1 << bit) >>> 0, 0] : [0, 1 << (bit - 32)];
    slots.write(0, 0, 1, content);
    expect(slots.find(low, high), `bit ${bit}`).toBe(noSlot);
    slots.write(low, high, 1, content);
    expect(slots.find(low, high), `bit ${bit}`).not.toBe(slots.find(0, 0));
    expect(slots.entries).toBe(2);
  }
});

describe("what the table refuses", () => {
  const keys = fc.nat(7).map((key) => `limit\n${key}`);
  const span = fc.oneof(fc.nat(50), { weight: 2, arbitrary: fc.nat(70_000) }, fc.nat(31 * dayMs));
  const remaining = fc.oneof(fc.nat(5), fc.nat(65_535), fc.integer({ min: 65_530, max: 70_000 }));
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("learn" as const),
        key: keys,
        sentMs: fc.nat(900),
        denyMs: span,
        gapMs: span,
        remaining,
      }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("find" as const), key: keys, cost: remaining }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const), key: keys }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: span }) },
    // Enough at once to make the table double.
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("flood" as const), count: fc.nat(2_500), denyMs: span }) },
  );

  test("L4 is just what exact denials refuse, to the millisecond and the token, however long the windows", () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), fc.nat(), (steps, word) => {
        const table = new DenyTable([word, 1]);
        const exact = new Map<string, HeardDenial>();
        let now = startAt;
        for (const one of steps) {
          if (one.kind === "pass") now += one.ms;
          else if (one.kind === "forget") {
            table.forget(one.key);
            exact.delete(one.key);
          } else if (one.kind === "flood") {
            for (let index = 0; index < one.count; index += 1) table.learn(`${index}`, refusing(now, one.denyMs), now);
          } else if (one.kind === "learn") {
            const sentAt = now - one.sentMs;
            const resetAt = sentAt + one.denyMs + one.gapMs;
            const denial = { sentAt, endsAt: sentAt + one.denyMs, resetAt, remaining: one.remaining };
            table.learn(one.key, denial, now);
            exact.set(one.key, denial);
          } else {
            const denial = exact.get(one.key);
            const isRefused =
              denial !== undefined && denial.remaining < 65_536 && one.cost > denial.remaining && now < denial.endsAt;
            const found = table.find(one.key, one.cost, now);
            expect(found !== null).toBe(isRefused);
            if (found === null || denial === undefined) continue;
            refused += 1;
            expect(found.endsAt).toBe(denial.endsAt);
            expect(found.remaining).toBe(denial.remaining);
            const gapMs = denial.resetAt - denial.endsAt;
            expect(found.resetAt).toBeGreaterThanOrEqual(denial.resetAt);
            expect(found.resetAt).toBeLessThanOrEqual(denial.endsAt + gapMs * 1.001);
          }
        }
      }),
      { numRuns: numRuns / 2 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  test("L4 is nothing past its true end, though the clock steps backward while answers are under way", () => {
    const event = fc.record({
      afterMs: fc.nat(3_000),
      answerMs: fc.nat(3_000),
      denyMs: fc.integer({ min: 1, max: 20_000 }),
      backMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(500), fc.nat(8_000), fc.nat(4_000_000)),
    });
    let refused = 0;
    fc.assert(
      fc.property(fc.array(event, { minLength: 2, maxLength: 12 }), (events) => {
        const table = new DenyTable(seed);
        let trueAt = 0;
        let behindMs = 0;
        const clock = () => startAt + trueAt - behindMs;
        const answers: { readonly heardAt: number; readonly key: string; readonly denial: HeardDenial }[] = [];
        const trueEnds = new Map<string, number>();
        const advance = (until: number) => {
          for (const answer of answers.filter(({ heardAt }) => heardAt > trueAt && heardAt <= until)) {
            trueAt = answer.heardAt;
            table.learn(answer.key, answer.denial, clock());
          }
          trueAt = until;
          for (const [key, endsAt] of trueEnds) {
            if (table.find(key, 1, clock()) === null) continue;
            refused += 1;
            expect(trueAt).toBeLessThan(endsAt);
          }
        };
        for (const [index, { afterMs, answerMs, denyMs, backMs }] of events.entries()) {
          advance(trueAt + afterMs);
          trueEnds.set(`${index}`, trueAt + denyMs);
          const denial = refusing(clock(), denyMs);
          answers.push({ heardAt: trueAt + 1 + answerMs, key: `${index}`, denial });
          answers.sort((one, other) => one.heardAt - other.heardAt);
          // Seen: the table is asked on either side of the step.
          advance(trueAt);
          behindMs += backMs;
          advance(trueAt);
        }
        for (let index = 0; index < 10; index += 1) advance(trueAt + 2_500);
      }),
      { numRuns },
    );
    expect(refused).toBeGreaterThan(100);
  });
});

test("a clock that steps backward, by however little, voids what was learnt, and soon all is learnt anew", () => {
  const table = new DenyTable(seed);
  table.learn("a", refusing(startAt, 60_000), startAt);
  expect(table.find("a", 1, startAt + 10)).not.toBeNull();
  expect(table.find("b", 1, startAt + 9)).toBeNull();
  expect(table.find("a", 1, startAt + 9)).toBeNull();
  expect(table.find("a", 1, startAt + 20)).toBeNull();
  expect(table.entries).toBe(0);

  table.learn("a", refusing(startAt + 11, 60_000), startAt + 20);
  expect(table.find("a", 1, startAt + 20)).not.toBeNull();

  const hourAgo = startAt - 3_600_000;
  table.learn("b", refusing(startAt + 20, 60_000), hourAgo);
  expect(table.entries).toBe(0);
  table.learn("b", refusing(hourAgo + 10_001, 60_000), hourAgo + 10_001);
  expect(table.find("b", 1, hourAgo + 10_001)).not.toBeNull();

  // Seen only by what was sent: at its sending the clock had shown more than now.
  table.learn("c", refusing(hourAgo + 10_300, 60_000), hourAgo + 10_200);
  expect(table.find("b", 1, hourAgo + 10_301)).toBeNull();
  expect(table.find("c", 1, hourAgo + 10_301)).toBeNull();
});

test("a denial holds to its end while 60 days of others come and go", () => {
  const table = new DenyTable(seed);
  const month = 31 * dayMs;
  for (let day = 0; day <= 60; day += 1) {
    const now = startAt + day * dayMs;
    table.learn(`day ${day}`, refusing(now, month), now);
    for (let before = 0; before <= day; before += 1) {
      const endsAt = startAt + before * dayMs + month;
      const found = table.find(`day ${before}`, 1, now);
      expect(found?.endsAt ?? null, `day ${before} on day ${day}`).toBe(now < endsAt ? endsAt : null);
    }
  }
});

test("what is forgotten is the limiter's to decide, and what others know stays", () => {
  const table = new DenyTable(seed);
  for (const key of ["a", "b"]) table.learn(key, refusing(startAt, 60_000), startAt);
  table.forget("a");
  table.forget("a");
  table.forget("never known");
  expect(table.find("a", 1, startAt)).toBeNull();
  expect(table.find("b", 1, startAt)).not.toBeNull();
  expect(table.entries).toBe(1);
  table.forgetAll();
  expect(table.find("b", 1, startAt)).toBeNull();
  expect(table.entries).toBe(0);
});

test("a newer denial takes the place of an older one, also when the table has no room for its numbers", () => {
  const table = new DenyTable(seed);
  const learn = (remaining: number, denyMs: number) =>
    table.learn("a", denialOf({ remaining, resetMs: denyMs, denyMs }, startAt, startAt), startAt);
  learn(0, 60_000);
  learn(3, 30_000);
  expect(table.entries).toBe(1);
  expect(table.find("a", 3, startAt)).toBeNull();
  expect(table.find("a", 4, startAt)).toEqual({ endsAt: startAt + 30_000, resetAt: startAt + 30_000, remaining: 3 });
  learn(65_535, 60_000);
  expect(table.find("a", 65_536, startAt)?.remaining).toBe(65_535);
  learn(65_536, 60_000);
  expect(table.find("a", 100_000, startAt)).toBeNull();
  learn(0, 60_000);
  learn(0, 0);
  expect(table.find("a", 1, startAt)).toBeNull();
});

test("what it cannot hold exactly it rounds to the caller's side, and it never holds what is no number", () => {
  const table = new DenyTable(seed);
  const now = startAt + 0.5;
  table.learn("part", { sentAt: now, endsAt: now + 10.4, resetAt: now + 20.2, remaining: 1.5 }, now);
  expect(table.find("part", 2, now)).toBeNull();
  expect(table.find("part", 3, now)).toEqual({ endsAt: startAt + 10, resetAt: startAt + 21, remaining: 2 });

  table.learn("century", refusing(now, 36_500 * dayMs), now);
  const saturated = table.find("century", 1, now);
  expect(saturated?.endsAt).toBe(startAt + 2 ** 32 - 1);
  expect(saturated?.resetAt).toBeGreaterThan(startAt + 2 ** 32);

  for (const wrong of [Number.NaN, -Infinity]) {
    table.learn("wrong", { sentAt: now, endsAt: wrong, resetAt: now + 9, remaining: 0 }, now);
    table.learn("wrong", { sentAt: wrong, endsAt: now + 9, resetAt: now + 9, remaining: Number.NaN }, now);
    expect(table.find("wrong", 1, now)).toBeNull();
    table.learn("right", refusing(now, 1_000), now);
    expect(table.find("right", wrong, now)).toBeNull();
    expect(table.find("right", 1, Number.NaN)).toBeNull();
    expect(table.find("right", 1, now)).not.toBeNull();
  }
  table.learn("less than nothing", { ...refusing(now, 1_000), remaining: -1 }, now);
  expect(table.find("less than nothing", 1, now)?.remaining).toBe(0);
  expect(table.find("part", 3, startAt + 10)).toBeNull();
});

test("a denial counts from when its request was sent, and its client waits from when it was heard", () => {
  const refusal = { remaining: 2, resetMs: 10_000, denyMs: 9_009 };
  expect(denialOf(refusal, 1_000, 1_400)).toEqual({ sentAt: 1_000, endsAt: 10_009, resetAt: 11_400, remaining: 2 });
  expect(denialOf(refusal, 1_000, 900).resetAt).toBe(11_000);
});
