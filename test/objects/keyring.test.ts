/** The Keyring in the runtime: one key, sealed, kept across ends of the object, and told to the Log. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import config from "../../mesh.config.ts";
import type { KeyringContract, KeysData, SignRequest } from "../../durable-objects/keyring/contract.ts";
import { Keyring } from "../../durable-objects/keyring/keyring.ts";
import { keyringStub, logStub } from "../../durable-objects/stubs.ts";
import { compile } from "../../workers/config/compile.ts";
import { objectSettings } from "../../workers/config/object-settings.ts";

const settings = objectSettings(compile(config));
const otherSecret = "a secret that this mesh has not been given before";

const request: SignRequest = { v: 1, type: "at+jwt", claims: { aud: "inventory", sub: "admin" }, ttlSeconds: 900 };

const keyring = (name: string): KeyringContract => keyringStub(env, name);
const stubOf = (name: string) => keyringStub(env, name) as unknown as DurableObjectStub;

async function tokenOf(name: string): Promise<string> {
  const answer = await keyring(name).sign(request);
  if (answer.kind !== "signed") throw new Error(`expected a token: received ${answer.reason}`);
  return answer.token;
}

async function keysOf(name: string) {
  const answer = await keyring(name).keys();
  if (answer.kind !== "keys") throw new Error(`expected keys: received ${answer.reason}`);
  return answer;
}

function rowsOf(name: string) {
  return runInDurableObject(stubOf(name), (_object, state) =>
    state.storage.sql.exec<Record<string, SqlStorageValue>>("SELECT * FROM signing_key").toArray(),
  );
}

describe("a Keyring in the runtime", () => {
  test("many first calls at once make one key that signs, and one for later", async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => tokenOf("at-once")));
    const kids = new Set(tokens.map((token) => decodeProtectedHeader(token).kid));
    expect(kids.size).toBe(1);
    expect((await rowsOf("at-once")).filter((row) => row["used_from"] === null)).toHaveLength(1);
    expect(await rowsOf("at-once")).toHaveLength(2);
    expect(new Set(tokens).size).toBe(20);
  });

  test("what it signs verifies with the keys it publishes, which hold no private part", async () => {
    const token = await tokenOf("verify");
    const { keys, issuer } = await keysOf("verify");
    const set = createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) });
    const { payload } = await jwtVerify(token, set, { algorithms: ["ES256"], typ: "at+jwt", issuer });
    expect(payload).toMatchObject({ aud: "inventory", sub: "admin" });
    for (const key of keys) expect(Object.keys(key).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
  });

  test("the key survives eviction and abort", async () => {
    const before = await tokenOf("restart");
    await evictDurableObject(stubOf("restart"));
    const between = await tokenOf("restart");
    await abortAllDurableObjects();
    const after = await tokenOf("restart");
    const kids = [before, between, after].map((token) => decodeProtectedHeader(token).kid);
    expect(new Set(kids).size).toBe(1);
  });

  test("the private key is not in storage in the clear", async () => {
    await tokenOf("sealed");
    for (const row of await rowsOf("sealed")) {
      const sealed = row["sealed"];
      if (!(sealed instanceof ArrayBuffer)) throw new Error("expected bytes");
      expect(new TextDecoder().decode(sealed)).not.toContain('"d"');
      expect(JSON.stringify(row["public"])).not.toMatch(/\\?"d\\?"/);
    }
  });

  test("under another secret it refuses with the reason, makes no other key, and still gives the public ones", async () => {
    await tokenOf("locked");
    const before = await rowsOf("locked");
    await underSecrets("locked", { MESH_KEY_SECRET: otherSecret }, async (object) => {
      expect(await object.sign(request)).toEqual({ v: 1, kind: "refused", reason: "key_secret_wrong" });
      expect(await object.ready()).toEqual({ v: 1, kind: "refused", reason: "key_secret_wrong" });
      expect(await object.rotate()).toMatchObject({ kind: "too_soon" });
      const published = await object.keys();
      const kids = before.map((row) => (typeof row["kid"] === "string" ? row["kid"] : "")).toSorted();
      expect(published.kind === "keys" ? published.keys.map(({ kid }) => kid).toSorted() : []).toEqual(kids);
    });
    expect(await rowsOf("locked")).toEqual(before);
    const current = before.find((row) => row["used_from"] !== null);
    expect(decodeProtectedHeader(await tokenOf("locked")).kid).toBe(current?.["kid"]);
  });

  test("without a secret it makes no key", async () => {
    await underSecrets("bare", { MESH_KEY_SECRET: "short" }, async (object) => {
      expect(await object.sign(request)).toEqual({ v: 1, kind: "refused", reason: "key_secret_missing" });
      expect(await object.keys()).toEqual({ v: 1, kind: "refused", reason: "key_secret_missing" });
      expect(await object.ready()).toEqual({ v: 1, kind: "refused", reason: "key_secret_missing" });
    });
    expect(await rowsOf("bare")).toEqual([]);
  });

  test("is ready with a key that it can open, and with none; to ask makes none", async () => {
    expect(await keyring("asked").ready()).toEqual({ v: 1, kind: "ready" });
    expect(await rowsOf("asked")).toEqual([]);
    await tokenOf("asked");
    expect(await keyring("asked").ready()).toEqual({ v: 1, kind: "ready" });
  });

  test("with a previous secret it is ready, and the question alone seals the keys anew", async () => {
    await tokenOf("asked-rotated");
    const rotated = { MESH_KEY_SECRET: otherSecret, MESH_KEY_SECRET_PREVIOUS: env.MESH_KEY_SECRET };
    for (const secrets of [rotated, { MESH_KEY_SECRET: otherSecret }]) {
      await underSecrets("asked-rotated", secrets, async (object) => {
        expect(await object.ready()).toEqual({ v: 1, kind: "ready" });
      });
    }
  });

  test("a rotated secret opens the same key and seals it anew, so that the previous one is not needed again", async () => {
    const kid = decodeProtectedHeader(await tokenOf("rotated")).kid;
    const rotated = { MESH_KEY_SECRET: otherSecret, MESH_KEY_SECRET_PREVIOUS: env.MESH_KEY_SECRET };
    await underSecrets("rotated", rotated, async (object) => {
      const answer = await object.sign(request);
      expect(answer.kind === "signed" ? decodeProtectedHeader(answer.token).kid : answer.reason).toBe(kid);
    });
    await underSecrets("rotated", { MESH_KEY_SECRET: otherSecret }, async (object) => {
      expect((await object.sign(request)).kind).toBe("signed");
    });
    expect(await keyring("rotated").sign(request)).toMatchObject({ kind: "signed" });
    await evictDurableObject(stubOf("rotated"));
    expect(await keyring("rotated").sign(request)).toEqual({ v: 1, kind: "refused", reason: "key_secret_wrong" });
  });

  test("the Log hears of the new key, as the newest of its issuer", async () => {
    const kid = decodeProtectedHeader(await tokenOf("told")).kid;
    await expect.poll(() => keyIdsInLog()).toContain(kid);
    const owed = await runInDurableObject(stubOf("told"), (_object, state) =>
      state.storage.sql.exec<{ owed: number }>("SELECT COUNT(*) AS owed FROM outbox").one(),
    );
    expect(owed).toEqual({ owed: 0 });
  });
});

/** The same storage under an object that was given other secrets. */
async function underSecrets(
  name: string,
  secrets: { readonly MESH_KEY_SECRET: string; readonly MESH_KEY_SECRET_PREVIOUS?: string },
  use: (object: KeyringContract) => Promise<void>,
): Promise<void> {
  await runInDurableObject(stubOf(name), (_object, state) =>
    use(new Keyring(state, { ...env, ...secrets }, settings.keyring)),
  );
}

async function keyIdsInLog(): Promise<readonly string[]> {
  const page = await logStub(env, settings.log.environment).read({ v: 1, cursor: null });
  const events = [...(page.reset?.retained ?? []), ...page.events].filter(({ type }) => type === "keys");
  return events.flatMap(({ data }) => (data as KeysData).keys.map(({ kid }) => kid));
}
