/** Who may use a route, of those who are known: issuers, scopes, roles, claims, and the tenant that the path names. */
import { describe, expect, test } from "vitest";
import { compile } from "../../workers/config/compile.ts";
import type { Allow } from "../../workers/config/mesh.ts";
import { allowedBy } from "../../workers/gate/allowed.ts";
import type { Identity } from "../../workers/token/identity.ts";
import { withRoute } from "../support/configurations.ts";

const ada: Identity = {
  issuer: "https://id.example.com",
  subject: "ada",
  client: null,
  tenant: "acme",
  roles: ["editor"],
  scopes: ["read"],
  claims: { plan: "pro", groups: ["a", "b"], level: 2, vip: true, realm: { region: "eu" }, "https://x/y.z": "dotted" },
  expiresAt: 0,
};
const anyone: Allow = { scopes: [], roles: [], claims: [], tenant: null, issuers: null };
const claims = (path: string, ...values: readonly (string | number | boolean)[]): Allow => ({
  ...anyone,
  claims: [{ path, values }],
});

describe("claims", () => {
  test.each([
    ["a text", claims("plan", "pro"), "allowed"],
    ["any one of two", claims("plan", "team", "pro"), "allowed"],
    ["another text", claims("plan", "free"), "forbidden"],
    ["another case", claims("plan", "PRO"), "forbidden"],
    ["an item of a list", claims("groups", "b"), "allowed"],
    ["no item of a list", claims("groups", "c"), "forbidden"],
    ["a number", claims("level", 2), "allowed"],
    ["a number as a text", claims("level", "2"), "forbidden"],
    ["true", claims("vip", true), "allowed"],
    ["a claim within another", claims("realm.region", "eu"), "allowed"],
    ["a name with dots in it", claims("https://x/y.z", "dotted"), "allowed"],
    ["an absent claim", claims("nothing", "x"), "forbidden"],
    ["a member of every object", claims("constructor", "x"), "forbidden"],
    ["both of two", { ...anyone, claims: [...claims("plan", "pro").claims, ...claims("level", 2).claims] }, "allowed"],
    ["one of two", { ...anyone, claims: [...claims("plan", "pro").claims, ...claims("level", 3).claims] }, "forbidden"],
  ] as const)("%s", (_what, allow, expected) => {
    expect(allowedBy(allow, ada, {})).toBe(expected);
  });
});

describe("the tenant that the path names", () => {
  const own: Allow = { ...anyone, tenant: "tenant" };

  test.each([
    ["acme", "acme", "allowed"],
    ["acme", "ACME", "forbidden"],
    ["acme", "other", "forbidden"],
    ["a/b", "a%2Fb", "allowed"],
    ["ä", "%C3%A4", "allowed"],
    ["ä", "%E4", "forbidden"],
    ["a@b", "a%40b", "allowed"],
    ["100%", "100%25", "allowed"],
    ["acme", "acme;x", "forbidden"],
    ["acme", "acme%3Bx", "forbidden"],
    ["acme;x", "acme;x", "forbidden"],
    ["acme;x", "acme%3Bx", "forbidden"],
    ["acm%65", "acm%2565", "forbidden"],
    ["", "", "allowed"],
    [null, "acme", "forbidden"],
    [null, "", "forbidden"],
    [null, "null", "forbidden"],
  ])("of somebody of %s is %s: %s", (tenant, named, expected) => {
    expect(allowedBy(own, { ...ada, tenant }, { tenant: named })).toBe(expected);
  });

  const byPath = (allow: object) => {
    const issuers = ["https://id.example.com", "https://other.example.com"].map((issuer) => ({
      issuer,
      audience: "api",
      algorithms: ["ES256"],
    }));
    const { tokens, routes } = compile(withRoute({ match: "/t/:tenant/*", allow }, { issuers }));
    const [route] = routes;
    if (route === undefined || route.allow === null) throw new Error("expected a route that allows");
    const { allow: compiled } = route;
    return (issuer: string | null) =>
      allowedBy(compiled, { ...ada, issuer: issuer ?? tokens.issuer }, { tenant: "acme" });
  };

  test("is one of the mesh's own, and another issuer's tenant of that name is another one", () => {
    const allowed = byPath({ tenant: ":tenant" });
    expect(allowed(null)).toBe("allowed");
    expect(allowed("https://id.example.com")).toBe("forbidden");
  });

  test("is shared by the issuers that the route names, and by no others", () => {
    const shared = byPath({ tenant: ":tenant", issuers: ["urn:selvedge:production", "https://id.example.com"] });
    expect([null, "https://id.example.com", "https://other.example.com"].map(shared)).toEqual([
      "allowed",
      "allowed",
      "forbidden",
    ]);
    expect(byPath({ tenant: ":tenant", issuers: ["https://id.example.com"] })(null)).toBe("forbidden");
  });

  test("is needed: without the parameter nobody passes", () => {
    expect(allowedBy(own, ada, {})).toBe("forbidden");
  });
});
