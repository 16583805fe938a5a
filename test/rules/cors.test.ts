import { describe, expect, test } from "vitest";
import type { Cors } from "../../workers/config/mesh.ts";
import { corsHead, isPreflight, preflightHead, variesByOrigin } from "../../workers/gate/cors.ts";

const app = "https://app.example.com";
const listed: Cors = {
  origins: new Set([app]),
  credentials: true,
  methods: null,
  headers: null,
  exposed: ["RateLimit", "ETag"],
  maxAgeSeconds: 600,
};
const anyone: Cors = { ...listed, origins: "*", credentials: false, exposed: [] };

function preflight(fields: Record<string, string>): Map<string, string> {
  return new Map(Object.entries({ origin: app, "access-control-request-method": "PUT", ...fields }));
}

describe("CORS", () => {
  test("an origin on the list is named, with credentials where the route has them", () => {
    expect(corsHead(listed, app)).toEqual({
      "Access-Control-Allow-Origin": app,
      "Access-Control-Allow-Credentials": "true",
      "Access-Control-Expose-Headers": "RateLimit, ETag",
    });
  });

  test.each(["https://evil.example", "null", "https://app.example.com.evil.example", "HTTPS://APP.EXAMPLE.COM", ""])(
    "another origin is told nothing: %j",
    (origin) => {
      expect(corsHead(listed, origin)).toEqual({});
      expect(preflightHead(listed, null, preflight({ origin }))).toEqual({ Vary: expect.any(String) as unknown });
    },
  );

  test("any origin is a star, never with credentials", () => {
    expect(corsHead({ ...anyone, credentials: true }, app)).toEqual({ "Access-Control-Allow-Origin": "*" });
    expect(variesByOrigin(anyone)).toBe(false);
    expect(variesByOrigin(listed)).toBe(true);
  });

  test("a route without a rule, and a request without an origin, get no fields", () => {
    expect(corsHead(null, app)).toEqual({});
    expect(corsHead(listed, null)).toEqual({});
    expect(variesByOrigin(null)).toBe(false);
  });

  test("only OPTIONS with an origin and a method asked for is a preflight", () => {
    expect(isPreflight("OPTIONS", preflight({}))).toBe(true);
    expect(isPreflight("GET", preflight({}))).toBe(false);
    expect(isPreflight("OPTIONS", new Map([["origin", app]]))).toBe(false);
    expect(isPreflight("OPTIONS", new Map([["access-control-request-method", "PUT"]]))).toBe(false);
  });

  test("a preflight is answered with the rule's methods, else the route's, else the usual ones", () => {
    const asked = preflight({});
    const methods = (cors: Cors, ofRoute: ReadonlySet<string> | null) =>
      preflightHead(cors, ofRoute, asked)["Access-Control-Allow-Methods"];
    expect(methods({ ...listed, methods: ["PUT"] }, new Set(["GET"]))).toBe("PUT");
    expect(methods(listed, new Set(["GET", "PUT"]))).toBe("GET, PUT");
    expect(methods(listed, null)).toBe("GET, HEAD, POST, PUT, PATCH, DELETE");
  });

  test("a preflight is answered with the rule's fields, else with those it asks for", () => {
    const asked = preflight({ "access-control-request-headers": "authorization,x-a" });
    expect(preflightHead(listed, null, asked)["Access-Control-Allow-Headers"]).toBe("authorization,x-a");
    expect(preflightHead({ ...listed, headers: ["X-B"] }, null, asked)["Access-Control-Allow-Headers"]).toBe("X-B");
    expect(preflightHead(listed, null, preflight({}))).not.toHaveProperty("Access-Control-Allow-Headers");
  });
});
