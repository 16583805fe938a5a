/** The Accounts object in the runtime: what was decided survives its end, and reaches the Log once. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import config from "../../mesh.config.ts";
import type { AccountSettings, PutAccount } from "../../durable-objects/accounts/contract.ts";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import { accountsName, accountsShardName, accountShards } from "../../durable-objects/names.ts";
import { accountsStub, logStub } from "../../durable-objects/stubs.ts";
import { onlyProof } from "../../workers/account/password-hash.ts";
import { passwordOf } from "../../workers/account/names.ts";
import { proofOf } from "../../workers/account/proof.ts";
import { compile } from "../../workers/config/compile.ts";

const { environment } = compile(config);
const change = { by: "admin", requestId: "r1" };
const owner = { kind: "account", name: "ada", since: 1 } as const;

const object = (name: string) => accountsStub(env, environment, name);
/** For the runtime's own tools, which know no contracts. */
const stubOf = (name: string) => accountsStub(env, environment, name) as unknown as DurableObjectStub;

function settings(name: string, more: Partial<AccountSettings> = {}): AccountSettings {
  return {
    kind: "account",
    name,
    roles: [],
    tenant: null,
    claims: {},
    scopes: [],
    resources: [],
    redirectUris: [],
    isPublic: false,
    isDisabled: false,
    expiresAt: null,
    ...more,
  };
}

function put(name: string, more: Partial<AccountSettings> = {}, further: Partial<PutAccount> = {}) {
  return object(name).put({ v: 1, facts: settings(name, more), ...change, ...further });
}

async function inLog(about: string): Promise<readonly MeshEvent[]> {
  const log = logStub(env, environment);
  const found: MeshEvent[] = [];
  let cursor = null;
  for (;;) {
    const page = await log.read({ v: 1, cursor });
    found.push(...page.events);
    if (page.to >= page.head) break;
    cursor = { epoch: page.epoch, seq: page.to };
  }
  return found.filter(({ data }) => JSON.stringify(data).includes(about));
}

/** What it still owes is sent first, as its alarm would. */
async function told(name: string): Promise<readonly string[]> {
  // The runtime's tool types an instance by the stub, which knows no alarm.
  await runInDurableObject(stubOf(name), (instance) => (instance as unknown as { alarm(): Promise<void> }).alarm());
  return (await inLog(name)).map(({ type }) => type);
}

describe("an Accounts object in the runtime", () => {
  test("keeps accounts, secrets and keys through eviction and abort", async () => {
    const proof = await proofOf("secret");
    await put("kept", { roles: ["editor"] }, { proof: { proof, parameters: null } });
    const key = { id: "kept-key", label: "", owner, scopes: null, roles: null, expiresAt: null };
    const keyOf = accountsStub(env, environment, key.id);
    await keyOf.createKey({ v: 1, facts: key, proof, ...change });
    const look = async () => [
      await object("kept").check({ v: 1, kind: "account", name: "kept", proofs: [proof] }),
      await accountsStub(env, environment, key.id).findKey({ v: 1, id: key.id, proof }),
    ];
    const before = await look();
    expect(before).toMatchObject([{ kind: "right" }, { kind: "found" }]);
    await evictDurableObject(stubOf("kept"));
    expect(await look()).toEqual(before);
    await abortAllDurableObjects();
    expect(await look()).toEqual(before);
  });

  test("a password that an edge has hashed is right, another one wrong, by what the object keeps", async () => {
    const password = passwordOf("caf\u00e9") ?? new Uint8Array();
    const parameters = { salt: "AAECAwQFBgcICQoLDA0ODw", iterations: 1_000, rounds: 2 };
    const proof = { proof: await onlyProof(password, parameters), parameters };
    await put("hashed", {}, { proof });
    expect(await object("hashed").passwordParameters({ v: 1, name: "hashed" })).toMatchObject(parameters);
    const check = async (typed: string) => {
      const bytes = passwordOf(typed) ?? new Uint8Array();
      const proofs = [await onlyProof(bytes, parameters)];
      return (await object("hashed").check({ v: 1, kind: "account", name: "hashed", proofs })).kind;
    };
    expect([await check("cafe\u0301"), await check("cafe")]).toEqual(["right", "wrong"]);
    const rows = await runInDurableObject(stubOf("hashed"), (_object, state) =>
      JSON.stringify(state.storage.sql.exec("SELECT * FROM accounts").toArray()),
    );
    expect(rows).not.toContain("caf");
  });

  test("names that nobody has get parameters like others, the same after its end, and each its own", async () => {
    const ask = (name: string) => object(name).passwordParameters({ v: 1, name });
    const first = await ask("nobody");
    expect(first).toMatchObject({ iterations: 100_000, rounds: 6 });
    expect(first.salt).toMatch(/^[\w-]{22}$/);
    await abortAllDurableObjects();
    expect(await ask("nobody")).toEqual(first);
    expect((await ask("noone")).salt).not.toBe(first.salt);
  });

  test("each change reaches the Log once, with the tokens' end after what was done", async () => {
    await put("told", { roles: ["a"] });
    await put("told", { roles: ["b"] });
    await object("told").remove({ v: 1, kind: "account", name: "told", ...change });
    expect(await told("told")).toEqual(["audit", "audit", "revocation", "audit", "revocation"]);
    expect(await told("told")).toHaveLength(5);
  });

  test("whoever publishes the same events gets receipts for them, and the Log keeps one of each", async () => {
    await put("same", { roles: ["a"] });
    const answer = await put("same", { roles: ["b"] });
    if (answer.kind === "conflict") throw new Error("expected a change");
    const published = await logStub(env, environment).publish({
      v: 1,
      events: answer.events,
      ack: "none",
      timeoutMs: 0,
    });
    expect(published.kind).toBe("published");
    expect(await told("same")).toEqual(["audit", "audit", "revocation"]);
  });

  test("an end right after a decision loses neither it nor its events", async () => {
    for (const name of ["crash-1", "crash-2", "crash-3"]) {
      await put(name, { roles: ["a"] });
      await abortAllDurableObjects();
      expect(await object(name).facts({ v: 1, kind: "account", name })).toMatchObject({ kind: "found" });
      expect(await told(name)).toEqual(["audit"]);
    }
  });

  test("a call that comes again after an end of the object is the same change, with the same events", async () => {
    const first = await put("again", { roles: ["a"] });
    await abortAllDurableObjects();
    expect(await put("again", { roles: ["a"] })).toEqual(first);
    const removed = await object("again").remove({ v: 1, kind: "account", name: "again", ...change });
    await evictDurableObject(stubOf("again"));
    expect(await object("again").remove({ v: 1, kind: "account", name: "again", ...change })).toEqual(removed);
    expect(await told("again")).toEqual(["audit", "audit", "revocation"]);
  });

  test("of many puts by one version at once one is made", async () => {
    await put("raced");
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => put("raced", { roles: [`r${index}`] }, { ifVersion: 1 })),
    );
    expect(answers.filter(({ kind }) => kind === "changed")).toHaveLength(1);
    expect(await object("raced").facts({ v: 1, kind: "account", name: "raced" })).toMatchObject({
      facts: { version: 2 },
    });
  });

  test("of an account and a client of one name at once one is made: they meet in one object", async () => {
    const answers = await Promise.all([put("met"), put("met", { kind: "client" })]);
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(["changed", "conflict"]);
  });

  test("lists by name, from where the last page ended", async () => {
    const shard = accountsName(environment, "list-0");
    const names = Array.from({ length: 400 }, (_, index) => `list-${index}`);
    const here = names.filter((name) => accountsName(environment, name) === shard).toSorted();
    expect(here.length).toBeGreaterThan(10);
    for (const name of here) await put(name);
    const seen: string[] = [];
    let after: string | null = null;
    for (;;) {
      const page = await object("list-0").list({ v: 1, kind: "account", after, limit: 7 });
      seen.push(...page.items.map(({ name }) => name));
      if (page.isLast) break;
      after = seen.at(-1) ?? null;
    }
    expect(seen.filter((name) => name.startsWith("list-"))).toEqual(here);
  });

  test("a message of another version, or out of bounds, is a defect of the caller, and changes nothing", async () => {
    const calls = [
      object("bad").facts({ v: 2 as 1, kind: "account", name: "bad" }),
      object("bad").facts({ v: 1, kind: "account", name: "x".repeat(129) }),
      object("bad").check({ v: 1, kind: "account", name: "bad", proofs: ["a password"] }),
      object("bad").check({ v: 1, kind: "account", name: "bad", proofs: [] }),
      object("bad").list({ v: 1, kind: "account", after: null, limit: 0 }),
      put("bad", { claims: { long: "x".repeat(200_000) } }),
    ];
    for (const call of calls) {
      const error = await call.then(() => null).catch((error_: unknown) => String(error_));
      expect(error).toContain("cannot ");
      expect(error).not.toContain("a password");
    }
    expect(await object("bad").facts({ v: 1, kind: "account", name: "bad" })).toEqual({ kind: "missing" });
  });
});

describe("the shards of accounts", () => {
  test("are sixteen, and every name has one", () => {
    const known = new Set(Array.from({ length: accountShards }, (_, shard) => accountsShardName("e", shard)));
    const used = new Set(Array.from({ length: 500 }, (_, index) => accountsName("e", `name-${index}`)));
    expect(known.size).toBe(16);
    expect(used).toEqual(known);
  });
});
