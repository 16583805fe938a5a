import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalPath } from "../../workers/gate/canonical-path.ts";
import { isLongRun } from "../support/long-run.ts";

const runs = isLongRun ? 200_000 : 2_000;

function pathOf(raw: string): string | null {
  const result = canonicalPath(raw);
  return result.kind === "canonical" ? result.path : null;
}

describe("canonical path", () => {
  test.each([
    ["/", "/"],
    ["/a", "/a"],
    ["/a/", "/a/"],
    ["/a/b.c/~d-e_f", "/a/b.c/~d-e_f"],
    ["/.well-known/jwks.json", "/.well-known/jwks.json"],
    ["/a/...", "/a/..."],
    ["/a/..b/.c", "/a/..b/.c"],
    ["/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="],
    ["/m;v=1/x", "/m;v=1/x"],
    ["/pub%6cic", "/public"],
    ["/%7euser", "/~user"],
    ["/%e4%bd%a0", "/%E4%BD%A0"],
    ["/a%20b", "/a%20b"],
    ["/a[1]|b", "/a%5B1%5D%7Cb"],
    ["/100%25", "/100%25"],
    ["/a%252Fb", "/a%252Fb"],
    ["/%5Fmesh/v1", "/_mesh/v1"],
  ])("%s is sent as %s", (raw, canonical) => {
    expect(canonicalPath(raw)).toEqual({ kind: "canonical", path: canonical });
  });

  test.each([
    ["", "begins with a slash"],
    ["a", "begins with a slash"],
    ["//", "empty segment"],
    ["/a//b", "empty segment"],
    ["//a", "empty segment"],
    ["/..", "dot segment"],
    ["/.", "dot segment"],
    ["/a/../b", "dot segment"],
    ["/a/./b", "dot segment"],
    ["/a/..", "dot segment"],
    ["/%2e%2e/a", "dot segment"],
    ["/.%2E/a", "dot segment"],
    ["/a/%2e", "dot segment"],
    ["/..;/a", "dot segment"],
    ["/..;x=1/a", "dot segment"],
    ["/..%3B/a", "dot segment"],
    ["/%2e%2e;x/a", "dot segment"],
    ["/.;/a", "dot segment"],
    ["/;../a", "name before the parameters"],
    ["/a/;x/b", "name before the parameters"],
    ["/%252e%252e/a", "dot segment"],
    ["/%25252e./a", "dot segment"],
    ["/a/..%252fb", "dot segment"],
    ["/a/..%255cb", "dot segment"],
    ["/%253Bx/a", "nameless"],
    ["/a/%25253b", "nameless"],
    ["/a%2Fb", "encoded slash"],
    ["/a%2fb", "encoded slash"],
    ["/a%5Cb", "encoded slash, backslash"],
    ["/a%5cb", "encoded slash, backslash"],
    ["/a\\b", "backslash"],
    ["/a%00", "control character"],
    ["/a%0d%0aX", "control character"],
    ["/a%7f", "control character"],
    ["/a\u0001", "control character"],
    ["/a b", "no space"],
    ["/a%", "hexadecimal"],
    ["/a%2", "hexadecimal"],
    ["/a%zz", "hexadecimal"],
    ["/a%+1", "hexadecimal"],
    ["/ä", "beyond ASCII"],
    ["/\uD800", "beyond ASCII"],
    ["/a#b", "fragment"],
    ["/a?b", "query mark"],
    ["/%c0%ae%c0%ae/a", "overlong"],
    ["/%c0%af", "overlong"],
    ["/%e0%80%af", "overlong"],
    ["/%f0%80%80%af", "overlong"],
    ["/%c2%85", "control character"],
  ])("%j is refused", (raw, reason) => {
    const result = canonicalPath(raw);
    expect(result).toMatchObject({ kind: "refused", detail: expect.stringContaining(reason) as unknown });
  });

  const piece = fc.constantFrom(
    ..."/ // . .. ; ;a %2e %2E %2f %5C %3b %252e %c0%af %41 %7e %20 %zz % a b B ~ [ \\ é \u0000 : @ ?".split(" "),
  );
  const rawPath = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);

  test("a canonical path is its own canonical path", () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const path = pathOf(raw);
        if (path !== null) expect(pathOf(path)).toBe(path);
      }),
      { numRuns: runs },
    );
  });

  test("a URL parser changes nothing of a canonical path, so what is matched is what is sent", () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const path = pathOf(raw);
        if (path !== null) expect(new URL(`http://origin.test${path}`).pathname).toBe(path);
      }),
      { numRuns: runs },
    );
  });

  // Escapes of reserved characters (`%3B`) are left out: they and the characters themselves are two things by design.
  const spelling = fc.constantFrom(
    "/",
    "a",
    "%61",
    "~",
    "%7e",
    "%7E",
    "[",
    "%5b",
    "%5B",
    "%c3%a9",
    "%C3%a9",
    "%20",
    ".",
    "%2e",
  );
  const spelledPath = fc.array(spelling, { minLength: 1, maxLength: 3 }).map((pieces) => `/${pieces.join("")}`);

  test("two spellings of one path are one path, and two paths stay two", () => {
    let met = 0;
    fc.assert(
      fc.property(spelledPath, spelledPath, (one, other) => {
        const [first, second] = [pathOf(one), pathOf(other)];
        if (first === null || second === null) return;
        const isSame = decodeURIComponent(one) === decodeURIComponent(other);
        if (isSame && one !== other) met += 1;
        expect(first === second).toBe(isSame);
      }),
      { numRuns: runs },
    );
    expect(met).toBeGreaterThan(0);
  });
});
