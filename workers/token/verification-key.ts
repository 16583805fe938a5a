/**
 * Which published key may verify what (RFC 7517 section 4, RFC 8725 sections 3.1, 3.2, 3.4 and 3.5). The key decides the
 * algorithm; a token's header only has to agree.
 */
import type { PublicKey } from "../../durable-objects/keyring/contract.ts";
import { isSoundPoint } from "./curve-key.ts";
import { isSoundRsa } from "./rsa-key.ts";

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

/** The algorithms that this key may verify; none when it may not be used at all. */
export function algorithmsOf(key: PublicKey): readonly string[] {
  if (privateMembers.some((member) => Object.hasOwn(key, member))) return [];
  if (key["use"] !== undefined && key["use"] !== "sig") return [];
  const operations = key["key_ops"];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return [];
  const kind = key.kty === "RSA" ? "RSA" : `${key.kty} ${String(key["crv"])}`;
  const isSound = kind === "RSA" ? isSoundRsa(key["n"], key["e"]) : isSoundPoint(kind, key["x"], key["y"]);
  if (!isSound) return [];
  const possible = algorithmsOfType[kind] ?? [];
  if (key.alg === undefined) return possible;
  // Ed25519 has an old name and a fully specified one (RFC 9864): a key under either may verify both.
  if (possible.includes("EdDSA")) return possible.includes(key.alg) ? possible : [];
  return possible.filter((algorithm) => algorithm === key.alg);
}
