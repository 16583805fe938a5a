/** T4: rotating and removing keys in the runtime: roles change among published keys, and the Log hears of each change. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import config from "../../mesh.config.ts";
import type { KeyringContract, KeyringSettings, SignRequest } from "../../durable-objects/keyring/contract.ts";
import { Keyring } from "../../durable-objects/keyring/keyring.ts";
import { keyringStub, logStub } from "../../durable-objects/stubs.ts";
import { compile } from "../../workers/config/compile.ts";
import { objectSettings } from "../../workers/config/object-settings.ts";

const settings = objectSettings(compile(config));
const request: SignRequest = { v: 1, type: "at+jwt", claims: { aud: "inventory", sub: "admin" }, ttlSeconds: 900 };
const stubOf = (name: string) => keyringStub(env, name) as unknown as DurableObjectStub;
let names = 0;

/** A keyring of its own, with other settings where a test needs them. */
async function withKeyring(
  changed: Partial<KeyringSettings>,
  use: (object: KeyringContract, sql: SqlStorage) => Promise<void>,
  secrets: Readonly<Record<string, string>> = {},
): Promise<string> {
  names += 1;
  const name = `rotation-${names}`;
  await runInDurableObject(stubOf(name), (_object, state) =>
    use(new Keyring(state, { ...env, ...secrets }, { ...settings.keyring, ...changed }), state.storage.sql),
  );
  return name;
}

async function kidOf(object: KeyringContract): Promise<string | undefined> {
  const answer = await object.sign(request);
  if (answer.kind !== "signed") throw new Error(`expected a token: received ${answer.reason}`);
  return decodeProtectedHeader(answer.token).kid;
}

async function tokenOf(object: KeyringContract, purpose: "access" | "assertion" = "access"): Promise<string> {
  const answer = await object.sign({ ...request, purpose });
  if (answer.kind !== "signed") throw new Error(`expected a token: received ${answer.reason}`);
  return answer.token;
}

async function verifies(object: KeyringContract, token: string, purpose?: "assertion"): Promise<boolean> {
  const answer = await object.keys(purpose === undefined ? undefined : { v: 1, purpose });
  if (answer.kind !== "keys") throw new Error(`expected keys: received ${answer.reason}`);
  const set = createLocalJWKSet({ keys: answer.keys.map((key) => ({ ...key })) });
  return jwtVerify(token, set).then(
    () => true,
    () => false,
  );
}

describe("T4 a Keyring that is rotated", () => {
  test("signs with the key that was published before, and verifies what the one before has signed", async () => {
    await withKeyring({ settleMs: 0 }, async (object) => {
      const before = await tokenOf(object);
      const published = await object.keys();
      const rotated = await object.rotate();
      if (rotated.kind !== "rotated" || published.kind !== "keys") throw new Error("expected a rotation");
      const kid = await kidOf(object);
      expect(kid).toBe(rotated.current.kid);
      expect(published.keys.map((key) => key.kid)).toContain(kid);
      expect(await verifies(object, before)).toBe(true);
      const { keys } = await object.describe();
      expect(keys.map(({ standing }) => standing).toSorted()).toEqual(["current", "next", "retiring"]);
    });
  });

  test("refuses a second rotation before everyone knows the next key", async () => {
    await withKeyring({ settleMs: 60_000 }, async (object) => {
      await kidOf(object);
      expect(await object.rotate()).toMatchObject({ kind: "too_soon" });
    });
  });

  test("many rotations at once are one change after the other: one key signs", async () => {
    await withKeyring({ settleMs: 0 }, async (object) => {
      await kidOf(object);
      await Promise.all(Array.from({ length: 5 }, () => object.rotate()));
      const { keys } = await object.describe();
      expect(keys.filter(({ standing }) => standing === "current")).toHaveLength(1);
      expect(keys.filter(({ standing }) => standing === "next")).toHaveLength(1);
      expect(keys).toHaveLength(7);
    });
  });

  test("a removed key is out of the set at once, whatever its role, and removing it again is unknown", async () => {
    await withKeyring({ settleMs: 0 }, async (object) => {
      const token = await tokenOf(object);
      const kid = decodeProtectedHeader(token).kid ?? "";
      expect(await object.remove({ v: 1, kid })).toMatchObject({ kind: "removed" });
      expect(await verifies(object, token)).toBe(false);
      expect(await kidOf(object)).not.toBe(kid);
      expect(await object.remove({ v: 1, kid })).toEqual({ v: 1, kind: "unknown" });
      const { keys } = await object.describe();
      for (const { kid: each } of keys) await object.remove({ v: 1, kid: each });
      expect((await object.describe()).keys.map(({ standing }) => standing).toSorted()).toEqual(["current", "next"]);
    });
  });

  test("a retiring key leaves the set when its last token has ended, by the alarm", async () => {
    const name = await withKeyring({ settleMs: 0, longestTokenMs: -10_000 }, async (object) => {
      await kidOf(object);
      await object.rotate();
      expect((await object.describe()).keys).toHaveLength(3);
    });
    await runDurableObjectAlarm(stubOf(name));
    const { keys } = await keyringStub(env, name).describe();
    expect(keys.map(({ standing }) => standing).toSorted()).toEqual(["current", "next"]);
  });

  test("a worn key is replaced at the next signing", async () => {
    await withKeyring({ settleMs: 0, rotateAfterMs: 0 }, async (object) => {
      const first = await kidOf(object);
      expect(await kidOf(object)).not.toBe(first);
    });
  });

  test("each change is an event with the whole set, newer than the one before", async () => {
    await withKeyring({ settleMs: 0, environment: settings.log.environment }, async (object) => {
      await kidOf(object);
      const rotated = await object.rotate();
      if (rotated.kind !== "rotated") throw new Error("expected a rotation");
      const [event] = rotated.events;
      const data = event?.data as { readonly keys: readonly { readonly kid: string }[]; readonly fetchedAt: number };
      expect(data.keys).toHaveLength(3);
      expect(JSON.stringify(data)).not.toContain('"d":');
      await expect.poll(async () => await idsInLog()).toContain(event?.id);
    });
  });

  test("the assertion set is another set: neither verifies what the other has signed", async () => {
    await withKeyring({}, async (object) => {
      const [access, assertion] = [await tokenOf(object), await tokenOf(object, "assertion")];
      expect(await verifies(object, access)).toBe(true);
      expect(await verifies(object, assertion)).toBe(false);
      expect(await verifies(object, assertion, "assertion")).toBe(true);
      expect(await verifies(object, access, "assertion")).toBe(false);
    });
  });

  test.each(["EdDSA", "Ed25519", "RS256"] as const)("signs with %s", async (algorithm) => {
    await withKeyring({ algorithm }, async (object) => {
      const token = await tokenOf(object);
      expect(decodeProtectedHeader(token).alg).toBe(algorithm);
      expect(await verifies(object, token)).toBe(true);
    });
  });

  test("signs HS256 with the shared secret, publishes no key, and is rotated by whoever holds the secret", async () => {
    const shared = "a secret that is shared with every node of the service";
    const use = async (object: KeyringContract) => {
      const token = await tokenOf(object);
      expect(decodeProtectedHeader(token)).toEqual({ alg: "HS256", typ: "at+jwt" });
      await jwtVerify(token, new TextEncoder().encode(shared));
      expect(await object.keys()).toMatchObject({ kind: "keys", keys: [] });
      expect(await object.rotate()).toEqual({ v: 1, kind: "shared_secret" });
      expect(await object.ready()).toEqual({ v: 1, kind: "ready" });
    };
    await withKeyring({ algorithm: "HS256", sharedSecret: "NODES_SECRET" }, use, { NODES_SECRET: shared });
    const short = async (object: KeyringContract) => {
      for (const answer of [await object.sign(request), await object.ready()])
        expect(answer).toEqual({ v: 1, kind: "refused", reason: "shared_secret_missing" });
    };
    await withKeyring({ algorithm: "HS256", sharedSecret: "NODES_SECRET" }, short, { NODES_SECRET: "short" });
  });

  test("keys for later are sealed anew with a rotated secret, too", async () => {
    const rotated = {
      MESH_KEY_SECRET: "another secret of at least thirty-two chars",
      MESH_KEY_SECRET_PREVIOUS: env.MESH_KEY_SECRET,
    };
    const name = await withKeyring({}, async (object) => {
      await kidOf(object);
    });
    const under = (secrets: Readonly<Record<string, string>>, use: (object: KeyringContract) => Promise<void>) =>
      runInDurableObject(stubOf(name), (_object, state) =>
        use(new Keyring(state, { ...env, ...secrets }, { ...settings.keyring, settleMs: 0 })),
      );
    await under(rotated, async (object) => {
      await kidOf(object);
    });
    await under({ MESH_KEY_SECRET: rotated.MESH_KEY_SECRET }, async (object) => {
      expect(await object.rotate()).toMatchObject({ kind: "rotated" });
      expect(await object.sign(request)).toMatchObject({ kind: "signed" });
    });
  });

  test("the roles survive an abort", async () => {
    const name = await withKeyring({ settleMs: 0 }, async (object) => {
      await kidOf(object);
      await object.rotate();
    });
    const before = await keyringStub(env, name).describe();
    await abortAllDurableObjects();
    expect(await keyringStub(env, name).describe()).toEqual(before);
  });
});

async function idsInLog(): Promise<readonly string[]> {
  const page = await logStub(env, settings.log.environment).read({ v: 1, cursor: null });
  return [...(page.reset?.retained ?? []), ...page.events].map(({ id }) => id);
}
