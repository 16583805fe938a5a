import { describe, expect, it } from "vitest";
import { type MistakeRow, mistakesOf, withLimit } from "../support/configurations.ts";

const rows: readonly MistakeRow[] = [
  [
    "an unknown field inside names the nearest",
    withLimit({ quotta: 1 }),
    'limits.reads.quotta: expected a known field, perhaps "quota": received "quotta"',
  ],
  [
    "a window is not too short",
    withLimit({ windowMs: 99 }),
    "limits.reads.windowMs: expected a whole number from 100 to 2678400000: received 99",
  ],
  [
    "a window is not too long",
    withLimit({ windowMs: 2_678_400_001 }),
    "limits.reads.windowMs: expected a whole number from 100 to 2678400000: received 2678400001",
  ],
  [
    "a window is said",
    withLimit({ windowMs: undefined }),
    "limits.reads.windowMs: expected a whole number from 100 to 2678400000: received nothing",
  ],
  [
    "a bucket fills in a time that is said",
    withLimit({ algorithm: "token-bucket", windowMs: undefined }),
    "limits.reads.windowMs: expected a whole number from 100 to 2678400000: received nothing",
  ],
  [
    "a bucket's size is a number",
    withLimit({ algorithm: "token-bucket", burst: "unlimited" }),
    'limits.reads.burst: expected a whole number from 1 to 1000000000: received "unlimited"',
  ],
  [
    "an algorithm is one of four",
    withLimit({ algorithm: "leaky-bucket" }),
    'limits.reads.algorithm: expected "fixed-window" or "sliding-window" or "token-bucket" or "concurrency": received "leaky-bucket"',
  ],
  [
    "permits live long enough to be renewed",
    withLimit({ algorithm: "concurrency", windowMs: 4_999 }),
    "limits.reads.windowMs: expected a whole number from 5000 to 300000: received 4999",
  ],
  [
    "permits of a dead isolate come back before long",
    withLimit({ algorithm: "concurrency", windowMs: 300_001 }),
    "limits.reads.windowMs: expected a whole number from 5000 to 300000: received 300001",
  ],
  [
    "permits have no burst",
    withLimit({ algorithm: "concurrency", windowMs: 10_000, burst: 5 }),
    'limits.reads.burst: expected no such setting: only algorithm "token-bucket" has one: received 5',
  ],
  [
    "permits are for requests",
    withLimit({ algorithm: "concurrency", windowMs: 10_000, by: "key" }),
    'limits.reads.by: expected what a request has: a permit is held while a request runs, and never taken by key: received "key"',
  ],
  [
    "an algorithm is a name",
    withLimit({ algorithm: 1 }),
    'limits.reads.algorithm: expected "fixed-window" or "sliding-window" or "token-bucket" or "concurrency": received 1',
  ],
  [
    "a fixed window has no burst",
    withLimit({ burst: 5 }),
    'limits.reads.burst: expected no such setting: only algorithm "token-bucket" has one: received 5',
  ],
  [
    "a sliding window has no burst",
    withLimit({ algorithm: "sliding-window", burst: 5 }),
    'limits.reads.burst: expected no such setting: only algorithm "token-bucket" has one: received 5',
  ],
  [
    "a bucket holds something",
    withLimit({ algorithm: "token-bucket", burst: 0 }),
    "limits.reads.burst: expected a whole number from 1 to 1000000000: received 0",
  ],
  [
    "a bucket holds no less than nothing",
    withLimit({ algorithm: "token-bucket", burst: -5 }),
    "limits.reads.burst: expected a whole number from 1 to 1000000000: received -5",
  ],
  [
    "a bucket holds whole tokens",
    withLimit({ algorithm: "token-bucket", burst: 1.5 }),
    "limits.reads.burst: expected a whole number from 1 to 1000000000: received 1.5",
  ],
  [
    "a bucket is not beyond counting",
    withLimit({ algorithm: "token-bucket", burst: 1_000_000_001 }),
    "limits.reads.burst: expected a whole number from 1 to 1000000000: received 1000000001",
  ],
  [
    "a mode is one of two",
    withLimit({ mode: "off" }),
    'limits.reads.mode: expected "enforce" or "shadow": received "off"',
  ],
  [
    "what holds in an error is one of three",
    withLimit({ onError: "fail" }),
    'limits.reads.onError: expected "closed" or "open" or "leased": received "fail"',
  ],
  [
    "a limiter is given a moment",
    withLimit({ timeoutMs: 49 }),
    "limits.reads.timeoutMs: expected a whole number from 50 to 10000: received 49",
  ],
  [
    "a limiter is not waited for without end",
    withLimit({ timeoutMs: 10_001 }),
    "limits.reads.timeoutMs: expected a whole number from 50 to 10000: received 10001",
  ],
  [
    "a wait is a number",
    withLimit({ timeoutMs: "1s" }),
    'limits.reads.timeoutMs: expected a whole number from 50 to 10000: received "1s"',
  ],
  [
    "methods are named, or read, or write",
    withLimit({ methods: "reads" }),
    'limits.reads.methods: expected "read", "write", or a list of at least one method: received "reads"',
  ],
  [
    "methods are texts",
    withLimit({ methods: 1 }),
    'limits.reads.methods: expected "read", "write", or a list of at least one method: received 1',
  ],
  [
    "some method is counted",
    withLimit({ methods: [] }),
    'limits.reads.methods: expected "read", "write", or a list of at least one method: received []',
  ],
  [
    "a limit's methods are in capitals",
    withLimit({ methods: ["GET", "post"] }),
    'limits.reads.methods[1]: expected a method in capitals, not CONNECT or TRACE: received "post"',
  ],
  [
    "a method is a token",
    withLimit({ methods: ["GET,POST"] }),
    'limits.reads.methods[0]: expected a method in capitals, not CONNECT or TRACE: received "GET,POST"',
  ],
  [
    "a method counts once",
    withLimit({ methods: ["GET", "GET"] }),
    'limits.reads.methods[1]: expected each item once: received "GET"',
  ],
  [
    "not all of IPv4 shares a budget",
    withLimit({ prefix: { ipv4: 7 } }),
    "limits.reads.prefix.ipv4: expected a whole number from 8 to 32: received 7",
  ],
  [
    "an IPv4 address has 32 bits",
    withLimit({ prefix: { ipv4: 33 } }),
    "limits.reads.prefix.ipv4: expected a whole number from 8 to 32: received 33",
  ],
  [
    "not all of IPv6 shares a budget",
    withLimit({ prefix: { ipv6: 0 } }),
    "limits.reads.prefix.ipv6: expected a whole number from 16 to 128: received 0",
  ],
  [
    "an IPv6 address has 128 bits",
    withLimit({ prefix: { ipv6: 129 } }),
    "limits.reads.prefix.ipv6: expected a whole number from 16 to 128: received 129",
  ],
  [
    "a prefix is not negative",
    withLimit({ prefix: { ipv4: -24 } }),
    "limits.reads.prefix.ipv4: expected a whole number from 8 to 32: received -24",
  ],
  [
    "a prefix is a number",
    withLimit({ prefix: { ipv4: "/24" } }),
    'limits.reads.prefix.ipv4: expected a whole number from 8 to 32: received "/24"',
  ],
  [
    "a prefix is whole",
    withLimit({ prefix: { ipv6: 63.5 } }),
    "limits.reads.prefix.ipv6: expected a whole number from 16 to 128: received 63.5",
  ],
  [
    "a prefix has two families",
    withLimit({ prefix: { ipv5: 64 } }),
    'limits.reads.prefix.ipv5: expected a known field, perhaps "ipv4": received "ipv5"',
  ],
  ["a prefix is an object", withLimit({ prefix: 64 }), "limits.reads.prefix: expected an object: received 64"],
  [
    "a limit counts by something known",
    withLimit({ by: "adress" }),
    'limits.reads.by: expected "address", "subject", "tenant", "client", "route", "claim:NAME", "header:NAME", "key", or a list of these: received "adress"',
  ],
  [
    "a credential is no budget's key",
    withLimit({ by: "header:Cookie" }),
    'limits.reads.by: expected a header that holds no credential: received "header:Cookie"',
  ],
  [
    "a caller's key stands alone",
    withLimit({ by: ["key", "address"] }),
    'limits.reads.by: expected "key" alone: its caller says the whole key: received ["key","address"]',
  ],
];

describe("a mistake in a limit is told by its path, what was expected and what was received", () => {
  // One cause, one line: nothing is told that only follows from it.
  it.each(rows)("%s", (_rule, config, line) => {
    expect(mistakesOf(config)).toEqual([line]);
  });
});
