/** A login at a service: what is sent, what each answer means, and what is believed of it. */
import { describe, expect, test, vi } from "vitest";
import { guardedLogin } from "../../workers/account/account-login.ts";
import type { AccountsOf } from "../../workers/account/account-source.ts";
import { ServiceAccounts } from "../../workers/account/service-accounts.ts";
import { compile } from "../../workers/config/compile.ts";
import { BooksWorld } from "../support/accounts-ledger.ts";
import { withTop } from "../support/configurations.ts";
import { LoginWorld } from "./login-world.ts";

type Answers = (url: string, init: RequestInit) => Response | Promise<Response>;

function loginOf(more: object) {
  const config = withTop({
    services: {
      inventory: { origins: ["https://inventory.example.com"], proof: "none" },
    },
    accounts: { service: "inventory", path: "/login", ...more },
  });
  const { service } = compile(config).accounts;
  if (service === null) throw new Error("expected a service");
  return service;
}

class Service {
  readonly books = new BooksWorld();
  readonly sent: { readonly url: string; readonly init: RequestInit }[] = [];
  isSilent = false;
  isUnproved = false;
  readonly source: ServiceAccounts;

  constructor(answer: Answers, more: object = {}) {
    const { accounts } = this.books;
    const accountsOf: AccountsOf = () => ({
      passwordParameters: () => Promise.reject(new Error("not of this source")),
      check: () => Promise.reject(new Error("not of this source")),
      facts: async ({ kind, name }) => {
        const facts = accounts.facts(kind, name);
        return facts === null ? { kind: "missing" } : { kind: "found", facts };
      },
      remember: async ({ facts }) => {
        if (this.isSilent) throw new Error("gone");
        const kept = accounts.remember(facts, 1_000);
        return kept === null ? { kind: "refused" } : { kind: "remembered", facts: kept };
      },
    });
    this.source = new ServiceAccounts({
      accountsOf,
      login: loginOf(more),
      origin: () => "https://inventory.example.com",
      prove: async () => (this.isUnproved ? "unproved" : ["x-proof", "the proof"]),
      fetch: async (url, init) => {
        this.sent.push({ url, init });
        return answer(url, init);
      },
    });
  }

  login(name = "ada", password = "right") {
    return this.source.login(name, password, "192.0.2.1");
  }
}

const json = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });
const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
const unreachable = (wasTried: boolean) => ({ kind: "unreachable", wasTried, service: "inventory" });

describe("what is sent", () => {
  test.each<readonly [object, string, Readonly<Record<string, string>>, string | null]>([
    [{}, "GET", { Authorization: "Basic w6RkYTpwOibDn1wi" }, null],
    [{ method: "POST" }, "POST", { Authorization: "Basic w6RkYTpwOibDn1wi" }, null],
    [
      { send: "form" },
      "POST",
      { "Content-Type": "application/x-www-form-urlencoded" },
      "username=%C3%A4da&password=p%3A%26%C3%9F%5C%22",
    ],
    [
      { send: "json", fields: { name: "user", password: "secret" } },
      "POST",
      { "Content-Type": "application/json" },
      '{"user":"\u00e4da","secret":"p:&\u00df\\\\\\""}',
    ],
  ])("%j", async (more, method, headers, body) => {
    const service = new Service(() => json({}), more);
    await service.login("\u00e4da", 'p:&\u00df\\"');
    expect(service.sent).toHaveLength(1);
    const [{ url, init } = { url: "", init: {} }] = service.sent;
    expect(url).toBe("https://inventory.example.com/login");
    expect(init).toMatchObject({ method, body, redirect: "manual" });
    expect(init.headers).toMatchObject({ ...headers, "x-proof": "the proof", "Mesh-Client-Address": "192.0.2.1" });
    expect(init.signal).toBeInstanceOf(AbortSignal);
  });

  test("a name that Basic credentials cannot carry is wrong without a call", async () => {
    const service = new Service(() => json({}));
    expect(await service.login("a:b")).toEqual({ kind: "wrong" });
    expect(await service.login("ada", "")).toEqual({ kind: "wrong" });
    expect(service.sent).toEqual([]);
  });
});

test("a service that cannot be shown that it is the mesh is not asked", async () => {
  const service = new Service(() => json({}));
  service.isUnproved = true;
  expect(await service.login()).toEqual(unreachable(false));
  expect(service.sent).toEqual([]);
});

describe("what an answer means", () => {
  test.each([200, 201, 204])("%i is right", async (status) => {
    const service = new Service(() => new Response(null, { status }));
    expect(await service.login()).toMatchObject({ kind: "right", facts: { name: "ada", roles: [], scopes: [] } });
  });

  test.each([401, 403])("%i is wrong", async (status) => {
    expect(await new Service(() => new Response("no", { status })).login()).toEqual({ kind: "wrong" });
  });

  test.each([301, 302, 303, 307, 400, 404, 422, 429, 500, 502, 503])(
    "%i says that the service cannot tell, and counts as a try",
    async (status) => {
      const headers = { Location: "https://elsewhere.example.com/" };
      const service = new Service(() => new Response(null, { status, headers }));
      expect(await service.login()).toEqual(unreachable(true));
      expect(service.sent).toHaveLength(1);
    },
  );

  test("silence is no answer, and no try", async () => {
    const never: Answers = (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new DOMException("over", "TimeoutError")));
      });
    expect(await new Service(never, { timeoutMs: 100 }).login()).toEqual(unreachable(false));
    expect(await new Service(() => Promise.reject(new Error("lost"))).login()).toEqual(unreachable(false));
  });
});

describe("the log line login_not_answered", () => {
  const breaking = () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.error(new Error("connection to 10.1.2.3 lost")) }),
    );
  const never: Answers = (_url, { signal }) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("over", "TimeoutError")));
    });

  test.each<readonly [string, Answers]>([
    ["status 502", () => new Response("no", { status: 502 })],
    ["timeout: no whole answer in 100 ms", never],
    ["network: no connection, or no answer", () => Promise.reject(new Error("connect ECONNREFUSED 10.1.2.3:80"))],
    ["network: the answer broke off", breaking],
    ["answer not JSON", () => new Response("{")],
  ])("says why, and nothing of the login or of addresses: %s", async (reason, answer) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    await new Service(answer, { timeoutMs: 100, roles: "/roles" }).login();
    expect(warn.mock.calls.flat()).toEqual([{ event: "login_not_answered", service: "inventory", reason }]);
    warn.mockRestore();
  });

  test("tells of a mesh that could not keep the answer, which is not the service's fault", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const service = new Service(() => json({}));
    service.isSilent = true;
    expect(await service.login()).toEqual({ kind: "unreachable", wasTried: false });
    expect(warn.mock.calls.flat()).toMatchObject([
      { event: "login_not_answered", reason: expect.stringContaining("the mesh's own") as string },
    ]);
    warn.mockRestore();
  });
});

test("a guarded login names the service that gave no answer", async () => {
  const { source } = new Service(() => new Response(null, { status: 502 }));
  const from = { address: "192.0.2.1", zone: undefined };
  const login = await guardedLogin(new LoginWorld().guard, source, from, "ada", "right");
  expect(login).toEqual({ kind: "unreachable", service: "inventory" });
});

describe("what is believed of an answer", () => {
  const pointers = {
    name: "/user/login",
    roles: "/user/roles",
    tenant: "/org",
    scopes: "/scope",
    claims: { plan: "/plan", seats: "/seats" },
  };
  const told = { user: { login: "ada", roles: ["editor", "admin"] }, org: "t1", scope: "read mesh:admin", plan: "pro" };

  test("is where the pointers lead; scopes of the mesh are not its to give", async () => {
    const service = new Service(() => json(told), pointers);
    expect(await service.login("ADA@example.com")).toMatchObject({
      kind: "right",
      facts: { name: "ada", roles: ["editor", "admin"], tenant: "t1", scopes: ["read"], claims: { plan: "pro" } },
    });
    expect(await service.source.read("ada")).toMatchObject({ kind: "found", facts: { roles: ["editor", "admin"] } });
    expect((await service.source.read("ADA@example.com")).kind).toBe("missing");
  });

  test.each<readonly [string, unknown]>([
    ["no name", { ...told, user: { roles: [] } }],
    ["a name that is none", { ...told, user: { login: "a\nb" } }],
    ["roles that are numbers", { ...told, user: { login: "ada", roles: [1] } }],
    ["roles in an object", { ...told, user: { login: "ada", roles: { admin: true } } }],
    ["a role no field can carry", { ...told, user: { login: "ada", roles: ["\u00e9"] } }],
    ["a tenant that is a number", { ...told, org: 5 }],
    ["more than a token can hold", { ...told, plan: "x".repeat(5_000) }],
    ["a claim nested deeper than a token may be", { ...told, plan: nested(40) }],
    ["a claim nested deeper than a stack", { ...told, plan: nested(3_000) }],
    ["half of a surrogate pair", { ...told, plan: ["\ud800"] }],
    ["half of a surrogate pair as a name", { ...told, plan: { "\udfff": 1 } }],
    ["the name of the built-in client", { ...told, user: { login: "admin" } }],
    ["the name of the mesh itself", { ...told, user: { login: "mesh" } }],
    ["no object", "hello"],
  ])("%s: nothing", async (_what, answer) => {
    expect(await new Service(() => json(answer), pointers).login()).toEqual(unreachable(true));
  });

  test("claims that a token may carry are carried", async () => {
    const plan = { in: nested(13), text: "\\ud800 \u{1f9f5}" };
    const answered = await new Service(() => json({ ...told, plan }), pointers).login();
    expect(answered).toMatchObject({ kind: "right", facts: { claims: { plan } } });
  });

  test("who is called admin at the service is nobody here, by whatever name they log in", async () => {
    const service = new Service(() => json({ ...told, user: { login: "admin" } }), pointers);
    const world = new LoginWorld();
    const answered = await guardedLogin(world.guard, service.source, { address: null }, "admin@example.com", "right");
    expect(answered).toEqual({ kind: "unreachable", service: "inventory" });
    expect(service.books.ledger.account("account", "admin")).toBeNull();
  });

  test.each<readonly [string, BodyInit]>([
    ["no JSON", "<html>"],
    ["no UTF-8", new Uint8Array([0xff])],
    ["no end", "x".repeat(70_000)],
  ])("%s: nothing, where something is to be read", async (_what, body) => {
    expect(await new Service(() => new Response(body), pointers).login()).toEqual(unreachable(true));
    expect((await new Service(() => new Response(body)).login()).kind).toBe("right");
  });

  test("one that is disabled here is wrong, and so is one that is named like a client", async () => {
    const service = new Service(() => json({}));
    const change = { v: 1, by: "t", requestId: "r" } as const;
    await service.login();
    const { accounts, ledger } = service.books;
    const kept = ledger.account("account", "ada");
    if (kept === null) throw new Error("expected an account");
    accounts.put({ ...change, facts: { ...kept.facts, isDisabled: true } }, 2_000);
    accounts.put({ ...change, facts: { ...kept.facts, kind: "client", name: "loom" } }, 2_000);
    expect(await service.login("ada")).toEqual({ kind: "wrong" });
    expect(await service.login("loom")).toEqual({ kind: "wrong" });
  });

  test("one that cannot be kept cannot log in: a token of it could not be renewed", async () => {
    const service = new Service(() => json({}));
    service.isSilent = true;
    expect(await service.login()).toEqual({ kind: "unreachable", wasTried: false });
  });
});

describe("L9 a guarded login at a service", () => {
  const guess = (world: LoginWorld, service: Service) =>
    guardedLogin(world.guard, service.source, { address: "192.0.2.1" }, "ada", "guess");

  test.each([
    [401, ["wrong"]],
    [500, ["unreachable"]],
  ] as const)("L9 of many guesses five reach a service that answers %i", async (status, kinds) => {
    const [world, service] = [new LoginWorld(), new Service(() => new Response(null, { status }))];
    const answers = await Promise.all(Array.from({ length: 20 }, () => guess(world, service)));
    expect(service.sent).toHaveLength(5);
    expect([...new Set(answers.map(({ kind }) => kind))].toSorted()).toEqual(["refused", ...kinds].toSorted());
  });

  test("L9 another spelling of a name has no guesses of its own: a service may take all of them for one", async () => {
    const [world, service] = [new LoginWorld(), new Service(() => new Response(null, { status: 401 }))];
    const spelling = (index: number) =>
      "eleanor"
        .split("")
        .map((letter, at) => ((index >> at) & 1 ? letter.toUpperCase() : letter))
        .join("");
    const from = { address: "192.0.2.1" };
    const guesses = Array.from({ length: 100 }, (_, index) =>
      guardedLogin(world.guard, service.source, from, spelling(index), "guess"),
    );
    await Promise.all(guesses);
    expect(service.sent).toHaveLength(5);
  });

  test("a right password that cannot be kept uses up nobody's attempts: it is no guess", async () => {
    const [world, service] = [new LoginWorld(), new Service(() => json({}))];
    service.isSilent = true;
    for (let index = 0; index < 12; index += 1) expect((await guess(world, service)).kind).toBe("unreachable");
    service.isSilent = false;
    expect((await guess(world, service)).kind).toBe("right");
  });

  test("a service that is away uses up nobody's attempts", async () => {
    const [world, service] = [new LoginWorld(), new Service(() => Promise.reject(new Error("away")))];
    for (let index = 0; index < 12; index += 1) expect((await guess(world, service)).kind).toBe("unreachable");
  });
});
