/** T1, T4, T5, T6: which keys an isolate goes by, and how seldom it asks for them. */
import { beforeAll, describe, expect, test } from "vitest";
import { askIntervalMs, IssuerKeys } from "../../workers/token/issuer-keys.ts";
import { mintKey, TokenMint, type MintedKey } from "../support/token-mint.ts";
import { audience, issuerOf, outside, own, startedAt, TokenWire } from "./token-wire.ts";

const day = 86_400_000;
let first: MintedKey;
let second: MintedKey;
let token: string;
let rotated: string;

const longLived = issuerOf({ maxLifetimeSeconds: 1_000_000 });
const seconds = startedAt / 1_000;

beforeAll(async () => {
  [first, second] = await Promise.all([mintKey("k1"), mintKey("k2")]);
  const claims = { iat: seconds - 10, exp: seconds + 500_000 };
  token = await (await TokenMint.open({ issuer: outside, audience, now: startedAt, key: first })).token({ claims });
  rotated = await (await TokenMint.open({ issuer: outside, audience, now: startedAt, key: second })).token({ claims });
});

describe("T5 asking for keys", () => {
  test("a set in the view needs no call", async () => {
    const wire = new TokenWire();
    wire.publish(outside, [first.publicJwk]);
    expect(await wire.outcome(await mintOf(first))).toBe("accepted");
    expect(wire.calls).toEqual([]);
  });

  test("without a set in the view the object is asked once, also for many at once", async () => {
    const wire = new TokenWire([longLived]);
    wire.fetch(outside, [first.publicJwk]);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => wire.outcome(token)));
    expect(new Set(outcomes)).toEqual(new Set(["accepted"]));
    expect(wire.calls).toEqual([{ issuer: outside, missing: "k1" }]);
  });

  test("a flood of unknown key ids makes one call an interval, and harms no good token", async () => {
    const wire = new TokenWire([longLived]);
    wire.publish(outside, [first.publicJwk]);
    const mint = await TokenMint.open({ issuer: outside, audience, now: startedAt, key: first });
    for (let index = 0; index < 300; index += 1) {
      wire.now = startedAt + index * 100;
      const forged = await mint.token({ header: { kid: `random-${index}` }, claims: { exp: seconds + 900 } });
      expect(await wire.outcome(forged)).toBe("key_unknown");
      expect(await wire.outcome(token)).toBe("accepted");
    }
    expect(wire.calls.length).toBeLessThanOrEqual(Math.ceil(30_000 / askIntervalMs));
    expect(wire.calls.length).toBeGreaterThan(1);
  });

  test("a token that is refused for its claims asks nobody", async () => {
    const wire = new TokenWire();
    const mint = await TokenMint.open({ issuer: outside, audience, now: startedAt, key: first });
    expect(await wire.outcome(await mint.token({ claims: { exp: seconds - 100 } }))).toBe("expired");
    expect(wire.calls).toEqual([]);
  });

  test("an object that fails is not asked at every request, and is asked again", async () => {
    const wire = new TokenWire([longLived]);
    wire.objectFails = true;
    for (let index = 0; index < 20; index += 1) expect(await wire.outcome(token)).toBe("keys_unavailable");
    expect(wire.calls).toHaveLength(1);
    wire.objectFails = false;
    wire.fetch(outside, [first.publicJwk]);
    wire.now += askIntervalMs;
    expect(await wire.outcome(token)).toBe("accepted");
  });

  test("a clock that was set back does not make it silent for long", async () => {
    const wire = new TokenWire([longLived]);
    expect(await wire.outcome(token)).toBe("keys_unavailable");
    wire.fetch(outside, [first.publicJwk]);
    wire.now -= 9_000;
    expect(await wire.outcome(token)).toBe("accepted");
  });
});

describe("T4 rotation", () => {
  test("the first token with a new key id is accepted by one call", async () => {
    const wire = new TokenWire([longLived]);
    wire.publish(outside, [first.publicJwk]);
    wire.now += 1;
    wire.fetch(outside, [first.publicJwk, second.publicJwk]);
    expect(await wire.outcome(rotated)).toBe("accepted");
    expect(await wire.outcome(rotated)).toBe("accepted");
    expect(wire.calls).toEqual([{ issuer: outside, missing: "k2" }]);
  });

  test("a set that was asked for gives way to a newer one of the view, and not to an older one", async () => {
    const wire = new TokenWire([longLived]);
    wire.publish(outside, [first.publicJwk]);
    wire.now += 10;
    const fetched = wire.fetch(outside, [second.publicJwk]);
    expect(await wire.outcome(rotated)).toBe("accepted");
    wire.viewKeys.set(outside, { issuer: outside, keys: [first.publicJwk], fetchedAt: fetched.fetchedAt - 1 });
    expect(await wire.outcome(token)).toBe("key_unknown");
    wire.publish(outside, [first.publicJwk], fetched.fetchedAt + 1);
    expect(await wire.outcome(rotated)).toBe("key_unknown");
    expect(await wire.outcome(token)).toBe("accepted");
  });

  test("a set that was asked for does not outlive the epoch in which its end would have been told", async () => {
    const wire = new TokenWire([longLived]);
    wire.fetch(outside, [first.publicJwk]);
    expect(await wire.outcome(token)).toBe("accepted");
    wire.epoch = "e2";
    wire.now += askIntervalMs;
    wire.fetch(outside, [second.publicJwk]);
    expect(await wire.outcome(token)).toBe("key_unknown");
  });
});

describe("T5 an issuer that is down", () => {
  test("an old set is used and asked for beside the request, until it is too old", async () => {
    const wire = new TokenWire([longLived]);
    wire.publish(outside, [first.publicJwk]);
    wire.objectKeys.clear();
    wire.now = startedAt + day - 1;
    expect(await wire.outcome(token)).toBe("accepted");
    await Promise.all(wire.work);
    expect(wire.calls).toEqual([{ issuer: outside, missing: null }]);
    wire.now = startedAt + day + 1;
    expect(await wire.outcome(token)).toBe("keys_unavailable");
  });

  test("an issuer's own limit holds, also for tokens that were verified already", async () => {
    const source = { issuer: outside, jwksUri: null, ttlMs: 600_000, cooldownMs: 30_000, maxStaleMs: 3_600_000 };
    const wire = new TokenWire([issuerOf({ maxLifetimeSeconds: 1_000_000, source })]);
    wire.publish(outside, [first.publicJwk]);
    wire.objectKeys.clear();
    wire.now = startedAt + 3_600_000;
    expect(await wire.outcome(token)).toBe("accepted");
    wire.now += 1;
    expect(await wire.verify(token)).toEqual({ kind: "refused", code: "not_current", reason: "keys_unavailable" });
  });

  test("a key that was removed is found out with nothing but tokens that were verified already", async () => {
    const wire = new TokenWire([longLived]);
    wire.publish(outside, [first.publicJwk]);
    expect(await wire.outcome(token)).toBe("accepted");
    wire.now += 600_001;
    wire.fetch(outside, [second.publicJwk]);
    expect(await wire.outcome(token)).toBe("accepted");
    await Promise.all(wire.work);
    expect(await wire.outcome(token)).toBe("key_unknown");
    expect(wire.calls[0]).toEqual({ issuer: outside, missing: null });
  });

  test("own keys do not age: they are made, and their end is told", async () => {
    const wire = new TokenWire();
    const now = startedAt + 30 * day;
    wire.publish(own, [first.publicJwk], startedAt);
    wire.now = now;
    const mint = await TokenMint.open({ issuer: own, audience, now, key: first });
    expect(await wire.outcome(await mint.token())).toBe("accepted");
    expect(wire.calls).toEqual([]);
  });
});

describe("T5 uses of a set past its TTL", () => {
  const epoch = { epoch: "e1" };
  const context = { waitUntil: () => undefined };

  /** Keys of an issuer that is down, whose object is told of each use. */
  function staleKeys() {
    const told: number[] = [];
    const state = { isObjectDown: false };
    const data = { issuer: outside, keys: [first.publicJwk], fetchedAt: startedAt };
    const ask = (_missing: string | null, staleUses: number) => {
      told.push(staleUses);
      return state.isObjectDown
        ? Promise.reject(new Error("gone"))
        : Promise.resolve({ kind: "keys", ...data } as const);
    };
    const source = { issuer: outside, ttlMs: 600_000, maxStaleMs: day, ask };
    return { told, state, keys: new IssuerKeys(source, { cursor: epoch, keysOf: () => data }) };
  }

  test("are counted, each once, and told with the next question", async () => {
    const { told, keys } = staleKeys();
    for (let index = 0; index < 100; index += 1) {
      expect((await keys.find("k1", "ES256", context, startedAt + 600_001 + index * 200)).kind).toBe("found");
    }
    await keys.find("k1", "ES256", context, startedAt + 700_000);
    expect(told.reduce((all, uses) => all + uses, 0)).toBe(101);
    expect(told.length).toBeLessThanOrEqual(6);
  });

  test("are told again when the object could not be", async () => {
    const { told, state, keys } = staleKeys();
    state.isObjectDown = true;
    await keys.find("k1", "ES256", context, startedAt + 700_000);
    await Promise.resolve();
    state.isObjectDown = false;
    await keys.find("k1", "ES256", context, startedAt + 710_000);
    expect(told).toEqual([1, 2]);
  });

  test("are none within the TTL", async () => {
    const { told, keys } = staleKeys();
    await keys.find("k1", "ES256", context, startedAt + 600_000);
    await keys.find("k9", "ES256", context, startedAt + 600_000);
    expect(told).toEqual([0]);
  });

  test("with nothing but tokens that were verified already, the set is asked for all the same", () => {
    const { told, keys } = staleKeys();
    expect(keys.current(startedAt + 600_000)).not.toBeNull();
    keys.keepFresh(context, startedAt + 600_000);
    expect(told).toEqual([]);
    for (let index = 0; index < 50; index += 1) keys.keepFresh(context, startedAt + 600_001);
    expect(told).toEqual([1]);
  });
});

describe("T6 no proof, no acceptance", () => {
  test("without a current view no token is accepted, a known one neither, and it is no fault of the token", async () => {
    const wire = new TokenWire([longLived]);
    wire.publish(outside, [first.publicJwk]);
    expect(await wire.outcome(token)).toBe("accepted");
    wire.isCurrent = false;
    expect(await wire.verify(token)).toEqual({ kind: "refused", code: "not_current", reason: "view_not_current" });
    wire.isCurrent = true;
    expect(await wire.outcome(token)).toBe("accepted");
  });

  test("what is no token is refused without a view", async () => {
    const wire = new TokenWire();
    wire.isCurrent = false;
    expect(await wire.outcome("a.b")).toBe("parts_wrong");
  });
});

async function mintOf(key: MintedKey): Promise<string> {
  return (await TokenMint.open({ issuer: outside, audience, now: startedAt, key })).token();
}
