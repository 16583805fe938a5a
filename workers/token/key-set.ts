/** One generation of one issuer's keys. Imported keys are kept with it, and die with it. */
import { importJWK } from "jose";
import type { KeysData, PublicKey } from "../../durable-objects/keyring/contract.ts";
import { algorithmsOf } from "./verification-key.ts";

export type KeyFinding =
  | { readonly kind: "found"; readonly key: SuitableKey }
  | { readonly kind: "missing" }
  /** Several keys would do, and the token does not say which: one key or none. */
  | { readonly kind: "ambiguous" };

/** What a signature is held against. */
export interface VerificationKey {
  /** Its key id. */
  readonly id: string;
  /** The key for one of its algorithms, and while a secret is rotated the one before; none when the platform refused it. */
  imported(algorithm: string): Promise<readonly CryptoKey[]>;
}

export class KeySet {
  readonly #keys: readonly SuitableKey[];
  readonly #fingerprint: string;

  constructor(data: KeysData) {
    this.#fingerprint = JSON.stringify(data.keys);
    this.#keys = data.keys.map((key) => new SuitableKey(key)).filter((key) => key.algorithms.length > 0);
  }

  /** Whether `data` says what this set says: then it is the same generation, however often it was fetched. */
  holds(data: KeysData): boolean {
    return this.#fingerprint === JSON.stringify(data.keys);
  }

  find(keyId: string | null, algorithm: string): KeyFinding {
    const [key, ...more] = this.#keys.filter(
      (candidate) => (keyId === null || candidate.id === keyId) && candidate.algorithms.includes(algorithm),
    );
    if (key === undefined) return { kind: "missing" };
    return more.length > 0 ? { kind: "ambiguous" } : { kind: "found", key };
  }
}

export class SuitableKey implements VerificationKey {
  readonly id: string;
  readonly algorithms: readonly string[];
  readonly #jwk: PublicKey;
  /** Null is a key that the platform refused, such as a point that is not on its curve. */
  readonly #imported = new Map<string, CryptoKey | null>();

  constructor(jwk: PublicKey) {
    this.id = jwk.kid;
    this.algorithms = algorithmsOf(jwk);
    this.#jwk = jwk;
  }

  /** Imported once (two requests may both do it, to the same effect). */
  async imported(algorithm: string): Promise<readonly CryptoKey[]> {
    let key = this.#imported.get(algorithm);
    if (key === undefined) {
      key = await importPublic(this.#jwk, algorithm);
      this.#imported.set(algorithm, key);
    }
    return key === null ? none : [key];
  }
}

const none: readonly CryptoKey[] = [];

async function importPublic(jwk: PublicKey, algorithm: string): Promise<CryptoKey | null> {
  try {
    const key = await importJWK({ ...jwk, alg: algorithm, key_ops: ["verify"] }, algorithm);
    return key instanceof Uint8Array ? null : key;
  } catch {
    // The issuer published numbers that are no key: tokens that name it are refused, and the set's other keys hold.
    return null;
  }
}
