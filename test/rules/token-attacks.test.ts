/** T1: what must not be accepted, each with the check that catches it. The good token that all of them are made of is. */
import { exportSPKI, importJWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import type { PublicKey } from "../../durable-objects/keyring/contract.ts";
import { encode, hmac, mintKey, type MintedKey, sign, TokenMint, type TokenPlan } from "../support/token-mint.ts";
import { audience, issuerOf, outside, own, startedAt, TokenWire } from "./token-wire.ts";

const seconds = startedAt / 1_000;
let mint: TokenMint;
let rsa: MintedKey;
let stranger: MintedKey;
let good: string;
let rsaPem: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  mint = await TokenMint.open({ issuer: outside, audience, now: startedAt });
  rsa = await mintKey("r1", "RS256");
  stranger = await mintKey("k1");
  good = await mint.token();
  const key = await importJWK(rsa.publicJwk, "RS256", { extractable: true });
  if (key instanceof Uint8Array) throw new Error("expected an asymmetric key");
  rsaPem = Uint8Array.from(new TextEncoder().encode(await exportSPKI(key)));
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

/** Another spelling of the good token, or a token made anew. */
type Attack = readonly [title: string, reason: string, make: (token: string) => string | Promise<string>];
const made = (plan: TokenPlan) => () => mint.token(plan);
const part = (token: string, index: number) => token.split(".")[index] ?? "";
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const lastSuccessor = (token: string) =>
  token.slice(0, -1) + (alphabet[alphabet.indexOf(token.at(-1) ?? "") + 1] ?? "");
const headerOf = (member: string) => `{"alg":"ES256","typ":"at+jwt","kid":"k1",${member}}`;
const claimsWith = (member: string) => `${JSON.stringify(mint.claims()).slice(0, -1)},${member}}`;
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

const spellings: readonly Attack[] = [
  ["padding with one =", "character_forbidden", (token) => `${token}=`],
  ["padding with ==", "character_forbidden", (token) => `${token}==`],
  ["a space before", "character_forbidden", (token) => ` ${token}`],
  ["a space after", "character_forbidden", (token) => `${token} `],
  ["a space inside", "character_forbidden", (token) => `${token.slice(0, 20)} ${token.slice(20)}`],
  ["a line feed in the signature", "character_forbidden", (token) => `${token.slice(0, -5)}\n${token.slice(-5)}`],
  ["a line feed at the end", "character_forbidden", (token) => `${token}\n`],
  ["a tab", "character_forbidden", (token) => `${token.slice(0, -5)}\t${token.slice(-5)}`],
  ["a NUL", "character_forbidden", (token) => `${token}\0`],
  ["a letter of another alphabet", "character_forbidden", (token) => `${token}é`],
  ["standard base64 of the signature", "character_forbidden", (token) => `${token.slice(0, -2)}+/`],
  ["percent-encoding", "character_forbidden", (token) => `${token}%3D`],
  ["another last character", "encoding_not_canonical", lastSuccessor],
  ["one character too many", "encoding_not_canonical", (token) => `${token}AAA`],
  ["no signature", "parts_wrong", (token) => token.slice(0, token.lastIndexOf(".") + 1)],
  ["no signature and no dot", "parts_wrong", (token) => token.slice(0, token.lastIndexOf("."))],
  ["a fourth part", "parts_wrong", (token) => `${token}.AAAA`],
  ["five parts, as an encrypted token has", "parts_wrong", (token) => `${token}.AAAA.AAAA`],
  ["a dot in front", "parts_wrong", (token) => `.${token}`],
  ["nothing", "parts_wrong", () => ""],
  ["dots alone", "parts_wrong", () => ".."],
  ["more than 8 KiB", "too_long", made({ claims: { pad: "x".repeat(8_192) } })],
];

const headers: readonly Attack[] = [
  [
    "alg none, unsigned",
    "parts_wrong",
    async () => `${(await mint.token({ header: { alg: "none" } })).split(".").slice(0, 2).join(".")}.`,
  ],
  ["alg none with a signature", "algorithm_not_accepted", made({ header: { alg: "none" } })],
  ["alg NoNe", "algorithm_not_accepted", made({ header: { alg: "NoNe" } })],
  ["alg in lower case", "algorithm_not_accepted", made({ header: { alg: "es256" } })],
  ["alg empty", "algorithm_not_accepted", made({ header: { alg: "" } })],
  ["alg a list", "algorithm_not_accepted", made({ header: { alg: ["ES256"] } })],
  ["no alg", "algorithm_not_accepted", made({ header: { alg: undefined } })],
  [
    "HS256 with the RSA public key",
    "algorithm_not_accepted",
    () => mint.token({ header: { alg: "HS256", kid: "r1" }, signature: (input) => hmac(rsaPem, input) }),
  ],
  ["RS256 said of an EC key", "key_unknown", made({ header: { alg: "RS256" } })],
  ["ES256 said of an RSA key", "key_unknown", () => mint.token({ key: rsa, header: { alg: "ES256" } })],
  [
    "an algorithm that the key can do and the issuer does not use",
    "algorithm_not_accepted",
    () => mint.token({ key: rsa, header: { alg: "PS256" } }),
  ],
  ["an unknown kid", "key_unknown", made({ header: { kid: "k9" } })],
  ["a kid that is a path", "key_unknown", made({ header: { kid: "../../etc/passwd" } })],
  ["a kid of another type", "key_id_malformed", made({ header: { kid: 1 } })],
  ["an empty kid", "key_id_malformed", made({ header: { kid: "" } })],
  ["a kid of 300 characters", "key_id_malformed", made({ header: { kid: "k".repeat(300) } })],
  ["an unknown crit", "header_forbidden", made({ header: { crit: ["exp"], exp: 1 } })],
  ["an empty crit", "header_forbidden", made({ header: { crit: [] } })],
  ["b64 false", "header_forbidden", made({ header: { b64: false } })],
  ["enc, as an encrypted token has", "header_forbidden", made({ header: { enc: "A256GCM" } })],
  ["zip", "header_forbidden", made({ header: { zip: "DEF" } })],
  ["an ID token's or a logout token's typ", "type_not_accepted", made({ header: { typ: "logout+jwt" } })],
  ["a DPoP proof", "type_not_accepted", made({ header: { typ: "dpop+jwt" } })],
  ["a typ with another prefix", "type_not_accepted", made({ header: { typ: "text/at+jwt" } })],
  ["a typ with the prefix twice", "type_not_accepted", made({ header: { typ: "application/application/at+jwt" } })],
  ["alg twice", "member_repeated", made({ headerText: headerOf('"alg":"ES256"') })],
  ["a member twice, once by an escape", "member_repeated", made({ headerText: headerOf('"\\u0061lg":"none"') })],
  ["a header that is a list", "not_json_object", made({ headerText: "[]" })],
  ["a header that is no JSON", "not_json_object", made({ headerText: "{alg:1}" })],
];

/** ECDSA's other form: a sequence of two integers (RFC 3279 section 2.2.3), where a token has the two numbers alone. */
function derOf(signature: Uint8Array): Uint8Array {
  const integers = [signature.slice(0, 32), signature.slice(32)].map((bytes) => {
    const signed = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : [...bytes];
    return [0x02, signed.length, ...signed];
  });
  const content = integers.flat();
  return Uint8Array.from([0x30, content.length, ...content]);
}

const signatures: readonly Attack[] = [
  ["another key under the same kid", "signature_wrong", () => mint.token({ key: stranger })],
  ["an embedded jwk", "signature_wrong", () => mint.token({ key: stranger, header: { jwk: stranger.publicJwk } })],
  ["a jku", "signature_wrong", () => mint.token({ key: stranger, header: { jku: "https://evil.example/jwks" } })],
  ["an x5u", "signature_wrong", () => mint.token({ key: stranger, header: { x5u: "https://evil.example/x" } })],
  ["an all-zero signature", "signature_wrong", made({ signature: () => new Uint8Array(64) })],
  ["an empty-valued signature of one byte", "signature_wrong", made({ signature: () => new Uint8Array(1) })],
  ["a signature in DER", "signature_wrong", made({ signature: async (input) => derOf(await sign(mint.key, input)) })],
  [
    "a signature with a byte more",
    "signature_wrong",
    made({ signature: async (input) => Uint8Array.of(...(await sign(mint.key, input)), 0) }),
  ],
  [
    "the signature of another header",
    "signature_wrong",
    async (token) => `${part(await mint.token({ header: { typ: "JWT" } }), 0)}.${part(token, 1)}.${part(token, 2)}`,
  ],
  [
    "the signature of other claims",
    "signature_wrong",
    async (token) => `${part(token, 0)}.${part(await mint.token({ claims: { sub: "root" } }), 1)}.${part(token, 2)}`,
  ],
];

const claims: readonly Attack[] = [
  ["no exp", "claim_missing", made({ claims: { exp: undefined } })],
  ["exp null", "claim_malformed", made({ claims: { exp: null } })],
  ["exp a text", "claim_malformed", made({ claims: { exp: String(seconds + 60) } })],
  [
    "exp 1e400",
    "claim_malformed",
    () => mint.token({ claimsText: JSON.stringify(mint.claims()).replace(/"exp":\d+/, '"exp":1e400') }),
  ],
  ["exp below zero", "claim_malformed", made({ claims: { exp: -1 } })],
  ["expired", "expired", made({ claims: { iat: seconds - 400, exp: seconds - 5 } })],
  ["nbf ahead", "not_yet_valid", made({ claims: { nbf: seconds + 6 } })],
  ["nbf a text", "claim_malformed", made({ claims: { nbf: "0" } })],
  ["iat ahead", "issued_in_future", made({ claims: { iat: seconds + 6 } })],
  ["iat a boolean", "claim_malformed", made({ claims: { iat: true } })],
  ["a life longer than the issuer's most", "lifetime_too_long", made({ claims: { exp: seconds - 10 + 3_601 } })],
  ["a long life and no iat", "lifetime_too_long", made({ claims: { iat: undefined, exp: seconds + 3_601 } })],
  ["another audience", "audience_wrong", made({ claims: { aud: "billing" } })],
  ["an audience that only begins alike", "audience_wrong", made({ claims: { aud: `${audience}-admin` } })],
  ["no audience", "claim_missing", made({ claims: { aud: undefined } })],
  ["an empty list of audiences", "audience_wrong", made({ claims: { aud: [] } })],
  ["a number among the audiences", "claim_malformed", made({ claims: { aud: [1, audience] } })],
  ["an object for audience", "claim_malformed", made({ claims: { aud: { 0: audience } } })],
  ["no issuer", "claim_missing", made({ claims: { iss: undefined } })],
  ["an issuer with a slash more", "issuer_unknown", made({ claims: { iss: `${outside}/` } })],
  ["an issuer in capitals", "issuer_unknown", made({ claims: { iss: outside.toUpperCase() } })],
  ["a list for issuer", "claim_malformed", made({ claims: { iss: [outside] } })],
  ["the mesh's own issuer, signed by an outside key", "key_unknown", made({ claims: { iss: own } })],
  ["no subject", "claim_missing", made({ claims: { sub: undefined } })],
  ["an empty subject", "claim_malformed", made({ claims: { sub: "" } })],
  ["a number for subject", "claim_malformed", made({ claims: { sub: 7 } })],
  ["sub twice", "member_repeated", () => mint.token({ claimsText: claimsWith('"sub":"root"') })],
  ["a member twice in depth", "member_repeated", () => mint.token({ claimsText: claimsWith('"a":[{"b":1,"b":2}]') })],
  ["nested 33 deep", "nested_too_deep", () => mint.token({ claimsText: claimsWith(`"a":${nested(32)}`) })],
  ["half a surrogate pair", "not_utf8", () => mint.token({ claimsText: claimsWith('"a":"\\ud800"') })],
  ["bytes that are no UTF-8", "not_utf8", made({ claimsBytes: Uint8Array.of(0x7b, 0xff, 0x7d) })],
  ["a byte order mark", "not_json_object", () => mint.token({ claimsText: `\uFEFF${JSON.stringify(mint.claims())}` })],
  ["claims that are a text", "not_json_object", made({ claimsText: '"x"' })],
  ["claims that are null", "not_json_object", made({ claimsText: "null" })],
  [
    "something after the claims",
    "not_json_object",
    () => mint.token({ claimsText: `${JSON.stringify(mint.claims())}{}` }),
  ],
];

describe.each([
  ["another spelling", spellings],
  ["a forged header", headers],
  ["a forged signature", signatures],
  ["a wrong claim", claims],
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
  for (const [, , make] of [...spellings, ...headers, ...signatures, ...claims]) {
    const verdict = await wire.verify(await make(good));
    codes.add(verdict.kind === "refused" ? verdict.code : verdict.kind);
  }
  expect([...codes]).toEqual(["token_invalid"]);
});
