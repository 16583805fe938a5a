/**
 * A secret that the mesh shares with those who verify its tokens (HS256), in the place of a key set. Nothing is published
 * and nothing asked for; while the secret is rotated what the previous one signed is good, too.
 */
import type { KeysData } from "../../durable-objects/keyring/contract.ts";
import type { KeyAnswer, KeysOfIssuer } from "./issuer-keys.ts";
import { KeySet, type VerificationKey } from "./key-set.ts";

const algorithm = "HS256";

export class SharedSecretKeys implements KeysOfIssuer {
  readonly #data: KeysData;
  readonly #generation: KeySet;
  readonly #key: SharedSecret;

  constructor(issuer: string, secrets: readonly string[]) {
    this.#data = { issuer, keys: [], fetchedAt: 0 };
    this.#generation = new KeySet(this.#data);
    this.#key = new SharedSecret(secrets);
  }

  current(): KeySet {
    return this.#generation;
  }

  data(): KeysData {
    return this.#data;
  }

  /** There is one secret, and it has no name: a token that names a key means another one. */
  find(keyId: string | null, asked: string): KeyAnswer {
    if (keyId !== null || asked !== algorithm) return { kind: "refused", reason: "key_unknown" };
    return { kind: "found", key: this.#key, generation: this.#generation };
  }

  ask(): Promise<void> {
    return Promise.resolve();
  }

  /** A secret does not age. */
  keepFresh(): void {}
}

class SharedSecret implements VerificationKey {
  /** No revocation can name it: that would end the tokens of whoever could lift it. */
  readonly id = "";
  readonly #secrets: readonly string[];
  #imported: readonly CryptoKey[] | null = null;

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  async imported(): Promise<readonly CryptoKey[]> {
    this.#imported ??= await Promise.all(this.#secrets.map(importSecret));
    return this.#imported;
  }
}

function importSecret(secret: string): Promise<CryptoKey> {
  const how = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", new TextEncoder().encode(secret), how, false, ["verify"]);
}
