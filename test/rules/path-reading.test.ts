/** A path that any server could read as another route's is refused; whatever passes is that route's for all of them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Route } from "../../workers/config/mesh.ts";
import { canonicalPath } from "../../workers/gate/canonical-path.ts";
import { compilePattern } from "../../workers/gate/path-pattern.ts";
import { otherReadingOf } from "../../workers/gate/path-reading.ts";
import { findRoute, routeOf } from "../../workers/gate/route.ts";
import { isLongRun } from "../support/long-run.ts";

const runs = isLongRun ? 200_000 : 5_000;

describe("the other reading of a path", () => {
  test.each([
    ["/login;x", "/login"],
    ["/login;", "/login"],
    ["/login%3Bx", "/login"],
    ["/login%253Bx", "/login"],
    ["/a;b=1;c/d;e", "/a/d"],
    ["/users/%40me", "/users/@me"],
    ["/users/%2540me", "/users/@me"],
    ["/%256Cogin", "/login"],
    ["/%25256cogin", "/login"],
    ["/%25e4", "/%E4"],
    ["/%253f", "/%3F"],
  ])("of %s is %s", (path, reading) => {
    expect(otherReadingOf(path)).toBe(reading);
    expect(otherReadingOf(reading)).toBeNull();
  });

  test.each(["/", "/login", "/a%20b", "/%E4%BD%A0", "/100%25", "/a%252Fb", "/a%255Cb", "/a@b:c,d=e"])(
    "of %s is none",
    (path) => {
      expect(otherReadingOf(path)).toBeNull();
    },
  );
});

const patternTexts = ["/a", "/@me", "/a/:x", "/:x/b", "/a/*", "/@me/*", "/:x", "/:x/*", "/*"];
const routesOf = (texts: readonly string[]): readonly Route[] =>
  texts.map((text) => ({ name: text, host: null, path: compilePattern(text), methods: null }) as unknown as Route);

const piece = fc.constantFrom(..."/ /a /b /@me /%40me /%61 /%2561 /%2540me ; ;x %3B %253B x %2562 %20 %25".split(" "));
// An empty segment is refused before anything is matched: few of them, so that most paths come so far.
const rawPath = fc
  .array(piece, { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.join("").replace(/^(?!\/)/, "/"));
const routeList = fc.uniqueArray(fc.constantFrom(...patternTexts), { minLength: 1, maxLength: 5 }).map(routesOf);

const drop = (path: string): string => path.replaceAll(/;[^/]*/g, "");
const decode = (path: string): string => decodeURIComponent(path);
/** How servers read a path before they route it. */
const servers: readonly ((path: string) => string)[] = [
  (path) => path,
  drop,
  decode,
  (path) => drop(decode(path)),
  (path) => decode(drop(path)),
  (path) => decode(decode(path)),
  (path) => drop(decode(decode(path))),
];

/** null where the server would answer 400 itself: what it decodes is no encoding. */
function readBy(server: (path: string) => string, path: string): string | null {
  try {
    return server(path);
  } catch {
    return null;
  }
}

type Chosen = (routes: readonly Route[], path: string) => Route | null;

/** A case in which some server serves the path as another route's, or null. */
function firstPassedBy(choose: Chosen): unknown {
  const { failed, seed, counterexample } = fc.check(
    fc.property(routeList, rawPath, (routes, raw) => {
      const canonical = canonicalPath(raw);
      if (canonical.kind === "refused") return;
      const route = choose(routes, canonical.path);
      if (route === null) return;
      for (const server of servers) {
        const reading = readBy(server, canonical.path);
        if (reading === null) continue;
        expect(findRoute(routes, "any", reading, "GET")).toMatchObject({ kind: "matched", route });
      }
    }),
    { numRuns: runs },
  );
  return failed ? { seed, counterexample } : null;
}

const noMount = { auth: null, health: false };

describe("routes", () => {
  test("what passes takes the same route, however a server reads it", () => {
    const found = firstPassedBy((routes, path) => {
      const routed = routeOf({ mount: noMount, routes }, "any", path, "GET");
      return routed.kind === "matched" ? routed.route : null;
    });
    expect(found).toBeNull();
  });

  test("bites: by the path as it stands, or by its other reading alone, some server serves another route", () => {
    const matched: Chosen = (routes, path) => {
      const routed = findRoute(routes, "any", path, "GET");
      return routed.kind === "matched" ? routed.route : null;
    };
    expect(firstPassedBy(matched)).not.toBeNull();
    expect(firstPassedBy((routes, path) => matched(routes, otherReadingOf(path) ?? path))).not.toBeNull();
  });

  test("parameters that change nothing of the route pass, and so do two readings that take none", () => {
    const mesh = { mount: noMount, routes: routesOf(["/a", "/:x/*"]) };
    expect(routeOf(mesh, "any", "/b;v=1/c;d", "GET")).toMatchObject({ kind: "matched", params: { x: "b;v=1" } });
    expect(routeOf(mesh, "any", "/a", "GET")).toMatchObject({ kind: "matched", route: mesh.routes[0] });
    expect(routeOf(mesh, "any", "/a;x", "GET")).toEqual({ kind: "two_readings" });
    expect(routeOf({ ...mesh, routes: [] }, "any", "/a;x", "GET")).toEqual({ kind: "no_route" });
  });

  test("a preflight for a method that no route takes goes to no other route's path", () => {
    const routes = routesOf(["/a", "/:x"]).map((route) => ({ ...route, methods: new Set(["GET"]) }));
    expect(routeOf({ mount: noMount, routes }, "any", "/a;x", "PUT")).toEqual({ kind: "two_readings" });
    expect(routeOf({ mount: noMount, routes }, "any", "/b;x", "PUT").kind).toBe("method_not_allowed");
  });

  test("the mesh's own paths are not served by an upstream in another reading", () => {
    const mesh = { mount: { auth: "/", health: true }, routes: routesOf(["/*"]) };
    for (const path of ["/token;x", "/healthz;", "/_mesh;x/v1/status", "/%255Fmesh/v1/status", "/tokens;a/ada"]) {
      expect(routeOf(mesh, "any", path, "POST")).toEqual({ kind: "two_readings" });
    }
    expect(routeOf({ ...mesh, mount: noMount }, "any", "/token;x", "POST")).toMatchObject({ kind: "matched" });
  });
});
