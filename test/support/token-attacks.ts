/**
 * Tokens that must not be accepted, each with the check of ours that catches it: made of one good token, under two keys of
 * one issuer. Held against this verifier, and in the same way against others.
 */
import { exportSPKI, importJWK } from "jose";
import { hmac, mintKey, sign, TokenMint, type MintedKey, type TokenPlan } from "./token-mint.ts";

export interface AttackWorld {
  readonly issuer: string;
  readonly audience: string;
  /** The mesh's own issuer: a token that names it must not pass by an outside key. */
  readonly own: string;
  /** Seconds since 1970. */
  readonly seconds: number;
  readonly mint: TokenMint;
  readonly rsa: MintedKey;
  readonly stranger: MintedKey;
  readonly rsaPem: Uint8Array<ArrayBuffer>;
}

export async function openAttackWorld(about: {
  readonly issuer: string;
  readonly audience: string;
  readonly own: string;
  /** ms since 1970. */
  readonly now: number;
}): Promise<AttackWorld> {
  const mint = await TokenMint.open(about);
  const rsa = await mintKey("r1", "RS256");
  const key = await importJWK(rsa.publicJwk, "RS256", { extractable: true });
  if (key instanceof Uint8Array) throw new Error("expected an asymmetric key");
  const rsaPem = Uint8Array.from(new TextEncoder().encode(await exportSPKI(key)));
  const { issuer, audience, own, now } = about;
  return { issuer, audience, own, seconds: now / 1_000, mint, rsa, stranger: await mintKey("k1"), rsaPem };
}

/** Another spelling of the good token, or a token made anew. */
export type Attack = readonly [title: string, reason: string, make: (token: string) => string | Promise<string>];
const part = (token: string, index: number) => token.split(".")[index] ?? "";
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const lastSuccessor = (token: string) =>
  token.slice(0, -1) + (alphabet[alphabet.indexOf(token.at(-1) ?? "") + 1] ?? "");
/** A token made anew, by a plan. */
const madeBy = (mint: TokenMint) => (plan: TokenPlan) => () => mint.token(plan);
const headerOf = (member: string) => `{"alg":"ES256","typ":"at+jwt","kid":"k1",${member}}`;
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

export function spellings({ mint }: AttackWorld): readonly Attack[] {
  const made = madeBy(mint);
  return [
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
}

export function headers({ mint, rsa, rsaPem }: AttackWorld): readonly Attack[] {
  const made = madeBy(mint);
  return [
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
}

/** ECDSA's other form: a sequence of two integers (RFC 3279 section 2.2.3), where a token has the two numbers alone. */
function derOf(signature: Uint8Array): Uint8Array {
  const integers = [signature.slice(0, 32), signature.slice(32)].map((bytes) => {
    const signed = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : [...bytes];
    return [0x02, signed.length, ...signed];
  });
  const content = integers.flat();
  return Uint8Array.from([0x30, content.length, ...content]);
}

export function signatures({ mint, stranger }: AttackWorld): readonly Attack[] {
  const made = madeBy(mint);
  return [
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
}

export function claims({ mint, issuer: outside, own, audience, seconds }: AttackWorld): readonly Attack[] {
  const made = madeBy(mint);
  const claimsWith = (member: string) => `${JSON.stringify(mint.claims()).slice(0, -1)},${member}}`;
  return [
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
    ["bound to a key, without its proof", "bound_to_key", made({ claims: { cnf: { jkt: "x".repeat(43) } } })],
    ["no subject", "claim_missing", made({ claims: { sub: undefined } })],
    ["an empty subject", "claim_malformed", made({ claims: { sub: "" } })],
    ["a number for subject", "claim_malformed", made({ claims: { sub: 7 } })],
    ["sub twice", "member_repeated", () => mint.token({ claimsText: claimsWith('"sub":"root"') })],
    ["a member twice in depth", "member_repeated", () => mint.token({ claimsText: claimsWith('"a":[{"b":1,"b":2}]') })],
    ["nested 33 deep", "nested_too_deep", () => mint.token({ claimsText: claimsWith(`"a":${nested(32)}`) })],
    ["half a surrogate pair", "not_utf8", () => mint.token({ claimsText: claimsWith('"a":"\\ud800"') })],
    ["bytes that are no UTF-8", "not_utf8", made({ claimsBytes: Uint8Array.of(0x7b, 0xff, 0x7d) })],
    [
      "a byte order mark",
      "not_json_object",
      () => mint.token({ claimsText: `\uFEFF${JSON.stringify(mint.claims())}` }),
    ],
    ["claims that are a text", "not_json_object", made({ claimsText: '"x"' })],
    ["claims that are null", "not_json_object", made({ claimsText: "null" })],
    [
      "something after the claims",
      "not_json_object",
      () => mint.token({ claimsText: `${JSON.stringify(mint.claims())}{}` }),
    ],
  ];
}
