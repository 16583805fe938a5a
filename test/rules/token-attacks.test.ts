/** T1: what must not be accepted, each with the check that catches it. The good token that all of them are made of is. */
import { beforeAll, describe, expect, test } from "vitest";
import type { PublicKey } from "../../durable-objects/keyring/contract.ts";
import {
  claims,
  headers,
  openAttackWorld,
  signatures,
  spellings,
  type Attack,
  type AttackWorld,
} from "../support/token-attacks.ts";
import { encode, mintKey } from "../support/token-mint.ts";
import { audience, issuerOf, outside, own, startedAt, TokenWire } from "./token-wire.ts";

const world: AttackWorld = await openAttackWorld({ issuer: outside, audience, own, now: startedAt });
const { mint, rsa, stranger } = world;
let good: string;

beforeAll(async () => {
  good = await mint.token();
});

/** An issuer with two keys beside the mesh itself. */
function openGate(): TokenWire {
  const wire = new TokenWire([issuerOf({ algorithms: ["ES256", "RS256"] })]);
  wire.publish(outside, [mint.key.publicJwk, rsa.publicJwk]);
  wire.publish(own, [{ ...stranger.publicJwk, kid: "own" }]);
  return wire;
}

test("the token that the others are made of is accepted, by either key", async () => {
  const wire = openGate();
  expect(await wire.outcome(good)).toBe("accepted");
  expect(await wire.outcome(await mint.token({ key: rsa }))).toBe("accepted");
});

describe.each([
  ["another spelling", spellings(world)],
  ["a forged header", headers(world)],
  ["a forged signature", signatures(world)],
  ["a wrong claim", claims(world)],
] as const)("T1 %s is refused", (_family, attacks) => {
  test.each(attacks)("%s: %s", async (_title, reason, make) => {
    const attempt = openGate();
    // The good token is known here already: no attack may live on its verdict.
    expect(await attempt.outcome(good)).toBe("accepted");
    expect(await attempt.outcome(await make(good))).toBe(reason);
  });
});

type Hostile = readonly [title: string, reason: string, change: (key: PublicKey) => PublicKey];
const hostile: readonly Hostile[] = [
  ["holds its private part", "key_unknown", (key) => ({ ...key, ...(mint.key.privateJwk as object), kid: key.kid })],
  ["is for encryption", "key_unknown", (key) => ({ ...key, use: "enc" })],
  ["may only sign", "key_unknown", (key) => ({ ...key, key_ops: ["sign"] })],
  ["is of another algorithm", "key_unknown", (key) => ({ ...key, alg: "ES384" })],
  ["is symmetric", "key_unknown", (key) => ({ kty: "oct", kid: key.kid, k: encode("secret"), alg: "HS256" })],
  ["has another curve's name", "key_unknown", (key) => ({ ...key, alg: "ES256", crv: "P-384" })],
  // Only the platform sees this one, when it takes the key in.
  ["is no point of its curve", "signature_wrong", (key) => ({ ...key, x: encode(new Uint8Array(32).fill(7)) })],
];

describe("T1 a key set's own faults", () => {
  test.each(hostile)("a key that %s verifies nothing: %s", async (_title, reason, change) => {
    const attempt = new TokenWire();
    attempt.publish(outside, [change(mint.key.publicJwk)]);
    expect(await attempt.outcome(good)).toBe(reason);
  });

  test.each([
    ["of 1024 bits", { n: encode(new Uint8Array(128).fill(0xff)) }],
    ["with the exponent 1", { e: encode(Uint8Array.of(1)) }],
    ["with an even exponent", { e: encode(Uint8Array.of(4)) }],
    ["with a modulus that is no base64url", { n: "!!" }],
  ])("an RSA key %s verifies nothing", async (_title, members) => {
    const attempt = new TokenWire([issuerOf({ algorithms: ["RS256"] })]);
    attempt.publish(outside, [{ ...rsa.publicJwk, ...members }]);
    expect(await attempt.outcome(await mint.token({ key: rsa }))).toBe("key_unknown");
  });

  test("two keys under one kid are none", async () => {
    const attempt = new TokenWire();
    attempt.publish(outside, [mint.key.publicJwk, stranger.publicJwk]);
    expect(await attempt.outcome(good)).toBe("key_ambiguous");
  });

  test("a token without kid is accepted by the one key that suits, and by none of two", async () => {
    const token = await mint.token({ header: { kid: undefined } });
    const attempt = new TokenWire();
    attempt.publish(outside, [mint.key.publicJwk, rsa.publicJwk]);
    expect(await attempt.outcome(token)).toBe("accepted");
    attempt.publish(outside, [mint.key.publicJwk, (await mintKey("k2")).publicJwk]);
    expect(await attempt.outcome(token)).toBe("key_ambiguous");
  });
});

test("T1 every refusal of a token has one code, so that the answer tells nothing", async () => {
  const wire = openGate();
  const codes = new Set<string>();
  for (const [, , make] of [spellings, headers, signatures, claims].flatMap((family): readonly Attack[] =>
    family(world),
  )) {
    const verdict = await wire.verify(await make(good));
    codes.add(verdict.kind === "refused" ? verdict.code : verdict.kind);
  }
  expect([...codes]).toEqual(["token_invalid"]);
});
