/** T5: when an issuer is asked for its keys, where, and what is taken of its answer. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import {
  afterFailure,
  afterSuccess,
  mayFetch,
  newRecord,
  retryAfterMs,
  type FetchRecord,
} from "../../durable-objects/key-sets/fetch-policy.ts";
import { fetchKeySet, maxAnswerBytes, mayFollow, metadataUrls } from "../../durable-objects/key-sets/key-set-fetch.ts";

const issuer = "https://id.example.com";
const source: KeySetSource = { issuer, jwksUri: null, ttlMs: 600_000, cooldownMs: 30_000 };
const start = 1_795_000_000_000;

interface Played {
  readonly fetches: readonly { readonly at: number; readonly isGood: boolean }[];
  readonly record: FetchRecord;
}

/** Asks at each of these times, about unknown key ids or not, of an issuer that is up or down. */
function play(
  asks: readonly { readonly afterMs: number; readonly isMissing: boolean; readonly isUp: boolean }[],
): Played {
  let record = newRecord;
  let now = start;
  const fetches: { at: number; isGood: boolean }[] = [];
  for (const { afterMs, isMissing, isUp } of asks) {
    now += afterMs;
    if (!mayFetch(record, source, isMissing, now)) continue;
    fetches.push({ at: now, isGood: isUp });
    record = isUp ? afterSuccess(record, now) : afterFailure(record, now, 0.5);
  }
  return { fetches, record };
}

describe("T5 how often", () => {
  test("ten thousand random key ids cause one fetch a cooldown", () => {
    const asks = Array.from({ length: 10_000 }, () => ({ afterMs: 10, isMissing: true, isUp: true }));
    expect(play(asks).fetches.length).toBeLessThanOrEqual(100_000 / source.cooldownMs + 1);
  });

  test("without unknown key ids it is one a TTL", () => {
    const asks = Array.from({ length: 10_000 }, () => ({ afterMs: 1_000, isMissing: false, isUp: true }));
    expect(play(asks).fetches).toHaveLength(Math.ceil(10_000_000 / source.ttlMs));
  });

  test("an issuer that is down is asked once a backoff step, doubled up to five minutes", () => {
    const asks = Array.from({ length: 36_000 }, () => ({ afterMs: 100, isMissing: true, isUp: false }));
    const { fetches } = play(asks);
    const gaps = fetches.slice(1).map(({ at }, index) => at - (fetches[index]?.at ?? 0));
    expect(fetches.length).toBeLessThanOrEqual(25);
    for (const [index, gap] of gaps.entries())
      expect(gap).toBeGreaterThanOrEqual(Math.min(300_000, 1_000 * 2 ** index) / 2);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(300_000);
  });

  test("in any history no two fetches are nearer than the cooldown, but for steps of the backoff and the TTL", () => {
    const ask = fc.record({ afterMs: fc.nat(40_000), isMissing: fc.boolean(), isUp: fc.boolean() });
    fc.assert(
      fc.property(fc.array(ask, { maxLength: 200 }), (asks) => {
        const { fetches } = play(asks);
        for (const [index, { at }] of fetches.entries()) {
          const before = fetches[index - 1];
          if (before !== undefined && before.isGood) expect(at - before.at).toBeGreaterThanOrEqual(source.cooldownMs);
          if (before !== undefined && !before.isGood) expect(at - before.at).toBeGreaterThanOrEqual(500);
        }
      }),
    );
  });

  test("the instant of a set only grows, also when the clock steps back", () => {
    const first = afterSuccess(newRecord, start);
    expect(afterSuccess(first, start - 5_000).fetchedAt).toBeGreaterThan(first.fetchedAt);
  });

  test("an asker without a set is told to wait for at least a second, and for the backoff", () => {
    expect(retryAfterMs(newRecord, start)).toBe(1_000);
    expect(retryAfterMs({ ...newRecord, retryAt: start + 7_000 }, start)).toBe(7_000);
  });
});

/** An issuer in memory: an address's answer, or undefined for one that cannot be reached. */
function web(pages: Readonly<Record<string, () => Response>>) {
  const asked: string[] = [];
  const get = async (url: string) => {
    asked.push(url);
    const page = pages[url];
    if (page === undefined) throw new TypeError("connection refused");
    return page();
  };
  return { asked, get, signal: new AbortController().signal };
}

const json =
  (value: unknown, status = 200) =>
  () =>
    Response.json(value, { status });
const [oauth = "", openid = ""] = metadataUrls(issuer);
const jwks = `${issuer}/jwks`;
const metadata = { issuer, jwks_uri: jwks };
const noKeys = { keys: [] };

describe("where", () => {
  test("metadata of an issuer with a path has RFC 8414's place and OpenID's", () => {
    expect(metadataUrls("https://id.example.com/tenant/")).toEqual([
      "https://id.example.com/.well-known/oauth-authorization-server/tenant",
      "https://id.example.com/tenant/.well-known/openid-configuration",
    ]);
  });

  test.each<readonly [string, Readonly<Record<string, () => Response>>, string]>([
    ["the first metadata leads to the set", { [oauth]: json(metadata), [jwks]: json(noKeys) }, "fetched"],
    [
      "the second one does when the first is not there",
      { [oauth]: json({}, 404), [openid]: json(metadata), [jwks]: json(noKeys) },
      "fetched",
    ],
    ["nothing answers", {}, "unreachable"],
    [
      "metadata that name another issuer",
      {
        [oauth]: json({ ...metadata, issuer: "https://evil.example" }),
        [openid]: json({ ...metadata, issuer: `${issuer}/` }),
      },
      "metadata_issuer_wrong",
    ],
    [
      "a jwks_uri in plain http",
      {
        [oauth]: json({ issuer, jwks_uri: "http://id.example.com/jwks" }),
        [openid]: json({ issuer, jwks_uri: "http://id.example.com/jwks" }),
      },
      "jwks_uri_refused",
    ],
    [
      "a redirect",
      {
        [oauth]: json(metadata),
        [jwks]: () => new Response(null, { status: 302, headers: { Location: "https://evil.example" } }),
      },
      "status_unexpected",
    ],
    ["a set that is no JSON", { [oauth]: json(metadata), [jwks]: () => new Response("<html>") }, "answer_malformed"],
    ["a set that is no set", { [oauth]: json(metadata), [jwks]: json({ key: [] }) }, "answer_malformed"],
    [
      "a set of more than 256 KiB",
      { [oauth]: json(metadata), [jwks]: () => new Response("x".repeat(maxAnswerBytes + 1)) },
      "answer_too_large",
    ],
    [
      "a set of too many keys",
      { [oauth]: json(metadata), [jwks]: json({ keys: Array.from({ length: 101 }, () => ({})) }) },
      "answer_malformed",
    ],
  ])("%s: %#", async (_title, pages, expected) => {
    const { get, signal } = web(pages);
    const outcome = await fetchKeySet(source, get, signal);
    expect(outcome.kind === "failed" ? outcome.reason : outcome.kind).toBe(expected);
  });

  test("a configured jwksUri is asked and nothing else", async () => {
    const { get, asked, signal } = web({ [jwks]: json(noKeys) });
    expect((await fetchKeySet({ ...source, jwksUri: jwks }, get, signal)).kind).toBe("fetched");
    expect(asked).toEqual([jwks]);
  });

  test.each([
    ["https://keys.example.net/jwks", true],
    ["https://169.254.169.254/latest", false],
    ["https://[::1]/jwks", false],
    ["https://2130706433/jwks", false],
    ["https://0x7f.1/jwks", false],
    ["https://localhost/jwks", false],
    ["https://localhost./jwks", false],
    ["https://a.localhost/jwks", false],
    ["https://user:pass@keys.example.net/", false],
    ["http://keys.example.net/jwks", false],
    ["file:///etc/passwd", false],
    ["/jwks", false],
  ])("discovery follows to %s: %s", (place, expected) => {
    expect(mayFollow(place, issuer)).toBe(expected);
  });

  test("an issuer on this machine may keep its keys on its own origin", () => {
    expect(mayFollow("http://127.0.0.1:9000/jwks", "http://127.0.0.1:9000")).toBe(true);
    expect(mayFollow("http://127.0.0.1:9001/jwks", "http://127.0.0.1:9000")).toBe(false);
  });
});
