/** T5: the KeySets object in the runtime, in front of a counting issuer. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import config from "../../mesh.config.ts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { maxStaleMs, type KeySetsContract, type KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import type { KeysData, PublicKey } from "../../durable-objects/keyring/contract.ts";
import { keySetsStub, logStub } from "../../durable-objects/stubs.ts";
import { compile } from "../../workers/config/compile.ts";
import { algorithmsOf } from "../../workers/token/verification-key.ts";
import { encode, mintKey } from "../support/token-mint.ts";

const { environment } = compile(config);

/** An issuer that counts: objects run in this isolate, so its `fetch` is theirs. */
class CountingIssuer {
  keys: readonly PublicKey[] = [];
  isUp = true;
  fetches = 0;
  held: Promise<void> | null = null;

  readonly fetch = async (): Promise<Response> => {
    this.fetches += 1;
    if (this.held !== null) await this.held;
    return this.isUp ? Response.json({ keys: this.keys }) : new Response("down", { status: 503 });
  };
}

let issuer: CountingIssuer;
let names = 0;
let source: KeySetSource;
let first: PublicKey;
let second: PublicKey;

beforeEach(async () => {
  [first, second] = (await Promise.all([mintKey("k1"), mintKey("k2")])).map(({ publicJwk }) => publicJwk) as [
    PublicKey,
    PublicKey,
  ];
  issuer = new CountingIssuer();
  issuer.keys = [first];
  vi.stubGlobal("fetch", issuer.fetch);
  names += 1;
  const name = `https://id-${names}.example.com`;
  source = { issuer: name, jwksUri: `${name}/jwks`, ttlMs: 600_000, cooldownMs: 30_000 };
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const keySets = (): KeySetsContract => keySetsStub(env, environment, source.issuer);
const ask = (missing: string | null = null) => keySets().keys({ v: 1, source, missing });
const describeSet = () => keySets().describe({ v: 1, source });

/** Time passes for the object alone: what it remembers of instants moves back. */
async function age(ms: number): Promise<void> {
  const stub = keySetsStub(env, environment, source.issuer) as unknown as DurableObjectStub;
  await runInDurableObject(stub, (_object, state) => {
    state.storage.sql.exec(
      "UPDATE key_set SET fetched_at = fetched_at - ?1, tried_at = tried_at - ?1, retry_at = retry_at - ?1, published_at = published_at - ?1",
      ms,
    );
  });
  await abortAllDurableObjects();
}

async function eventsInLog(): Promise<readonly KeysData[]> {
  const page = await logStub(env, environment).read({ v: 1, cursor: null });
  const events = [...(page.reset?.retained ?? []), ...page.events].map(({ data }) => data as KeysData);
  return events.filter((data) => data.issuer === source.issuer);
}

describe("T5 a KeySets object", () => {
  test("fetches once for all who ask at once, and not again within the TTL, also after its end", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask("k1")));
    for (const answer of answers) expect(answer).toMatchObject({ kind: "keys", keys: [first] });
    await abortAllDurableObjects();
    expect(await ask()).toMatchObject({ kind: "keys", keys: [first] });
    expect(issuer.fetches).toBe(1);
  });

  test("random key ids cause no fetch within the cooldown and one after it", async () => {
    await ask();
    for (let index = 0; index < 100; index += 1) await ask(`random-${index}`);
    expect(issuer.fetches).toBe(1);
    await age(source.cooldownMs);
    for (let index = 0; index < 100; index += 1) await ask(`random-${index}`);
    expect(issuer.fetches).toBe(2);
  });

  test("a rotated key is found by the first who asks after the cooldown", async () => {
    await ask();
    issuer.keys = [first, second];
    await age(source.cooldownMs);
    expect(await ask("k2")).toMatchObject({ keys: [first, second] });
    expect(issuer.fetches).toBe(2);
  });

  test("an issuer that is down is asked once a backoff step, also across the object's end, and the set goes on", async () => {
    await ask();
    issuer.isUp = false;
    await age(source.ttlMs);
    for (let index = 0; index < 20; index += 1) expect(await ask()).toMatchObject({ kind: "keys", keys: [first] });
    expect(issuer.fetches).toBe(2);
    await abortAllDurableObjects();
    await ask();
    expect(issuer.fetches).toBe(2);
  });

  test("without a set, and with one older than may be used, it says that there is none", async () => {
    issuer.isUp = false;
    expect(await ask()).toMatchObject({ kind: "unavailable" });
    issuer.isUp = true;
    await age(60_000);
    expect((await ask()).kind).toBe("keys");
    issuer.isUp = false;
    await age(maxStaleMs + 1);
    expect(await ask()).toMatchObject({ kind: "unavailable" });
  });

  test("a changed set is told at once, an unchanged one once a TTL", async () => {
    await ask();
    await expect.poll(eventsInLog).toMatchObject([{ keys: [first] }]);
    await age(source.cooldownMs);
    await ask("unknown");
    issuer.keys = [second];
    await age(source.cooldownMs);
    await ask("k2");
    await expect.poll(async () => (await eventsInLog()).at(-1)?.keys).toEqual([second]);
    const told = (await eventsInLog()).length;
    await age(source.ttlMs);
    await ask();
    await expect.poll(async () => (await eventsInLog()).length).toBe(told + 1);
    expect(issuer.fetches).toBe(4);
    expect(told).toBe(2);
  });

  test("what is used of a stale set is counted, and shown with why there is no newer one", async () => {
    await ask();
    expect(await describeSet()).toMatchObject({ state: "fresh", keyIds: ["k1"], failures: 0, staleUses: 0 });
    issuer.isUp = false;
    await age(source.ttlMs);
    expect(await describeSet()).toMatchObject({ state: "due" });
    await keySets().keys({ v: 1, source, missing: null, staleUses: 7 });
    await keySets().keys({ v: 1, source, missing: "k1", staleUses: 5 });
    const stale = await describeSet();
    expect(stale).toMatchObject({ state: "stale", lastFailure: "status_unexpected", failures: 1, staleUses: 12 });
    expect(stale.retryAt).toBeGreaterThan(Date.now() - 1_000);
    expect(stale.endsAt).toBe((stale.fetchedAt ?? 0) + maxStaleMs);
    issuer.isUp = true;
    await age(60_000);
    await keySets().keys({ v: 1, source, missing: null, staleUses: 3 });
    expect(await describeSet()).toMatchObject({ state: "fresh", failures: 0, staleUses: 3 });
    expect(issuer.fetches).toBe(3);
  });

  test("a set is used as long as its source says, and no longer", async () => {
    source = { ...source, maxStaleMs: 3_600_000 };
    await ask();
    issuer.isUp = false;
    await age(3_500_000);
    expect(await ask()).toMatchObject({ kind: "keys", keys: [first] });
    await age(200_000);
    expect(await ask()).toMatchObject({ kind: "unavailable" });
    expect(await describeSet()).toMatchObject({ state: "ended", keyIds: ["k1"] });
    source = { ...source, maxStaleMs: 36_000_000 };
    expect(await ask()).toMatchObject({ kind: "keys", keys: [first] });
  });

  test("a set with bad keys is told without them, and they are shown with the reason", async () => {
    issuer.keys = [first, { kty: "oct", kid: "shared", k: "c2VjcmV0" }];
    expect(await ask()).toMatchObject({ kind: "keys", keys: [first] });
    await expect.poll(eventsInLog).toMatchObject([{ keys: [first] }]);
    await abortAllDurableObjects();
    expect(await describeSet()).toMatchObject({ leftOut: [{ kid: "shared", reason: "symmetric" }] });
  });

  test("describing a set fetches nothing", async () => {
    expect(await describeSet()).toMatchObject({ state: "none", keyIds: [], fetchedAt: null, endsAt: null });
    expect(issuer.fetches).toBe(0);
  });

  test("gives no other issuer's keys under its name", async () => {
    const stub = keySetsStub(env, environment, source.issuer) as unknown as DurableObjectStub;
    await runInDurableObject(stub, async (object) => {
      const other = { ...source, issuer: "https://evil.example" };
      const answer = (object as unknown as KeySetsContract).keys({ v: 1, source: other, missing: null });
      await expect(answer).rejects.toThrow("this object is not that of");
    });
    expect(issuer.fetches).toBe(0);
  });
});

test("the platform takes a signature by an Ed25519 point of small order: such keys are left to nobody", async () => {
  const neutral = new Uint8Array(32);
  neutral[0] = 1;
  const key = await crypto.subtle.importKey("raw", neutral, "Ed25519", false, ["verify"]);
  const signature = new Uint8Array(64);
  signature.set(neutral);
  for (const text of ["any text", "another"]) {
    expect(await crypto.subtle.verify("Ed25519", key, signature, new TextEncoder().encode(text))).toBe(true);
  }
  expect(algorithmsOf({ kty: "OKP", crv: "Ed25519", kid: "k", x: encode(neutral) })).toEqual([]);
});
