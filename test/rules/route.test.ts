import { describe, expect, test } from "vitest";
import type { Route, Service } from "../../workers/config/mesh.ts";
import { compilePattern } from "../../workers/gate/path-pattern.ts";
import { findRoute } from "../../workers/gate/route.ts";

const service: Service = {
  name: "inventory",
  origins: ["https://origin.test"],
  timeoutMs: 1_000,
  proof: { kind: "none" },
};

function route(path: string, more: { readonly methods?: readonly string[]; readonly host?: string } = {}): Route {
  return {
    name: path,
    host: more.host ?? null,
    path: compilePattern(path),
    methods: more.methods === undefined ? null : new Set(more.methods),
    service,
    identity: { need: "none", forward: "token" },
    allow: null,
    limits: [],
    cors: null,
    rewrite: null,
    maxBodyBytes: null,
    cache: null,
  };
}

const routes = [
  route("/items/special"),
  route("/items/:id", { methods: ["GET", "HEAD"] }),
  route("/items/*", { methods: ["POST"] }),
  route("/only/*", { host: "api.example.com" }),
];

describe("route", () => {
  test("the first that matches wins", () => {
    expect(findRoute(routes, "any", "/items/special", "GET")).toMatchObject({ kind: "matched", route: routes[0] });
    expect(findRoute(routes, "any", "/items/7", "GET")).toMatchObject({
      kind: "matched",
      route: routes[1],
      params: { id: "7" },
    });
  });

  test("one that takes another method is passed over for a later one that takes this", () => {
    expect(findRoute(routes, "any", "/items/7", "POST")).toMatchObject({ kind: "matched", route: routes[2] });
  });

  test("a path that matches with no method lists the methods of all that match it", () => {
    expect(findRoute(routes, "any", "/items/7", "DELETE")).toEqual({
      kind: "method_not_allowed",
      route: routes[1],
      methods: ["GET", "HEAD", "POST"],
    });
  });

  test("a route with a host takes no other", () => {
    expect(findRoute(routes, "api.example.com", "/only/x", "GET").kind).toBe("matched");
    expect(findRoute(routes, "example.com", "/only/x", "GET").kind).toBe("no_route");
  });

  test.each(["TRACE", "CONNECT"])("%s goes nowhere, also where a route takes any method", (method) => {
    const routed = findRoute(routes, "any", "/items/special", method);
    expect(routed.kind).toBe("method_not_allowed");
    expect(routed).toMatchObject({ methods: expect.arrayContaining(["GET", "PATCH", "POST"]) as unknown });
  });

  test("no path, no route", () => {
    expect(findRoute(routes, "any", "/", "GET")).toEqual({ kind: "no_route" });
  });
});
