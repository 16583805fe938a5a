/** What comes back into a bucket: as if it had never been taken, and never more than that. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Terms } from "../../durable-objects/limiter/counter.ts";
import { freshTokenBucket, restoreTokenBucket } from "../../durable-objects/limiter/token-bucket.ts";
import { isLongRun } from "../support/long-run.ts";
import { charge, start } from "./limit-takers.ts";

const numRuns = isLongRun ? 300_000 : 10_000;

interface Step {
  readonly afterMs: number;
  readonly cost: number;
  /** Which of the charges before comes back; null for none. */
  readonly back: number | null;
}

const terms: fc.Arbitrary<Terms> = fc.record({
  quota: fc.integer({ min: 1, max: 100 }),
  windowMs: fc.constantFrom(100, 1_000, 7_777),
  burst: fc.integer({ min: 1, max: 60 }),
});
const step: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.oneof(fc.nat(3), fc.nat(400)),
  cost: fc.nat(12),
  back: fc.option(fc.nat(20)),
});

interface Taken {
  readonly at: number;
  readonly tokens: number;
  readonly stamp: number;
  isBack: boolean;
}

/** What such a bucket holds in the end that was never asked for what came back, in tokens and parts of one. */
function levelOf(taken: readonly Taken[], { quota, windowMs }: Terms, now: number): number {
  let [level, at] = [0, 0];
  for (const one of [...taken.filter(({ isBack }) => !isBack), { at: now, tokens: 0 }]) {
    level = Math.max(0, level - (one.at - at) * quota) + one.tokens * windowMs;
    ({ at } = one);
  }
  return level / windowMs;
}

/** Lives through the steps. How many came back, and the bucket's end beside the one that never knew of those. */
function lived(of: Terms, steps: readonly Step[], isRestored = false) {
  let counter = freshTokenBucket();
  const taken: Taken[] = [];
  let now = start;
  let returned = 0;
  for (const [index, { afterMs, cost, back }] of steps.entries()) {
    now += afterMs;
    if (isRestored && index === Math.floor(steps.length / 2)) counter = restoreTokenBucket(counter.image()) ?? counter;
    const granted = charge(counter, { cost, lease: 0 }, of, now);
    if (granted.kind === "granted" && cost > 0)
      taken.push({ at: now, tokens: cost, stamp: granted.stamp, isBack: false });
    const one = back === null ? undefined : taken.filter(({ isBack }) => !isBack).at(-1 - back);
    if (one === undefined) continue;
    one.isBack = true;
    returned += 1;
    counter.putBack(one.stamp, one.tokens, of, now);
  }
  return { returned, used: counter.standing(of, now).used, ideal: levelOf(taken, of, now) };
}

test.each([false, true])("L1 is never more than that, however many come back (memory lost: %s)", (isRestored) => {
  fc.assert(
    fc.property(terms, fc.array(step, { maxLength: 40 }), (of, steps) => {
      const { used, ideal } = lived(of, steps, isRestored);
      expect(used).toBeGreaterThanOrEqual(Math.ceil(ideal - 1e-6));
    }),
    { numRuns },
  );
});

test("L4 is all of that where one comes back", () => {
  let different = 0;
  fc.assert(
    fc.property(terms, fc.array(step, { minLength: 1, maxLength: 15 }), (of, steps) => {
      const last = steps.length - 1;
      const { returned, used, ideal } = lived(
        of,
        steps.map((one, index) => (index === last ? one : { ...one, back: null })),
      );
      if (returned === 0) return;
      different += 1;
      // Parts of a token stay.
      expect(used).toBeLessThanOrEqual(Math.ceil(ideal) + 1);
    }),
    { numRuns },
  );
  expect(different).toBeGreaterThan(numRuns / 10);
});
