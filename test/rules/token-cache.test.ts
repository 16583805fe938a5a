/** T2: the verified-token cache changes no verdict, is bounded, and an entry ends with its token and its keys. */
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { mintKey, TokenMint, type MintedKey } from "../support/token-mint.ts";
import { audience, outside, startedAt, TokenWire } from "./token-wire.ts";
import { isLongRun } from "../support/long-run.ts";

const runs = isLongRun ? 3_000 : 60;

let keys: readonly MintedKey[];
let tokens: readonly string[];

beforeAll(async () => {
  keys = await Promise.all(["k1", "k2", "k1"].map((kid) => mintKey(kid)));
  const seconds = startedAt / 1_000;
  const lives = [
    { exp: seconds + 3 },
    { exp: seconds + 30 },
    { exp: seconds + 60, nbf: seconds + 8 },
    { iat: seconds + 6, exp: seconds + 20 },
    { iat: undefined, exp: seconds + 3_610 },
  ];
  const made: string[] = [];
  for (const key of keys) {
    const mint = await TokenMint.open({ issuer: outside, audience, now: startedAt, key });
    for (const claims of lives) made.push(await mint.token({ claims }));
  }
  tokens = made;
});

function keyAt(index: number): MintedKey {
  const key = keys[index];
  if (key === undefined) throw new Error(`expected a key at ${index}`);
  return key;
}

function tokenAt(index: number): string {
  const token = tokens[index];
  if (token === undefined) throw new Error(`expected a token at ${index}`);
  return token;
}

type Step =
  | { readonly kind: "ask"; readonly token: number; readonly isLapsed: boolean }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "rotate"; readonly keys: readonly number[] }
  | { readonly kind: "lose" }
  | { readonly kind: "regain" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("ask" as const), token: fc.nat(14), isLapsed: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: -3_000, max: 9_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("rotate" as const), keys: fc.uniqueArray(fc.nat(2), { maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: "lose" }, { kind: "regain" }) },
);

/** The same world seen by a verifier with a cache and by a new one that has none. */
async function play(wire: TokenWire, steps: readonly Step[]): Promise<void> {
  let published = wire.publish(
    outside,
    [0, 1].map((index) => keyAt(index).publicJwk),
  );
  for (const now of steps) {
    if (now.kind === "wait") wire.now += now.ms;
    else if (now.kind === "lose") wire.isCurrent = false;
    else if (now.kind === "regain") wire.isCurrent = true;
    else if (now.kind === "rotate") {
      const set = now.keys.map((index) => keyAt(index).publicJwk);
      published = wire.publish(outside, set, Math.max(wire.now, published.fetchedAt + 1));
    } else if (now.kind === "ask") {
      const fresh = new TokenWire();
      fresh.now = wire.now;
      fresh.isCurrent = wire.isCurrent;
      fresh.viewKeys.set(outside, published);
      fresh.objectKeys.set(outside, published);
      const token = tokenAt(now.token);
      wire.renewal = now.isLapsed ? () => undefined : null;
      expect(await wire.outcome(token)).toBe(await fresh.outcome(token));
    }
  }
}

describe("T2 the cache of verified tokens", () => {
  test("gives the verdict that there would be without it, at every instant and under every set of keys", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => play(new TokenWire(), steps)),
      { numRuns: runs },
    );
  });

  test("of two entries does the same: what was dropped is verified again", async () => {
    const small = { entries: 2, characters: 2_000 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) =>
        play(new TokenWire(undefined, small), steps),
      ),
      { numRuns: Math.ceil(runs / 3) },
    );
  });

  test("answers a second request at once, and with the same value", async () => {
    const wire = new TokenWire();
    wire.publish(outside, [keyAt(0).publicJwk]);
    const first = await wire.verify(tokenAt(1));
    expect(first.kind).toBe("accepted");
    expect(wire.tokens.verify(tokenAt(1), wire.context, wire.now)).toBe(first);
  });

  test("P5 keeps what it knows when the view's lease has run out and is renewed", async () => {
    const wire = new TokenWire();
    wire.publish(outside, [keyAt(0).publicJwk]);
    const first = await wire.verify(tokenAt(1));
    wire.renewal = () => undefined;
    const verifying = vi.spyOn(crypto.subtle, "verify");
    const again = await wire.verify(tokenAt(1));
    expect([again, verifying.mock.calls.length]).toEqual([first, 0]);
    verifying.mockRestore();
  });

  test("what the renewal of the view brings ends what it says", async () => {
    const wire = new TokenWire();
    wire.publish(outside, [keyAt(0).publicJwk]);
    expect(await wire.outcome(tokenAt(1))).toBe("accepted");
    wire.renewal = () => {
      wire.isCurrent = false;
    };
    expect(await wire.outcome(tokenAt(1))).toBe("view_not_current");
    wire.isCurrent = true;
    wire.renewal = () => wire.publish(outside, [keyAt(1).publicJwk], wire.now + 1);
    expect(await wire.outcome(tokenAt(1))).toBe("key_unknown");
  });

  test("a removed key ends what it verified; a refreshed set of the same keys ends nothing", async () => {
    const wire = new TokenWire();
    wire.publish(outside, [keyAt(0).publicJwk]);
    const first = await wire.verify(tokenAt(1));
    wire.publish(outside, [keyAt(0).publicJwk], wire.now + 1);
    expect(wire.tokens.verify(tokenAt(1), wire.context, wire.now)).toBe(first);
    wire.publish(outside, [keyAt(1).publicJwk], wire.now + 2);
    expect(await wire.outcome(tokenAt(1))).toBe("key_unknown");
  });
});
