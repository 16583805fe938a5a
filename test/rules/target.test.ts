import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalPath } from "../../workers/gate/canonical-path.ts";
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
    ["http://xn--bcher-kva.example:65535/x", "xn--bcher-kva.example:65535", "xn--bcher-kva.example", "/x", ""],
    ["http://1a.7b/x", "1a.7b", "1a.7b", "/x", ""],
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
    // What `new URL` takes for no host.
    ["http://999.999.999.999/x", "999.999.999.999"],
    ["http://1.2.3.4.5/x", "1.2.3.4.5"],
    ["http://a.b.1/x", "a.b.1"],
    ["http://a.0x1g/x", "a.0x"],
    ["http://localhost:99999/x", "localhost:99999"],
    ["http://[::::]/x", "[::::]"],
    ["http://a.xn--/x", "a.xn--"],
    ["http://a.example/x#y", "a.example"],
    ["http://a.example/x?y#z", "a.example"],
  ])("%s with Host %j is refused", (url, field) => {
    expect(readTarget(url, field).kind).toBe("refused");
  });
});

describe("the path of a budget of the mesh's own API", () => {
  const budgets = "/_mesh/v1/limits/reads/budgets/";
  const pathOf = (raw: string): string | null => {
    const target = readTarget(`https://a.example${raw}`, null);
    return target.kind === "target" ? target.path : null;
  };

  test.each([
    ["2001:db8::%2f64", "2001%3Adb8%3A%3A%2F64"],
    ["%5b%22https:%2f%2fi%22%2c%22a%5C%22b%22%5d", "%5B%22https%3A%2F%2Fi%22%2C%22a%5C%22b%22%5D"],
    ["%61%2F..%2Fb", "a%2F..%2Fb"],
    ["%252F", "%252F"],
  ])("holds any key as one segment: %s is %s", (key, canonical) => {
    expect(pathOf(budgets + key)).toBe(budgets + canonical);
  });

  test("is its own canonical path for every key, and a URL parser changes nothing of it", () => {
    const keys = fc
      .string({ unit: "binary", minLength: 1, maxLength: 40 })
      .filter((key) => key !== "." && key !== "..");
    fc.assert(
      fc.property(keys, (key) => {
        const path = budgets + encodeURIComponent(key);
        expect(pathOf(path)).toBe(path);
        expect(new URL(`https://a.example${path}`).pathname).toBe(path);
      }),
    );
  });

  test.each([
    "/%5Fmesh/v1/limits/reads/budgets/a%2Fb",
    "/_MESH/v1/limits/reads/budgets/a%2Fb",
    "/_mesh/v1/limits/reads/budgets/a%2Fb/c",
    "/_mesh/v1/limits/reads/budgets/a%2Fb/",
    "/_mesh/v1/limits/reads/budgets/https://i%2F",
    "/_mesh/v1/limits/reads%2Fbudgets/a",
    "/_mesh/v1/limits/re%61ds/budgets/a%2Fb",
    "/_mesh/v1/limits/../budgets/a%2Fb",
    "/_mesh/v1/limits/x/../reads/budgets/a%2Fb",
    "/_mesh/v1/limits/reads/take%2Fb",
    "/_mesh/v1/locks/a%2Fb",
    "/api/_mesh/v1/limits/reads/budgets/a%2Fb",
    "//_mesh/v1/limits/reads/budgets/a%2Fb",
    "/_mesh/v1/limits/reads/budgets/.",
    "/_mesh/v1/limits/reads/budgets/%2E.",
    "/_mesh/v1/limits/reads/budgets/%c0%af",
    "/_mesh/v1/limits/reads/budgets/a%2",
    "/_mesh/v1/limits/reads/budgets/a b",
  ])("is the only one that may hold an encoded slash: %s is refused", (raw) => {
    expect(pathOf(raw)).toBeNull();
  });

  test("every other path is read as ever", () => {
    const pieces = "/ /_mesh /v1 /limits /reads /budgets /budgets/ %2F %2f %5C %5f .. %2e ; a b %61 %zz".split(" ");
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 9 }), (parts) => {
        const raw = `/${parts.join("")}`;
        fc.pre(!raw.startsWith(budgets));
        const canonical = canonicalPath(raw);
        expect(pathOf(raw)).toBe(canonical.kind === "canonical" ? canonical.path : null);
      }),
    );
  });
});
