/** T2, T3: what the cache of verified tokens, the filter and the delta say together is what a slow exact list says. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { isLongRun } from "../support/long-run.ts";
import { start } from "../support/log-parts.ts";
import { RevocationWorld, type Target } from "./revocation-world.ts";

const runs = isLongRun ? 100_000 : 4_000;

const small = <Value>(...values: readonly Value[]) => fc.constantFrom(...values);
const times = small(start - 2_000, start - 1_000, start);

/** Few tokens, so that they are asked for again, and met by revocations. */
const tokens: readonly TokenNames[] = [
  { issuer: "i1", subject: "ada", kid: "k1", jti: "j1", client: "c1", tenant: "t1", family: "f1", issuedFrom: start },
  { issuer: "i1", subject: "ada", kid: "k1", jti: "j2", client: "c1", tenant: "t1", issuedFrom: start - 1_000 },
  { issuer: "i1", subject: "bob", kid: "k2", jti: "j3", client: "c2", tenant: "t1", family: "f2", issuedFrom: start },
  { issuer: "i2", subject: "ada", kid: "k1", jti: "j1", issuedFrom: null },
  { issuer: "i2", subject: "bob", kid: "k3", token: "digest", tenant: "t2", issuedFrom: start - 2_000 },
];
const names = small(...tokens);

const target: fc.Arbitrary<Target> = fc
  .record(
    {
      issuer: small("i1", "i2"),
      subject: small("ada", "bob"),
      kid: small("k1", "k4"),
      jti: small("j1", "j2", "j3"),
      token: small("digest", "other"),
      client: small("c1", "c3"),
      tenant: small("t1", "t3"),
      family: small("f1", "f3"),
      issuedBefore: times,
    },
    { requiredKeys: [] },
  )
  // One name, seldom two: what names nothing revokes nothing, and what names much hardly anything.
  .map(({ issuedBefore, ...made }) => {
    const named = Object.entries(made);
    const chosen = named.length === 0 ? { jti: "j1" } : Object.fromEntries(named.slice(0, 1 + (named.length % 2)));
    return issuedBefore === undefined ? chosen : { ...chosen, issuedBefore };
  });

type Step =
  | { readonly kind: "ask"; readonly names: TokenNames }
  | { readonly kind: "revoke"; readonly target: Target }
  | { readonly kind: "lift"; readonly index: number }
  | { readonly kind: "deliver"; readonly isNewest: boolean }
  | { readonly kind: "note" | "apply" | "pull" | "epoch" | "region" | "isolate" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("ask" as const), names }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("revoke" as const), target }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("lift" as const), index: fc.nat(9) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("deliver" as const), isNewest: fc.boolean() }) },
  { weight: 10, arbitrary: small<Step>({ kind: "apply" }, { kind: "pull" }, { kind: "pull" }, { kind: "note" }) },
  { weight: 1, arbitrary: small<Step>({ kind: "epoch" }, { kind: "region" }, { kind: "isolate" }) },
);

const history = fc.array(step, { minLength: 20, maxLength: 120, size: "max" });

async function play(world: RevocationWorld, steps: readonly Step[]): Promise<void> {
  const asks: Promise<void>[] = [];
  for (const [index, now] of steps.entries()) {
    if (now.kind === "ask") asks.push(world.ask(JSON.stringify(now.names), now.names));
    else if (now.kind === "revoke") world.revoke(`r${index}`, now.target);
    else if (now.kind === "lift") world.lift(now.index);
    else if (now.kind === "deliver") await world.deliver(now.isNewest);
    else if (now.kind === "note") world.note();
    else if (now.kind === "apply") world.applyAll();
    else if (now.kind === "pull") world.pull();
    else if (now.kind === "epoch") world.beginEpoch();
    else if (now.kind === "region") world.restartRegion();
    else world.restartIsolate();
  }
  await world.finish();
  await Promise.all(asks);
}

describe("a verdict on a token", () => {
  test(
    "T2 T3 is what holds at its view or later, whatever comes late, again, after a reset, in another epoch or is lifted",
    { timeout: 300_000 },
    async () => {
      const sum = { clear: 0, revoked: 0, unknown: 0, asked: 0 };
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          const world = new RevocationWorld();
          await play(world, steps);
          for (const kind of ["clear", "revoked", "unknown"] as const) sum[kind] += world.seen[kind];
          sum.asked += world.asked;
          expect(world.violations).toEqual([]);
        }),
        { numRuns: runs },
      );
      console.info("verdicts held against the list:", sum);
      expect(Math.min(sum.clear, sum.revoked, sum.asked)).toBeGreaterThan(runs);
    },
  );

  test("T3 bites: a cache that does not look at the number of revocations is caught", async () => {
    const outcome = await fc.check(
      fc.asyncProperty(history, async (steps) => {
        const world = new RevocationWorld({ naive: true });
        await play(world, steps);
        return world.violations.length === 0;
      }),
      { numRuns: 300, endOnFailure: true },
    );
    console.info(`the cache without a look was caught after ${outcome.numRuns} histories`);
    expect(outcome.failed).toBe(true);
  });
});
