/** Under which terms an answer is kept, held against another implementation (http-cache-semantics). */
import fc from "fast-check";
import CachePolicy from "http-cache-semantics";
import { describe, expect, test } from "vitest";
import { termsOf, type AskedFor } from "../../workers/cache/terms.ts";

const receivedAt = Date.UTC(2026, 10, 21, 12, 0, 0, 300);
const dateAt = (seconds: number) => new Date(receivedAt + seconds * 1000).toUTCString();

const directive = fc.oneof(
  fc.constantFrom("no-store", "no-cache", "private", "public", "must-revalidate", "immutable", "no-transform"),
  fc.tuple(fc.constantFrom("max-age", "s-maxage"), fc.integer({ min: 0, max: 100 })).map((pair) => pair.join("=")),
);
const head = fc.record({
  "cache-control": fc.option(
    fc.uniqueArray(directive, { maxLength: 4, selector: (each) => each.split("=")[0] }).map((each) => each.join(", ")),
    { nil: undefined },
  ),
  expires: fc.option(fc.oneof(fc.integer({ min: -100, max: 100 }).map(dateAt), fc.constant("0")), { nil: undefined }),
  date: fc.option(fc.integer({ min: -50, max: 0 }).map(dateAt), { nil: undefined }),
  pragma: fc.option(fc.constantFrom("no-cache", "other"), { nil: undefined }),
});
const statuses = [200, 201, 203, 204, 206, 299, 300, 301, 302, 303, 304, 307, 308, 400, 404, 405, 410, 414, 500, 501];

function written(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Seconds of freshness; null when it must not be kept. */
function otherwise(status: number, headers: Record<string, string>, isAuthorized: boolean): number | null {
  const policy = new CachePolicy(
    { method: "GET", headers: isAuthorized ? { authorization: "present" } : {} },
    { status, headers: { date: dateAt(0), ...headers } },
    { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 },
  );
  return policy.storable() ? policy.maxAge() : null;
}

describe("RFC 9111 sections 3 and 4.2.1", () => {
  test("an answer is kept, and stays fresh, as another implementation says", () => {
    let kept = 0;
    fc.assert(
      fc.property(fc.constantFrom(...statuses), head, fc.boolean(), (status, fields, isAuthorized) => {
        const headers = written(fields);
        const asked: AskedFor = { isAuthorized, defaultTtlMs: 0 };
        const arrived = { status, requestedAt: receivedAt, receivedAt };
        // With a validator even what is never fresh is kept, if anything was said of freshness.
        const terms = termsOf({ ...arrived, headers: new Headers({ ...headers, etag: '"1"' }) }, asked);
        const seconds = otherwise(status, headers, isAuthorized);
        if (terms !== null) {
          kept += 1;
          expect(terms.freshUntil - terms.bornAt).toBe((seconds ?? Number.NaN) * 1000);
        } else expect([null, 0]).toContain(seconds);
        // Nor is it kept less often: what is fresh at all is.
        expect(terms !== null || (seconds ?? 0) === 0).toBe(true);
      }),
      { numRuns: 5_000 },
    );
    expect(kept).toBeGreaterThan(500);
  });

  test("what was never fresh is kept where a 304 can save its body", () => {
    const keeps = (headers: Record<string, string>) =>
      termsOf({ status: 200, headers: new Headers(headers), requestedAt: receivedAt, receivedAt }, asked) !== null;
    const asked: AskedFor = { isAuthorized: false, defaultTtlMs: 0 };
    expect(keeps({ "cache-control": "no-cache", etag: '"1"' })).toBe(true);
    expect(keeps({ "cache-control": "no-cache" })).toBe(false);
    expect(keeps({ pragma: "No-Cache", etag: '"1"' })).toBe(true);
    expect(keeps({ etag: '"1"' })).toBe(false);
  });
});
