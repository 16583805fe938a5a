/** T5: what a KeySets object makes of a fetch, how long a set is used, and which settings say so. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeySetsRequest, KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import {
  afterFetch,
  answerFrom,
  describeKept,
  type Kept,
  nothingKept,
  stateOf,
  wantsFetch,
  withStaleUses,
} from "../../durable-objects/key-sets/key-set-book.ts";
import type { FetchOutcome } from "../../durable-objects/key-sets/key-set-fetch.ts";
import { compile } from "../../workers/config/compile.ts";
import { issuer as issuerSettings, mistakesOf, withIssuer } from "../support/configurations.ts";

const issuer = "https://id.example.com";
const hour = 3_600_000;
const source: KeySetSource = { issuer, jwksUri: null, ttlMs: 600_000, cooldownMs: 30_000, maxStaleMs: 2 * hour };
const start = 1_795_000_000_000;

const setOf = (...kids: readonly string[]): FetchOutcome => ({
  kind: "fetched",
  keys: kids.map((kid) => ({ kid, kty: "EC" })),
  leftOut: [],
});
const down: FetchOutcome = { kind: "failed", reason: "unreachable", detail: "connection refused" };

const fetched = (kept: Kept, outcome: FetchOutcome, startedAt: number, endedAt = startedAt) =>
  afterFetch(kept, source, outcome, { startedAt, endedAt, random: 0 });
const asking = (more: Partial<KeySetsRequest> = {}): KeySetsRequest => ({ v: 1, source, missing: null, ...more });

describe("T5 how a set stands", () => {
  const { kept: fresh } = fetched(nothingKept, setOf("k1"), start);
  const { kept: failing } = fetched(fresh, down, start + source.ttlMs);

  test.each<readonly [string, Kept, number, string]>([
    ["before the first fetch there is none", nothingKept, start, "none"],
    ["after a failed first fetch, too", fetched(nothingKept, down, start).kept, start, "none"],
    ["within its TTL it is fresh", fresh, start + source.ttlMs - 1, "fresh"],
    ["past it, it is due", fresh, start + source.ttlMs, "due"],
    ["past it while the issuer is down, it is stale", failing, start + source.ttlMs, "stale"],
    ["up to its last millisecond", failing, start + 2 * hour, "stale"],
    ["and then it has ended", failing, start + 2 * hour + 1, "ended"],
    ["whether the issuer was asked or not", fresh, start + 2 * hour + 1, "ended"],
  ])("%s", (_title, kept, now, state) => {
    expect(stateOf(kept, source, now)).toBe(state);
    expect(answerFrom(kept, source, now).kind).toBe(["none", "ended"].includes(state) ? "unavailable" : "keys");
  });

  test("an edge that does not say how long goes by a day", () => {
    const { maxStaleMs: _unsaid, ...old } = source;
    expect(stateOf(failing, old, start + 24 * hour)).toBe("stale");
    expect(stateOf(failing, old, start + 24 * hour + 1)).toBe("ended");
  });

  test("a backoff runs from the end of the fetch: a slow failure is not repeated at once", () => {
    const { kept } = fetched(nothingKept, down, start, start + 5_000);
    expect(wantsFetch(kept, asking(), start + 5_999)).toBe(false);
    expect(wantsFetch(kept, asking(), start + 6_000)).toBe(true);
  });

  test("a failure changes nothing of the set, and says why", () => {
    expect(failing).toMatchObject({ keys: fresh.keys, publishedAt: fresh.publishedAt });
    expect(describeKept(failing, source, start + source.ttlMs)).toMatchObject({
      keyIds: ["k1"],
      fetchedAt: start,
      endsAt: start + 2 * hour,
      lastFailure: "unreachable",
      failures: 1,
      retryAt: start + source.ttlMs + 1_000,
    });
  });
});

describe("T4 what is told", () => {
  test("a set that changed, at once; one that did not, once a TTL; a failure, never", () => {
    const first = fetched(nothingKept, setOf("k1"), start);
    expect(first.told).toEqual({ issuer, keys: [{ kid: "k1", kty: "EC" }], fetchedAt: start });
    const same = fetched(first.kept, setOf("k1"), start + 30_000);
    expect(same.told).toBeNull();
    expect(fetched(same.kept, setOf("k1"), start + source.ttlMs).told).toMatchObject({ fetchedAt: start + 600_000 });
    expect(fetched(same.kept, setOf("k1", "k2"), start + 60_000).told?.keys).toHaveLength(2);
    expect(fetched(same.kept, setOf(), start + 60_000).told?.keys).toEqual([]);
    expect(fetched(same.kept, down, start + 60_000).told).toBeNull();
  });

  test("what everyone was told last is always what is kept, and newer than all that was told before", () => {
    const step = fc.record({
      afterMs: fc.nat(900_000),
      outcome: fc.constantFrom(setOf("k1"), setOf("k2"), setOf("k1", "k2"), setOf(), down),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let kept = nothingKept;
        let now = start;
        let told: { readonly keys: readonly unknown[]; readonly fetchedAt: number } | null = null;
        for (const { afterMs, outcome } of steps) {
          now += afterMs;
          const next = fetched(kept, outcome, now);
          kept = next.kept;
          if (next.told !== null) {
            expect(next.told.fetchedAt).toBeGreaterThan(told?.fetchedAt ?? 0);
            told = next.told;
          }
          expect(kept.keys).toEqual(told?.keys ?? null);
        }
      }),
    );
  });
});

describe("T5 uses of a stale set", () => {
  const { kept: fresh } = fetched(nothingKept, setOf("k1"), start);
  const { kept: stale } = fetched(fresh, down, start + source.ttlMs);
  const now = start + source.ttlMs + 5_000;
  const usesAfter = (kept: Kept, request: KeySetsRequest, wasStale: boolean) =>
    withStaleUses(kept, request, wasStale, now).staleUses;

  test("are added up as edges tell them", () => {
    const once = withStaleUses(stale, asking({ staleUses: 4 }), true, now);
    expect(usesAfter(once, asking({ staleUses: 3, missing: "k9" }), true)).toBe(7);
  });

  test("of an edge that does not count are one a question about an old set, and none about an unknown key", () => {
    expect(usesAfter(stale, asking(), true)).toBe(1);
    expect(usesAfter(stale, asking({ missing: "k9" }), true)).toBe(0);
  });

  test("that are told when the issuer is back are counted, too", () => {
    const { kept: back } = fetched(stale, setOf("k1"), now);
    expect(usesAfter(back, asking({ staleUses: 4 }), true)).toBe(4);
  });

  test("are none while the issuer answers: the first request past the TTL uses the set and asks beside it", () => {
    const { kept: again } = fetched(fresh, setOf("k1"), now);
    expect(usesAfter(again, asking({ staleUses: 4 }), false)).toBe(0);
  });
});

describe("how long, in the configuration", () => {
  const maxStaleOf = (config: unknown) => compile(config).issuers.get(issuerSettings.issuer)?.source.maxStaleMs;

  test("is a day, or what it says", () => {
    expect(maxStaleOf(withIssuer({}))).toBe(24 * hour);
    expect(maxStaleOf(withIssuer({ maxStaleMs: 600_000 }))).toBe(600_000);
  });

  test.each([
    [{ maxStaleMs: 59_999 }, "a whole number from 60000 to 2678400000: received 59999"],
    [{ maxStaleMs: Infinity }, "a whole number from 60000 to 2678400000: received Infinity"],
    [{ maxStaleMs: 599_999 }, "at least keysTtlMs (600000): received 599999"],
  ])("is refused when it makes no sense: %o", (settings, expected) => {
    expect(mistakesOf(withIssuer(settings))).toEqual([`issuers[0].maxStaleMs: expected ${expected}`]);
  });
});
