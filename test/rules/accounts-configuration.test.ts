/** `accounts`: what it may say, what it comes to, and the line for each mistake. */
import { describe, expect, test } from "vitest";
import { parsePointer, valueAt } from "../../workers/account/json-pointer.ts";
import { compile } from "../../workers/config/compile.ts";
import { mistakesOf, withTop, type MistakeRow } from "../support/configurations.ts";

const login = { service: "inventory", path: "/login" };
const withAccounts = (accounts: unknown) => withTop({ accounts });
const withLogin = (more: object) => withAccounts({ ...login, ...more });
const accountsOf = (config: unknown) => compile(config).accounts;

describe("accounts", () => {
  test("are the mesh's own, hashed with six rounds, unless it is said otherwise", () => {
    for (const config of [withTop({}), withAccounts({}), withAccounts({ source: "mesh" })]) {
      expect(accountsOf(config)).toEqual({ rounds: 6, service: null });
    }
    expect(accountsOf(withAccounts({ rounds: 1 })).rounds).toBe(1);
  });

  test("are a service's by Basic credentials and GET, and nothing is read of the answer unless a pointer says what", () => {
    expect(accountsOf(withAccounts(login)).service).toMatchObject({
      service: { name: "inventory" },
      path: "/login",
      method: "GET",
      send: { kind: "basic" },
      timeoutMs: 10_000,
      isRead: false,
      roles: null,
    });
  });

  test("are a service's with a body by POST, under the names that it knows", () => {
    const { service } = accountsOf(
      withLogin({ send: "json", fields: { name: "user" }, roles: "/user/roles", claims: { plan: "/plan~1name" } }),
    );
    expect(service).toMatchObject({
      method: "POST",
      send: { kind: "json", nameField: "user", passwordField: "password" },
      isRead: true,
      roles: ["user", "roles"],
      claims: [["plan", ["plan/name"]]],
    });
  });

  const pointerExpected = 'expected a JSON pointer (RFC 6901) such as "/roles"';
  const mistakes: readonly MistakeRow[] = [
    ["a list is none", withAccounts([]), "accounts: expected an object: received []"],
    [
      "there are no other sources",
      withAccounts({ source: "ldap" }),
      'accounts.source: expected "mesh" or { service, path, … }: received "ldap"',
    ],
    [
      "a password is hashed",
      withAccounts({ rounds: 0 }),
      "accounts.rounds: expected a whole number from 1 to 100: received 0",
    ],
    [
      "rounds are not iterations",
      withAccounts({ rounds: 600_000 }),
      "accounts.rounds: expected a whole number from 1 to 100: received 600000",
    ],
    [
      "the service is one",
      withLogin({ service: "inventry" }),
      'accounts.service: expected the name of a service, perhaps "inventory": received "inventry"',
    ],
    [
      "a path is needed",
      withAccounts({ service: "inventory" }),
      'accounts.path: expected a path such as "/login": received nothing',
    ],
    [
      "a path is no URL",
      withLogin({ path: "https://elsewhere.example.com/" }),
      'accounts.path: expected a path such as "/login": received "https://elsewhere.example.com/"',
    ],
    [
      "a path names no other host",
      withLogin({ path: "//elsewhere.example.com" }),
      'accounts.path: expected a path such as "/login": received "//elsewhere.example.com"',
    ],
    [
      "a path does not climb",
      withLogin({ path: "/a/../b" }),
      'accounts.path: expected a path such as "/login": received "/a/../b"',
    ],
    [
      "a body needs POST",
      withLogin({ send: "form", method: "GET" }),
      'accounts.method: expected "POST": a GET has no body: received "GET"',
    ],
    [
      "Basic credentials have no fields",
      withLogin({ fields: { name: "user" } }),
      'accounts.fields: expected only with send "form" or "json": received {"name":"user"}',
    ],
    [
      "name and password are two fields",
      withLogin({ send: "json", fields: { name: "password" } }),
      "accounts.fields.password: expected a field of its own: received a text of 8 characters",
    ],
    [
      "a pointer begins with a slash",
      withLogin({ roles: "roles" }),
      `accounts.roles: ${pointerExpected}: received "roles"`,
    ],
    [
      "a pointer has no other escapes",
      withLogin({ tenant: "/a~2" }),
      `accounts.tenant: ${pointerExpected}: received "/a~2"`,
    ],
    [
      "claims have pointers",
      withLogin({ claims: { plan: "plan" } }),
      `accounts.claims.plan: ${pointerExpected}: received "plan"`,
    ],
    [
      "the mesh's own claims are its own",
      withLogin({ claims: { sub: "/name" } }),
      'accounts.claims: expected claims that are not the mesh\'s own, by their names, each with a JSON pointer: received {"sub":"/name"}',
    ],
    [
      "a known field",
      withLogin({ role: "/roles" }),
      'accounts.role: expected a known field, perhaps "roles": received "role"',
    ],
    [
      "nobody waits for ever",
      withLogin({ timeoutMs: 60_000 }),
      "accounts.timeoutMs: expected a whole number from 100 to 30000: received 60000",
    ],
  ];

  test.each(mistakes)("%s", (_rule, config, line) => {
    expect(mistakesOf(config)).toEqual([line]);
  });
});

/** RFC 6901 section 5. */
describe("a JSON pointer", () => {
  const document = { foo: ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, " ": 7, deep: { er: [{ roles: ["x"] }] } };

  test.each<readonly [string, unknown]>([
    ["", document],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/", 0],
    ["/a~1b", 1],
    ["/m~0n", 8],
    ["/ ", 7],
    ["/deep/er/0/roles", ["x"]],
    ["/foo/2", undefined],
    ["/foo/-", undefined],
    ["/foo/00", undefined],
    ["/foo/length", undefined],
    ["/nothing/here", undefined],
    ["/a~1b/x", undefined],
    ["/toString", undefined],
    ["/__proto__/polluted", undefined],
  ])("%j", (text, value) => {
    expect(valueAt(document, parsePointer(text) ?? ["not a pointer"])).toEqual(value);
  });

  test.each(["foo", "/~", "/~2", `/${"x".repeat(256)}`, "/a".repeat(17)])("%j is none", (text) => {
    expect(parsePointer(text)).toBeNull();
  });
});
