/** T5: the KeySets object in the runtime, in front of a counting issuer. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import config from "mesh.config";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { maxStaleMs, type KeySetsContract, type KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import type { KeysData, PublicKey } from "../../durable-objects/keyring/contract.ts";
import { keySetsStub, logStub } from "../../durable-objects/stubs.ts";
import { compile } from "../../workers/config/compile.ts";
import { mintKey } from "../support/token-mint.ts";

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
