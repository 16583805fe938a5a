/** The gate's identity step: who is let in under `none`, `optional` and `required`, and with which roles and scopes. */
import { describe, expect, test } from "vitest";
import type { Route } from "../../workers/config/mesh.ts";
import { identify } from "../../workers/gate/identity.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import { problems } from "../../workers/problem/codes.ts";
import { readCredential } from "../../workers/token/credential.ts";
import type { Identity, Verdict } from "../../workers/token/identity.ts";

const ada: Identity = {
  issuer: "https://id.example.com",
  subject: "ada",
  client: null,
  tenant: null,
  roles: ["editor"],
  scopes: ["read", "write"],
  claims: {},
  expiresAt: 0,
};

const anyone = { scopes: [], roles: [], claims: [], tenant: null, issuers: null } as const;

type Need = Route["identity"]["need"];

async function step(need: Need, field: string | null, allow: Route["allow"] = null, code?: "not_current") {
  const asked: string[] = [];
  const verify = (token: string): Verdict => {
    asked.push(token);
    if (code !== undefined) return { kind: "refused", code };
    return token === "good" ? { kind: "accepted", identity: ada } : { kind: "refused", code: "token_invalid" };
  };
  const headers = field === null ? new Headers() : new Headers({ Authorization: field });
  const passage = {
    fields: headers,
    route: { identity: { need, forward: "token" }, allow },
    params: { tenant: "acme" },
    isolate: { tokens: { verify }, mesh: { tokens: { cookie: "__Host-mesh" } } },
    now: 0,
    identity: ada,
  } as unknown as Passage;
  const result = await identify(passage);
  if (result instanceof Response) throw new Error("expected a refusal or nothing");
  const { code: refusedAs = null, headers: told = {}, detail = null } = result ?? {};
  return { code: refusedAs, detail, headers: told, identity: passage.identity, asked };
}

describe("identity", () => {
  test.each<readonly [Need, string | null, string | null, "ada" | null]>([
    ["none", null, null, null],
    ["none", "Bearer bad", null, null],
    ["none", "Bearer a, Bearer b", null, null],
    ["optional", null, null, null],
    ["optional", "Basic YTpi", null, null],
    ["optional", 'Digest username="a", realm="b"', null, null],
    ["optional", "Bearer good", null, "ada"],
    ["optional", "Bearer bad", "token_invalid", null],
    ["optional", "Bearer", "token_invalid", null],
    ["optional", "Bearer a, Bearer b", "malformed_token", null],
    ["optional", "Basic YTpi, Bearer good", "malformed_token", null],
    ["required", null, "token_missing", null],
    ["required", "Basic YTpi", "token_missing", null],
    ["required", "Bearers good", "token_missing", null],
    ["required", "Bearer good", null, "ada"],
    ["required", "bearer good", null, "ada"],
    ["required", "BEARER   good", null, "ada"],
    ["required", "Bearer good x", "token_invalid", null],
    ["required", "Bearer\tgood", "token_invalid", null],
    ["required", "Bearer good, Bearer good", "malformed_token", null],
  ])("%s with the field %s: %s", async (need, field, code, who) => {
    const result = await step(need, field);
    expect(result.code).toBe(code);
    expect(result.identity?.subject ?? null).toBe(who);
  });

  test("none asks nobody", async () => {
    expect((await step("none", "Bearer good")).asked).toEqual([]);
  });

  test("a space inside a token is a bad token, not a bad request", async () => {
    const { code } = await step("required", "Bearer aaa bbb");
    expect(problems[code as keyof typeof problems].status).toBe(401);
  });

  test("a verdict that cannot be had says when to come again", async () => {
    const result = await step("required", "Bearer good", null, "not_current");
    expect(result).toMatchObject({ code: "not_current", headers: { "Retry-After": "1" }, identity: null });
  });
});

describe("allow", () => {
  test.each<readonly [string, readonly string[], readonly string[], string | null]>([
    ["one scope of two held", ["read"], [], null],
    ["all scopes", ["read", "write"], [], null],
    ["one scope not held", ["read", "admin"], [], "forbidden"],
    ["one of the roles", [], ["owner", "editor"], null],
    ["none of the roles", [], ["owner"], "forbidden"],
    ["the scope and not the role", ["read"], ["owner"], "forbidden"],
    ["the role and not the scope", ["admin"], ["editor"], "forbidden"],
    ["a scope in capitals", ["READ"], [], "forbidden"],
  ])("%s", async (_title, scopes, roles, code) => {
    expect((await step("required", "Bearer good", { ...anyone, scopes, roles })).code).toBe(code);
  });

  test("a missing scope is named in the challenge (RFC 6750 section 3.1)", async () => {
    const { headers } = await step("required", "Bearer good", { ...anyone, scopes: ["admin"] });
    expect(headers).toEqual({
      "WWW-Authenticate": 'Bearer realm="mesh", error="insufficient_scope", scope="admin"',
    });
  });

  const plan = { path: "plan", values: ["pro", "team"] };
  test.each<readonly [string, Partial<NonNullable<Route["allow"]>>]>([
    ["scope: expected read admin", { scopes: ["read", "admin"], roles: ["owner"] }],
    ["roles: expected owner or chief", { roles: ["owner", "chief"], claims: [plan] }],
    ["claim plan: expected pro or team", { claims: [plan], tenant: "tenant" }],
    ["tenant: expected the one that the path names", { tenant: "tenant" }],
    [
      "issuer: expected another one: this route takes tokens of some issuers only",
      { issuers: ["x"], roles: ["owner"] },
    ],
  ])("who is known and not let in is told what was expected: %s", async (detail, allow) => {
    expect(await step("required", "Bearer good", { ...anyone, ...allow })).toMatchObject({ code: "forbidden", detail });
  });

  test("an anonymous request has no role and no scope", async () => {
    const allow = { ...anyone, scopes: ["read"] };
    expect((await step("optional", null, allow)).code).toBe("token_missing");
    expect((await step("none", "Bearer good", allow)).code).toBe("token_missing");
  });
});

test("an empty field is no credential", () => {
  expect(readCredential("")).toEqual({ kind: "none" });
});
