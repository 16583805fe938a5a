/** /_mesh/v1/accounts, /clients and /keys: what they answer, what they tell the mesh, and what they refuse. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readApiKey } from "../../workers/account/api-key-text.ts";
import { AccountApiWorld, type Answered } from "./account-api-world.ts";

const detailOf = ({ body }: Answered) => String(body["detail"]);

describe("accounts over the API", () => {
  test("are made, shown, listed and removed; a password is in no answer and no event", async () => {
    const world = new AccountApiWorld();
    const body = { password: "right", roles: ["editor"], tenant: "t1", claims: { plan: "pro" }, scopes: ["read"] };
    const made = await world.call("PUT /accounts/ada", body);
    expect(made.status).toBe(200);
    expect(made.headers.get("cache-control")).toBe("no-store");
    expect(made.body).toMatchObject({ name: "ada", roles: ["editor"], version: 1, created: true, seq: 1 });
    expect(await world.call("GET /accounts/ada")).toMatchObject({
      status: 200,
      body: { tenant: "t1", disabled: false },
    });
    expect((await world.call("GET /accounts")).body["accounts"]).toHaveLength(1);
    const gone = await world.call("DELETE /accounts/ada?ack=everywhere");
    expect(gone).toMatchObject({ status: 200, body: { name: "ada" } });
    expect((await world.call("GET /accounts/ada")).status).toBe(404);
    expect(world.published.map(({ event, ack }) => `${event.type} ${ack}`)).toEqual([
      "audit regions",
      "audit none",
      "revocation everywhere",
    ]);
    expect(world.published.map(({ event }) => event.id)).toEqual(world.owed.map(({ id }) => id));
    const audit = { data: { actor: "operator", requestId: "a-request" } };
    expect(world.published[0]?.event).toMatchObject(audit);
    expect(JSON.stringify([made.body, world.owed])).not.toContain("right");
  });

  test("the same PUT twice is one change, its password too; another password is another", async () => {
    const world = new AccountApiWorld();
    const body = { password: "caf\u00e9", roles: ["editor"] };
    const first = await world.call("PUT /accounts/ada", body);
    const again = await world.call("PUT /accounts/ada", { ...body, password: "cafe\u0301" });
    expect(again.body).toMatchObject({ version: 1, id: first.body["id"] });
    expect(world.owed).toHaveLength(1);
    expect((await world.call("PUT /accounts/ada", { ...body, password: "other" })).body["version"]).toBe(2);
    expect(world.owed.at(-1)?.type).toBe("revocation");
  });

  test("a lost answer is asked for again, and is one change; two lost ones are told as unknown", async () => {
    const world = new AccountApiWorld();
    world.lost = 1;
    expect(await world.call("PUT /accounts/ada", { roles: ["a"] })).toMatchObject({
      status: 200,
      body: { version: 1 },
    });
    world.lost = 2;
    const unknown = await world.call("DELETE /accounts/ada");
    expect(unknown).toMatchObject({ status: 504, body: { code: "outcome_unknown" } });
    expect((await world.call("DELETE /accounts/ada")).status).toBe(200);
    expect(world.owed).toHaveLength(3);
  });

  test("a Log that cannot be asked makes no failure of what was decided", async () => {
    const world = new AccountApiWorld();
    world.isLogAway = true;
    const made = await world.call("PUT /clients/loom", { scopes: ["read"] });
    expect(made).toMatchObject({ status: 202, body: { client: "loom", seq: null, regions: [] } });
    expect(made.body["id"]).toBe(world.owed[0]?.id);
    expect(made.body["secret"]).toMatch(/^[\w-]{43}$/);
    const gone = await world.call("DELETE /signing-keys/lost?ack=everywhere");
    expect(gone).toMatchObject({ status: 202, body: { kid: "lost", id: world.goneKey.id, seq: null, regions: [] } });
  });

  test.each<readonly [string, object, object, string]>([
    ["accounts/ada", { roles: ["editor"], scopes: ["read"] }, { disabled: true }, "roles"],
    ["accounts/ada", { roles: ["editor"], scopes: ["read"] }, { roles: ["editor"], disabled: true }, "scopes"],
    ["accounts/ada", { tenant: "t1" }, { password: "other" }, "tenant"],
    ["accounts/ada", { claims: { plan: "pro" } }, {}, "claims"],
    ["accounts/ada", { disabled: true }, { roles: ["editor"] }, "disabled"],
    ["accounts/ada", { expiresAt: "2099-01-01T00:00:00Z" }, { roles: [] }, "expiresAt"],
    ["clients/loom", { scopes: ["read"] }, { disabled: true }, "scopes"],
    ["clients/loom", { resources: ["lock:a"] }, { scopes: ["read"] }, "resources"],
    ["clients/loom", { redirectUris: ["https://a.example/cb"] }, { scopes: ["read"] }, "redirectUris"],
    ["clients/loom", { public: true }, { scopes: ["read"] }, "public"],
    ["clients/loom", { disabled: true }, { scopes: ["read"] }, "disabled"],
  ])("PUT %s over %j by %j loses nothing that was not named: %s", async (path, there, body, field) => {
    const world = new AccountApiWorld();
    const before = await world.call(`PUT /${path}`, there);
    const answer = await world.call(`PUT /${path}`, body);
    expect(answer).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect(detailOf(answer)).toMatch(new RegExp(`^${field}: `));
    expect((await world.call(`GET /${path}`)).body["version"]).toBe(before.body["version"]);
    const more = { roles: [], scopes: [], tenant: null, claims: {}, disabled: false, expiresAt: null };
    const ofClient = { scopes: [], resources: [], redirectUris: [], public: false, disabled: false, expiresAt: null };
    const all = { ...(path.startsWith("clients") ? ofClient : more), ...body };
    expect((await world.call(`PUT /${path}`, all)).status).toBe(200);
  });

  test("a client is disabled with all that it has, and comes back with it", async () => {
    const world = new AccountApiWorld();
    const has = { scopes: ["mesh:locks"], resources: ["lock:inventory.*"] };
    await world.call("PUT /clients/loom", has);
    expect((await world.call("PUT /clients/loom", { disabled: true })).status).toBe(409);
    await world.call("PUT /clients/loom", { ...has, disabled: true });
    expect((await world.call("PUT /clients/loom", { ...has, disabled: false })).body).toMatchObject(has);
  });

  test("the same PUT again is told as done, whatever it leaves out", async () => {
    const world = new AccountApiWorld();
    for (const version of [1, 1]) {
      const answer = await world.call("PUT /accounts/ada", { roles: ["editor"] });
      expect(answer).toMatchObject({ status: 200, body: { version } });
    }
  });

  test("a version that is not there any more is refused", async () => {
    const world = new AccountApiWorld();
    await world.call("PUT /accounts/ada", { roles: ["a"] });
    const racing = await Promise.all(
      ["b", "c"].map((role) => world.call("PUT /accounts/ada?ifVersion=1", { roles: [role] })),
    );
    expect(racing.map(({ status }) => String(status)).toSorted()).toEqual(["200", "409"]);
    expect((await world.call("PUT /accounts/ada?ifVersion=0", {})).status).toBe(409);
  });

  test("names are compared in one spelling, and may hold a slash or a backslash", async () => {
    const world = new AccountApiWorld();
    for (const name of ["Am\u00e9lie", "DOMAIN\\ada", "a/b", "ada@example.com", "\u{1f9f5} loom", ".", "a%2fb"]) {
      const path = `/accounts/${encodeURIComponent(name)}`;
      const { status, body } = await world.call(`PUT ${path}`, {});
      if (name === ".") {
        expect(status).toBe(400);
        continue;
      }
      expect([name, status, body["name"]]).toEqual([name, 200, name]);
      expect((await world.call(`GET ${path}`)).body["name"]).toBe(name);
    }
    expect((await world.call(`GET /accounts/${encodeURIComponent("Ame\u0301lie")}`)).body["name"]).toBe("Am\u00e9lie");
  });

  test("the built-in client's name, and those of clients, are not an account's; nor the other way round", async () => {
    const world = new AccountApiWorld();
    await world.call("PUT /clients/loom", {});
    await world.call("PUT /accounts/ada", {});
    for (const line of ["PUT /accounts/loom", "PUT /accounts/admin", "PUT /clients/ada", "PUT /clients/admin"]) {
      expect(await world.call(line, {})).toMatchObject({ status: 409, body: { code: "conflict" } });
    }
  });

  test("a service's accounts are not made here", async () => {
    const world = new AccountApiWorld();
    world.service = {};
    expect((await world.call("PUT /accounts/ada", {})).status).toBe(409);
  });

  test("all of them are listed once, in pages, over all shards", async () => {
    const world = new AccountApiWorld();
    const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
    for (const name of names) await world.call(`PUT /accounts/${name}`, {});
    expect(world.shards.size).toBeGreaterThan(8);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), async (limit) => {
        const seen: string[] = [];
        let cursor: string | undefined;
        for (let pages = 0; pages <= 40; pages += 1) {
          const next = cursor === undefined ? "" : `&cursor=${cursor}`;
          const { status, body } = await world.call(`GET /accounts?limit=${limit}${next}`);
          expect(status).toBe(200);
          const page = (body["accounts"] as readonly { readonly name: string }[]).map(({ name }) => name);
          expect(page.length).toBeLessThanOrEqual(limit);
          seen.push(...page);
          cursor = body["cursor"] as string | undefined;
          if (cursor === undefined) break;
          expect(page).toHaveLength(limit);
        }
        expect(seen.toSorted()).toEqual(names.toSorted());
      }),
      { numRuns: 20 },
    );
  });
});

describe("clients over the API", () => {
  test("a secret is shown to who made it, once; a rotation shows another, and the first goes on", async () => {
    const world = new AccountApiWorld();
    const made = await world.call("PUT /clients/loom", { scopes: ["mesh:locks"], resources: ["lock:inventory.*"] });
    const again = await world.call("PUT /clients/loom", { scopes: ["mesh:locks"], resources: [] });
    expect(again.body).toMatchObject({ created: false, version: 2 });
    expect(again.body).not.toHaveProperty("secret");
    const rotated = await world.call("POST /clients/loom/rotate", {});
    expect(rotated.body["secret"]).not.toBe(made.body["secret"]);
    expect(rotated.body["secret"]).toMatch(/^[\w-]{43}$/);
    const told = JSON.stringify([world.owed, (await world.call("GET /clients/loom")).body]);
    for (const { body } of [made, rotated]) expect(told).not.toContain(body["secret"]);
  });

  test("a rotation needs no body, and takes none that is not one", async () => {
    const world = new AccountApiWorld();
    await world.call("PUT /clients/loom", {});
    expect((await world.call("POST /clients/loom/rotate")).body["secret"]).toMatch(/^[\w-]{43}$/);
    expect((await world.call("POST /clients/loom/rotate", [])).status).toBe(400);
    const key = await world.call("POST /keys");
    expect(key).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/^owner: /) as string } });
    expect((await world.call("PUT /clients/loom")).status).toBe(400);
  });

  test("a public client has none", async () => {
    const world = new AccountApiWorld();
    const made = await world.call("PUT /clients/app", { public: true, redirectUris: ["https://app.example.com/cb"] });
    expect(made.body).not.toHaveProperty("secret");
    expect((await world.call("POST /clients/app/rotate", {})).status).toBe(409);
    expect((await world.call("POST /clients/nobody/rotate", {})).status).toBe(404);
  });

  test("a lost answer still shows the secret that holds", async () => {
    const world = new AccountApiWorld();
    world.lost = 1;
    expect((await world.call("PUT /clients/loom", {})).body["secret"]).toMatch(/^[\w-]{43}$/);
    world.lost = 1;
    expect((await world.call("POST /clients/loom/rotate", {})).body["secret"]).toMatch(/^[\w-]{43}$/);
    expect(world.owed).toHaveLength(2);
  });
});

describe("API keys over the API", () => {
  test("a key is shown once, and listed without its secret", async () => {
    const world = new AccountApiWorld();
    await world.call("PUT /accounts/ada", {});
    const { status, body } = await world.call("POST /keys", { owner: "ada", label: "ci", scopes: ["read"] });
    expect(status).toBe(200);
    const key = readApiKey(String(body["apiKey"]));
    expect(key?.id).toBe(body["keyId"]);
    const listed = (await world.call("GET /keys")).body["keys"];
    expect(listed).toMatchObject([{ keyId: key?.id, owner: "ada", label: "ci", scopes: ["read"], usedAt: null }]);
    expect(JSON.stringify([listed, world.owed])).not.toContain(key?.secret);
    expect(await world.call(`DELETE /keys/${key?.id}`)).toMatchObject({ status: 200, body: { keyId: key?.id } });
    expect(world.published.at(-1)?.event).toMatchObject({ type: "revocation", data: { jti: key?.id } });
  });

  test("nobody's key is none", async () => {
    const world = new AccountApiWorld();
    await world.call("PUT /accounts/ada", { disabled: true });
    for (const owner of ["nobody", "ada"]) {
      expect(await world.call("POST /keys", { owner })).toMatchObject({ status: 409, body: { code: "conflict" } });
    }
  });

  test("with mesh:tokens one's own keys, and no more in them than the token has", async () => {
    const world = new AccountApiWorld();
    for (const name of ["ada", "bob"]) await world.call(`PUT /accounts/${name}`, {});
    const bobs = await world.call("POST /keys", { owner: "bob" });
    world.identity = { ...world.identity, subject: "ada", scopes: ["mesh:tokens", "read"], roles: ["editor"] };
    const mine = await world.call("POST /keys", {});
    expect(mine.body).toMatchObject({ owner: "ada", scopes: ["mesh:tokens", "read"], roles: ["editor"] });
    expect((await world.call("POST /keys", { scopes: ["read"], roles: [] })).body).toMatchObject({ scopes: ["read"] });
    for (const body of [{ owner: "bob" }, { scopes: ["mesh:admin"] }, { roles: ["admin"] }]) {
      expect((await world.call("POST /keys", body)).status).toBe(403);
    }
    expect((await world.call("GET /keys")).body["keys"]).toHaveLength(2);
    expect((await world.call("GET /keys?owner=bob")).status).toBe(403);
    expect((await world.call(`DELETE /keys/${String(bobs.body["keyId"])}`)).status).toBe(404);
    expect((await world.call(`DELETE /keys/${String(mine.body["keyId"])}`)).status).toBe(200);
    expect((await world.call("GET /accounts")).status).toBe(403);
  });
});

describe("scopes", () => {
  test.each(["mesh:read", "mesh:limits", "mesh:tokens"])("%s opens neither accounts nor clients", async (scope) => {
    const world = new AccountApiWorld();
    world.identity = { ...world.identity, scopes: [scope] };
    for (const line of ["GET /accounts", "GET /accounts/ada", "PUT /accounts/ada", "DELETE /accounts/ada"]) {
      expect((await world.call(line, line.startsWith("PUT") ? {} : undefined)).status).toBe(403);
    }
    for (const line of ["GET /clients", "PUT /clients/loom", "POST /clients/loom/rotate"]) {
      expect((await world.call(line, line.startsWith("GET") ? undefined : {})).status).toBe(403);
    }
    expect(world.shards.size).toBe(0);
  });
});

const many = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

describe("what is malformed is refused with its field, and nothing is done", () => {
  test.each<readonly [string, unknown, string]>([
    ["PUT /accounts/a%0ab", {}, "name"],
    [`PUT /accounts/${"a".repeat(129)}`, {}, "name"],
    ["PUT /accounts/%20ada", {}, "name"],
    ["PUT /accounts/a%ff", {}, "path"],
    ["PUT /accounts/ada", "{", "body"],
    ["PUT /accounts/ada", [], "body"],
    ["PUT /accounts/ada", { pasword: "x" }, "pasword"],
    ["PUT /accounts/ada", { password: "" }, "password"],
    ["PUT /accounts/ada", { password: "x".repeat(1_025) }, "password"],
    ["PUT /accounts/ada", { password: "a\u0000b" }, "password"],
    ["PUT /accounts/ada", { password: 5 }, "password"],
    ["PUT /accounts/ada", { roles: "editor" }, "roles"],
    ["PUT /accounts/ada", { roles: ["a", "a"] }, "roles"],
    ["PUT /accounts/ada", { roles: [""] }, "roles"],
    ["PUT /accounts/ada", { roles: ["\u00e9"] }, "roles"],
    ["PUT /accounts/ada", { roles: many(101) }, "roles"],
    ["PUT /accounts/ada", { scopes: ["a b"] }, "scopes"],
    ["PUT /accounts/ada", { scopes: many(65) }, "scopes"],
    ["PUT /accounts/ada", { tenant: "" }, "tenant"],
    ["PUT /accounts/ada", { tenant: "x".repeat(129) }, "tenant"],
    ["PUT /accounts/ada", { claims: [] }, "claims"],
    ["PUT /accounts/ada", { claims: { sub: "root" } }, "claims"],
    ["PUT /accounts/ada", { claims: { scope: "mesh:admin" } }, "claims"],
    ["PUT /accounts/ada", { claims: { "": 1 } }, "claims"],
    ["PUT /accounts/ada", { claims: { deep: deep(16) } }, "claims"],
    ["PUT /accounts/ada", '{"claims":{"a":"\\ud800"}}', "body"],
    ["PUT /accounts/ada", { claims: { long: "x".repeat(4_096) } }, "body"],
    ["PUT /accounts/ada", { disabled: "yes" }, "disabled"],
    ["PUT /accounts/ada", { expiresAt: "tomorrow" }, "expiresAt"],
    ["PUT /accounts/ada", { expiresAt: "2030-02-31T00:00:00Z" }, "expiresAt"],
    ["PUT /accounts/ada", { resources: [] }, "resources"],
    ["PUT /accounts/ada?ifVersion=-1", {}, "ifVersion"],
    ["PUT /accounts/ada?ack=maybe", {}, "ack"],
    ["PUT /accounts/ada?akc=none", {}, "akc"],
    ["GET /accounts?limit=0", undefined, "limit"],
    ["GET /accounts?limit=1001", undefined, "limit"],
    ["GET /accounts?cursor=x", undefined, "cursor"],
    ["GET /accounts?cursor=WzE2LCJhIl0", undefined, "cursor"],
    ["GET /accounts/ada?x=1", undefined, "x"],
    ["PUT /clients/Loom", {}, "id"],
    ["PUT /clients/loom", { secret: "mine" }, "secret"],
    ["PUT /clients/loom", { resources: ["everything"] }, "resources"],
    ["PUT /clients/loom", { resources: ["lock:a*b"] }, "resources"],
    ["PUT /clients/loom", { public: 1 }, "public"],
    ["PUT /clients/loom", { redirectUris: ["/cb"] }, "redirectUris"],
    ["PUT /clients/loom", { redirectUris: ["https://a.example/#f"] }, "redirectUris"],
    ["PUT /clients/loom", { redirectUris: ["https://*.example/"] }, "redirectUris"],
    ["PUT /clients/loom", { redirectUris: ["http://a.example/"] }, "redirectUris"],
    ["PUT /clients/loom", { redirectUris: ["https://u:p@a.example/"] }, "redirectUris"],
    ["PUT /clients/loom", { redirectUris: ["javascript:alert(1)"] }, "redirectUris"],
    ["PUT /clients/loom", { redirectUris: ["data:text/html,x"] }, "redirectUris"],
    ["PUT /clients/loom", { redirectUris: many(21).map((n) => `https://${n}.example/`) }, "redirectUris"],
    ["POST /clients/loom/rotate", { previousTtlMs: -1 }, "previousTtlMs"],
    ["POST /clients/loom/rotate", { previousTtlMs: 1.5 }, "previousTtlMs"],
    ["POST /keys", { label: "x".repeat(129) }, "label"],
    ["POST /keys", { label: "a\nb" }, "label"],
    ["POST /keys", { owner: "" }, "owner"],
    ["POST /keys", { owner: "ada", scopes: "read" }, "scopes"],
    ["POST /keys", { owner: "ada", expiresAt: "2001-01-01T00:00:00Z" }, "expiresAt"],
    ["DELETE /keys/slv_x", undefined, "id"],
    ["GET /keys?owner=%0a", undefined, "owner"],
  ])("%s %j", async (line, body, field) => {
    const world = new AccountApiWorld();
    const answer = await world.call(line, body);
    expect(answer.status).toBe(400);
    expect(detailOf(answer)).toContain(field);
    expect(detailOf(answer).length).toBeLessThan(400);
    expect(world.owed).toEqual([]);
  });

  test.each(["https://app.example.com/cb?x=1", "http://127.0.0.1:8080/cb", "http://[::1]/cb", "com.example.app:/cb"])(
    "a program may wait at %s",
    async (uri) => {
      const { status } = await new AccountApiWorld().call("PUT /clients/app", { public: true, redirectUris: [uri] });
      expect(status).toBe(200);
    },
  );
});
