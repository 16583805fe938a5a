import { describe, expect, test } from "vitest";
import { compilePattern } from "../../workers/gate/path-pattern.ts";
import { rewrite } from "../../workers/gate/route.ts";

describe("path pattern", () => {
  test.each([
    ["/*", "/", {}],
    ["/*", "/a/b", {}],
    ["/a/b", "/a/b", {}],
    ["/a/", "/a/", {}],
    ["/", "/", {}],
    ["/x/*", "/x", {}],
    ["/x/*", "/x/", {}],
    ["/x/*", "/x/y/z", {}],
    ["/t/:tenant", "/t/acme", { tenant: "acme" }],
    ["/t/:tenant/*", "/t/acme", { tenant: "acme" }],
    ["/t/:tenant/*", "/t/a%20b/x/y", { tenant: "a%20b" }],
    ["/:a/x/:b/", "/1/x/2/", { a: "1", b: "2" }],
  ])("%s matches %s", (pattern, path, params) => {
    expect(compilePattern(pattern).match(path)).toEqual(params);
  });

  test.each([
    ["/a/b", "/a/b/"],
    ["/a/b", "/a"],
    ["/a/b", "/A/b"],
    ["/", "/a"],
    ["/a/", "/a"],
    ["/a/", "/a/b"],
    ["/x/*", "/xy"],
    ["/x/*", "/"],
    ["/t/:tenant", "/t/"],
    ["/t/:tenant", "/t"],
    ["/t/:tenant", "/t/a/b"],
    ["/t/:tenant/*", "/t/"],
    ["/:a/x", "/1/xy"],
  ])("%s does not match %s", (pattern, path) => {
    expect(compilePattern(pattern).match(path)).toBeNull();
  });

  test.each([
    ["", "a slash at its beginning"],
    ["*", "a slash at its beginning"],
    ["a/b", "a slash at its beginning"],
    ["/a/*/b", "only as its last segment"],
    ["/a*", "only as its last segment"],
    ["/a//b", "no empty segment"],
    ["/a//*", "no empty segment"],
    ["/:", "a parameter's name"],
    ["/:a-b", "a parameter's name"],
    ["/:a/:a", "each parameter once"],
    ["/a/../b", "dot segment"],
    ["/%61", "its canonical spelling, a"],
    ["/a b", "a canonical path"],
    ["/a;b", "no `;`, and marks such as @ as they are"],
    ["/a%3Bb/*", "no `;`, and marks such as @ as they are"],
    ["/%40me", "no `;`, and marks such as @ as they are"],
    ["/%2561", "no `;`, and marks such as @ as they are"],
  ])("%j is a mistake of the configuration", (pattern, expected) => {
    expect(() => compilePattern(pattern)).toThrow(expected);
  });

  test.each([
    ["/t/:tenant", "", "/t/acme/items/1", "/items/1"],
    ["/t/:tenant", "", "/t/acme", "/"],
    ["/t/:tenant", "", "/t/acme/", "/"],
    ["/api", "/v2", "/api/items", "/v2/items"],
    [null, "/v2", "/items", "/v2/items"],
    ["/api", "", "/apiary", "/apiary"],
  ])("a rewrite takes %s away and puts %j in front", (strip, prefix, path, sent) => {
    expect(rewrite({ strip: strip === null ? null : compilePattern(strip), prefix }, path)).toBe(sent);
  });
});
