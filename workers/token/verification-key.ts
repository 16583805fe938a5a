/**
 * Which published key may verify what (RFC 7517 section 4, RFC 8725 sections 3.1, 3.2 and 3.5). The key decides the
 * algorithm; a token's header only has to agree.
 */
import type { PublicKey } from "../../durable-objects/keyring/contract.ts";
import { decodeBase64url, isBase64url, isCanonical } from "./base64url.ts";

/** The algorithms that a key's type and curve can do; those of no entry (symmetric ones, "none") no key can do. */
const algorithmsOfType: Readonly<Record<string, readonly string[]>> = {
  "EC P-256": ["ES256"],
  "EC P-384": ["ES384"],
  "EC P-521": ["ES512"],
  "OKP Ed25519": ["Ed25519", "EdDSA"],
  RSA: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
};

/** Members that only a private or a symmetric key has (RFC 7518 section 6). Who publishes them has lost the key. */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] as const;

/** RFC 7518 section 3.3 wants 2048 at least; the most is what keeps one verification short. */
const leastModulusBits = 2_048;
const mostModulusBits = 8_192;

/** The algorithms that this key may verify; none when it may not be used at all. */
export function algorithmsOf(key: PublicKey): readonly string[] {
  if (privateMembers.some((member) => Object.hasOwn(key, member))) return [];
  if (key["use"] !== undefined && key["use"] !== "sig") return [];
  const operations = key["key_ops"];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return [];
  if (key.kty === "RSA" && !isSoundRsa(key["n"], key["e"])) return [];
  const possible = algorithmsOfType[key.kty === "RSA" ? "RSA" : `${key.kty} ${String(key["crv"])}`] ?? [];
  if (key.alg === undefined) return possible;
  // Ed25519 has an old name and a fully specified one (RFC 9864): a key under either may verify both.
  if (possible.includes("EdDSA")) return possible.includes(key.alg) ? possible : [];
  return possible.filter((algorithm) => algorithm === key.alg);
}

function isSoundRsa(modulus: unknown, exponent: unknown): boolean {
  const n = unsignedOf(modulus);
  const e = unsignedOf(exponent);
  if (n === null || e === null) return false;
  const bits = n.toString(2).length;
  const isOdd = (value: bigint) => value % 2n === 1n;
  return bits >= leastModulusBits && bits <= mostModulusBits && isOdd(n) && e >= 3n && e <= 0xffff_ffffn && isOdd(e);
}

/** Base64urlUInt (RFC 7518 section 2). */
function unsignedOf(text: unknown): bigint | null {
  if (typeof text !== "string" || text.length > 4_096 || !isBase64url(text) || !isCanonical(text)) return null;
  let hex = "";
  for (const byte of decodeBase64url(text)) hex += byte.toString(16).padStart(2, "0");
  return BigInt(`0x${hex}`);
}
