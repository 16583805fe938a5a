/** T1: whatever an issuer publishes, no token is verified by a key that is weak, leaked or ambiguous; the others go on. */
import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { LeftOutReason } from "../../durable-objects/key-sets/contract.ts";
import { readPublicKeys } from "../../durable-objects/key-sets/public-keys.ts";
import { SuitableKey } from "../../workers/token/key-set.ts";
import { algorithmsOf } from "../../workers/token/verification-key.ts";
import { encode, mintKey, type MintedKey } from "../support/token-mint.ts";

type Jwk = Readonly<Record<string, unknown>>;

interface Material {
  readonly good: MintedKey;
  readonly ec: Jwk;
  readonly ecPrivate: Jwk;
  readonly otherEc: Jwk;
  readonly rsa: Jwk;
  readonly ed: Jwk;
}

let made: Material;

beforeAll(async () => {
  const [good, ec, other, rsa, ed] = await Promise.all([
    mintKey("good"),
    mintKey("bad"),
    mintKey("bad"),
    mintKey("bad", "RS256"),
    mintKey("bad", "Ed25519"),
  ]);
  const ecPrivate = { ...ec.privateJwk, kid: "bad" };
  made = { good, ec: ec.publicJwk, ecPrivate, otherEc: other.publicJwk, rsa: rsa.publicJwk, ed: ed.publicJwk };
});

const withKid = (jwk: JsonWebKey): Jwk => ({ ...jwk, kid: "bad" });
const smallRsa = (modulusLength: number, publicExponent = 65_537): Jwk =>
  withKid(generateKeyPairSync("rsa", { modulusLength, publicExponent }).publicKey.export({ format: "jwk" }));
const curve = (namedCurve: string): Jwk =>
  withKid(generateKeyPairSync("ec", { namedCurve }).publicKey.export({ format: "jwk" }));

/** The ids of the keys by which a token could be verified, once object and edge have looked at them. */
async function usableIn(keys: readonly unknown[]) {
  const found = await readPublicKeys({ keys });
  if (found.kind === "refused") throw new Error(`expected a set: received ${found.detail}`);
  const usable: string[] = [];
  for (const jwk of found.keys) {
    const key = new SuitableKey(jwk);
    const [algorithm] = key.algorithms;
    if (algorithm !== undefined && (await key.imported(algorithm)).length > 0) usable.push(key.id);
  }
  return { usable, leftOut: found.leftOut };
}

describe("T1 of a set with a bad key the good one alone verifies", () => {
  test("both do when neither is bad", async () => {
    for (const jwk of [made.ec, made.rsa, made.ed]) {
      expect(await usableIn([jwk, made.good.publicJwk])).toEqual({ usable: ["bad", "good"], leftOut: [] });
    }
  });

  const weak: readonly (readonly [string, () => Jwk])[] = [
    ["an RSA modulus of 512 bits", () => smallRsa(512)],
    ["an RSA modulus of 1024 bits", () => smallRsa(1_024)],
    ["an RSA modulus of 2040 bits", () => smallRsa(2_040)],
    ["an RSA modulus of 16384 bits", () => ({ ...made.rsa, n: encode(new Uint8Array(2_048).fill(0xff)) })],
    ["an even RSA modulus", () => ({ ...made.rsa, n: encode(new Uint8Array(256).fill(0xfe)) })],
    ["an RSA modulus of zeros", () => ({ ...made.rsa, n: encode(new Uint8Array(256)) })],
    ["the RSA exponent 1", () => ({ ...made.rsa, e: "AQ" })],
    ["the RSA exponent 0", () => ({ ...made.rsa, e: "AA" })],
    ["an even RSA exponent", () => ({ ...made.rsa, e: "AQAA" })],
    ["an RSA exponent as long as its modulus", () => ({ ...made.rsa, e: made.rsa["n"] })],
    ["an RSA modulus with a ROCA fingerprint", () => ({ ...made.rsa, n: encode(rocaModulus(12_345n)) })],
    ["an RSA modulus in base64 that is not canonical", () => ({ ...made.rsa, n: `${String(made.rsa["n"])}=` })],
    ["a point that is not on its curve", () => ({ ...made.ec, y: made.otherEc["y"] })],
    ["the point 0, 0", () => ({ ...made.ec, x: encode(new Uint8Array(32)), y: encode(new Uint8Array(32)) })],
    ["coordinates beyond the field", () => ({ ...made.ec, x: encode(new Uint8Array(32).fill(0xff)) })],
    ["a point of P-384 under P-256", () => ({ ...curve("P-384"), crv: "P-256" })],
    ["a point of P-256 under P-384", () => ({ ...made.ec, crv: "P-384", alg: "ES384" })],
    ["a coordinate with a zero too many", () => ({ ...made.ec, x: encode(new Uint8Array(33)) })],
    ["the curve secp256k1", () => curve("secp256k1")],
    ["a curve that does not exist", () => ({ ...made.ec, crv: "constructor" })],
    ["another curve than its algorithm's", () => ({ ...made.ec, alg: "ES384" })],
    ["an algorithm of another kind of key", () => ({ ...made.rsa, alg: "ES256" })],
    ["an HMAC's algorithm on a public key", () => ({ ...made.rsa, alg: "HS256" })],
    ["the algorithm none", () => ({ ...made.ec, alg: "none" })],
    ["a key for agreement", () => ({ ...made.ed, crv: "X25519", alg: undefined })],
    ["an Ed25519 key that is too short", () => ({ ...made.ed, x: encode(new Uint8Array(31).fill(9)) })],
  ];

  test.each(weak)("%s", async (_title, make) => {
    expect((await usableIn([make(), made.good.publicJwk])).usable).toEqual(["good"]);
  });

  const leftOut: readonly (readonly [string, () => readonly unknown[], readonly LeftOutReason[]])[] = [
    ["a private member", () => [made.ecPrivate], ["private_half_published"]],
    [
      "a key whose private half stands beside it under another id",
      () => [made.ec, { ...made.ecPrivate, kid: "other" }],
      ["private_half_published", "private_half_published"],
    ],
    ["a symmetric key", () => [{ kty: "oct", k: "c2VjcmV0", kid: "bad", alg: "HS256" }], ["symmetric"]],
    [
      "a symmetric key under the id of a public one",
      () => [made.rsa, { kty: "oct", k: "c2VjcmV0", kid: "bad" }],
      ["key_id_repeated", "symmetric"],
    ],
    ["two keys under one id", () => [made.ec, made.otherEc], ["key_id_repeated", "key_id_repeated"]],
    ["two keys of two kinds under one id", () => [made.ec, made.rsa], ["key_id_repeated", "key_id_repeated"]],
    ["a key for encryption", () => [{ ...made.rsa, use: "enc" }], ["not_for_signatures"]],
    ["a key that may not verify", () => [{ ...made.rsa, key_ops: ["encrypt"] }], ["not_for_signatures"]],
    ["operations that are no list", () => [{ ...made.rsa, key_ops: "verify" }], ["malformed"]],
    ["operations that are no texts", () => [{ ...made.rsa, key_ops: ["verify", 7] }], ["malformed"]],
    ["an algorithm that is no text", () => [{ ...made.rsa, alg: ["RS256"] }], ["malformed"]],
    ["an id that is no text", () => [{ ...made.ec, kid: 7 }], ["malformed"]],
    ["an empty id", () => [{ ...made.ec, kid: "" }], ["malformed"]],
    ["an id of 257 characters", () => [{ ...made.ec, kid: "k".repeat(257) }], ["malformed"]],
    ["a number without end", () => [{ ...made.rsa, n: "A".repeat(4_097) }], ["malformed"]],
    ["a missing coordinate", () => [{ ...made.ec, y: undefined }], ["malformed"]],
    ["an unknown kind", () => [{ kty: "AKP", kid: "bad", pub: "AA" }], ["kind_unknown"]],
    ["a kind out of an object's prototype", () => [{ kty: "constructor", kid: "bad" }], ["kind_unknown"]],
    ["what is no key", () => ["bad", null, []], ["malformed", "malformed", "malformed"]],
  ];

  test.each(leftOut)("%s is left out by the object, which says why", async (_title, make, reasons) => {
    const found = await usableIn([...make(), made.good.publicJwk]);
    expect(found.usable).toEqual(["good"]);
    expect(found.leftOut.map(({ reason }) => reason)).toEqual(reasons);
  });
});

describe("what is kept of a good key", () => {
  test("is what verifies, and nothing else", async () => {
    const { publicJwk } = made.good;
    const found = await readPublicKeys({ keys: [{ ...publicJwk, x5c: ["MIIB"], comment: "x" }] });
    expect(found).toEqual({ kind: "keys", keys: [publicJwk], leftOut: [] });
  });

  test("is kept once when it is published twice, and beside a key for encryption under its id", async () => {
    const { publicJwk } = made.good;
    const found = await usableIn([publicJwk, publicJwk, { ...made.rsa, kid: "good", use: "enc" }]);
    expect(found).toEqual({ usable: ["good"], leftOut: [{ kid: "good", reason: "not_for_signatures" }] });
  });

  test("has its thumbprint for an id when it has none (RFC 7638)", async () => {
    const { kid: _kid, ...nameless } = made.good.publicJwk;
    const found = await readPublicKeys({ keys: [nameless] });
    expect(found.kind === "keys" ? found.keys[0]?.kid : null).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

/** That the platform would take a signature by them, `objects/key-sets` shows. */
describe("Ed25519 points of small order", () => {
  const points = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];

  test.each(points)("verify nothing, with either sign: %s", (hex) => {
    for (const sign of [0, 0x80]) {
      const point = bytesOf(hex);
      point[31] = (point[31] ?? 0) | sign;
      expect(algorithmsOf({ ...made.ed, kty: "OKP", kid: "bad", x: encode(point) })).toEqual([]);
    }
  });
});

describe("CVE-2017-15361", () => {
  const rsa = (n: Uint8Array) => ({ kty: "RSA", kid: "k", e: "AQAB", n: encode(n) });

  test("any modulus that is a power of 65537 modulo the telling primes is refused", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 60n }), (power) => {
        expect(algorithmsOf(rsa(rocaModulus(power)))).toEqual([]);
      }),
    );
  });

  test("other odd numbers of its length are not", () => {
    const bytes = fc.uint8Array({ minLength: 256, maxLength: 256 });
    fc.assert(
      fc.property(bytes, (random) => {
        const n = Uint8Array.from(random, (byte, index) => (index === 0 ? byte | 0x80 : byte));
        n[255] = (n[255] ?? 0) | 1;
        expect(algorithmsOf(rsa(n))).not.toEqual([]);
      }),
    );
  });
});

/** An odd number of 2048 bits that is a power of 65537 modulo the product of the first odd primes up to 167. */
function rocaModulus(power: bigint): Uint8Array {
  const primes = Array.from({ length: 165 }, (_, index) => index + 3)
    .filter(isPrime)
    .map(BigInt);
  const product = primes.reduce((all, prime) => all * prime, 1n);
  const rest = powerModulo(65_537n, power, product);
  const times = 2n ** 2_047n / product + 1n;
  const number = rest + product * times;
  const odd = number % 2n === 1n ? number : number + product;
  return bytesOf(odd.toString(16).padStart(512, "0"));
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) if (number % divisor === 0) return false;
  return true;
}

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let [left, square] = [exponent, base]; left > 0n; left /= 2n, square = (square * square) % modulus) {
    if (left % 2n === 1n) result = (result * square) % modulus;
  }
  return result;
}
