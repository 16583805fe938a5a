/**
 * The Keyring: makes and keeps the mesh's own signing key. The private key never leaves the object.
 * What others must know (the public keys) leaves as an event `keys` with `retain: "keys:" + issuer`.
 */

/** A public JSON Web Key (RFC 7517), as published. */
export type PublicKey = Readonly<Record<string, unknown>> & {
  readonly kid: string;
  readonly kty: string;
  readonly alg?: string;
};

/** `data` of an event of type `keys`: one issuer's whole key set. */
export interface KeysData {
  readonly issuer: string;
  readonly keys: readonly PublicKey[];
  /** When the set was fetched or made, ms since 1970. */
  readonly fetchedAt: number;
}

export interface KeyringSettings {
  readonly environment: string;
  readonly issuer: string;
  readonly algorithm: "ES256";
}

export interface SignRequest {
  readonly v: 1;
  /** `typ` of the JOSE header, e.g. `at+jwt` (RFC 9068). */
  readonly type: string;
  /** All claims but `iss`, `iat`, `exp` and `jti`, which the object sets. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly ttlSeconds: number;
}

/** Why the mesh's own key cannot be used: a mistake of the operator, never answered by making another key. */
export type KeyringProblem = "key_secret_missing" | "key_secret_wrong";

export type SignAnswer =
  /** `expiresAt` in ms since 1970. */
  | { readonly v: 1; readonly kind: "signed"; readonly token: string; readonly expiresAt: number; readonly jti: string }
  | { readonly v: 1; readonly kind: "refused"; readonly reason: KeyringProblem };

export type KeyringKeysAnswer =
  | ({ readonly v: 1; readonly kind: "keys" } & KeysData)
  | { readonly v: 1; readonly kind: "refused"; readonly reason: KeyringProblem };

export interface KeyringContract {
  sign(request: SignRequest): Promise<SignAnswer>;
  keys(): Promise<KeyringKeysAnswer>;
}
