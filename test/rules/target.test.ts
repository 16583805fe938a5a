import { describe, expect, test } from "vitest";
import { readTarget } from "../../workers/gate/target.ts";

describe("target", () => {
  test.each([
    ["http://a.example/p?q=1", "a.example", "a.example", "/p", "?q=1"],
    ["https://A.Example:8443/p", "A.Example:8443", "a.example", "/p", ""],
    ["http://a.example./", "a.example.", "a.example", "/", ""],
    ["http://127.0.0.1:8787/x?", "127.0.0.1:8787", "127.0.0.1", "/x", "?"],
    ["http://[::1]:8787/x", "[::1]:8787", "[::1]", "/x", ""],
    ["https://a.example/x?a=/../b", "a.example:443", "a.example", "/x", "?a=/../b"],
    ["http://a.example/x", null, "a.example", "/x", ""],
  ])("%s asks for a host, a path and a query", (url, field, host, path, query) => {
    expect(readTarget(url, field)).toMatchObject({ kind: "target", host, path, query });
  });

  test.each([
    ["http://a b/c/x", "a b/c"],
    ["http://a.example, b/x", "a.example, b"],
    ["http://a/../b/x", "a/../b"],
    ["http://a/public/x", "a/public"],
    ["http://a?b/x", "a?b"],
    ["http://a#b/x", "a#b"],
    ["http://a.example*", "a.example"],
    ["http://user@a.example/x", "user@a.example"],
    ["http://a.example/x", "b.example"],
    ["http:///x", ""],
    ["http://a.example:99999999/x", "a.example:99999999"],
    ["http://-a/x", "-a"],
    ["http://a.example/x#y", "a.example"],
    ["http://a.example/x?y#z", "a.example"],
  ])("%s with Host %j is refused", (url, field) => {
    expect(readTarget(url, field).kind).toBe("refused");
  });
});
