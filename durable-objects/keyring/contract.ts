/**
 * The Keyring: makes, keeps and replaces the mesh's own signing keys. Private keys never leave the object.
 *
 * There are two sets. Of the `access` set everyone must know the public keys: they leave as an event `keys` with
 * `retain: "keys:" + issuer`. The `assertion` set signs what the mesh tells its services, and is fetched by them alone:
 * a service that holds an assertion holds nothing that opens the mesh.
 */
import type { NewEvent } from "../log/contract.ts";

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
  /** When the set was fetched or last changed, ms since 1970: the newer of two sets has the greater one. */
  readonly fetchedAt: number;
}

export type KeyPurpose = "access" | "assertion";

/** RFC 7518 section 3.1, RFC 9864. With `HS256` there is no key set: whoever verifies has the secret, too. */
export type SigningAlgorithm = "ES256" | "EdDSA" | "Ed25519" | "RS256" | "HS256";

export interface KeyringSettings {
  readonly environment: string;
  readonly issuer: string;
  readonly algorithm: SigningAlgorithm;
  /** With `HS256`: the binding that holds the shared secret. */
  readonly sharedSecret: string | null;
  /** A key that has signed for so long is replaced by itself; null for never. */
  readonly rotateAfterMs: number | null;
  /** How long it takes until everyone surely knows a key that was published. */
  readonly settleMs: number;
  /** The longest life of a token: for so long a key that signs no more still verifies. */
  readonly longestTokenMs: number;
}

/** The longest life that a token can be given. */
export const longestTtlSeconds = 86_400;

export interface SignRequest {
  readonly v: 1;
  /** `typ` of the JOSE header, e.g. `at+jwt` (RFC 9068). */
  readonly type: string;
  /** Default `access`. */
  readonly purpose?: KeyPurpose;
  /** All claims but `iss`, `iat`, `exp` and `jti`, which the object sets. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly ttlSeconds: number;
}

/** Why the mesh's own key cannot be used: a mistake of the operator, never answered by making another key. */
export type KeyringProblem = "key_secret_missing" | "key_secret_wrong" | "shared_secret_missing";

interface Refused {
  readonly v: 1;
  readonly kind: "refused";
  readonly reason: KeyringProblem;
}

export type SignAnswer =
  /** `expiresAt` in ms since 1970. */
  | { readonly v: 1; readonly kind: "signed"; readonly token: string; readonly expiresAt: number; readonly jti: string }
  | Refused;

export type ReadyAnswer = { readonly v: 1; readonly kind: "ready" } | Refused;

export type KeyringKeysAnswer = ({ readonly v: 1; readonly kind: "keys" } & KeysData) | Refused;

/** `next` is published and signs nothing yet; `retiring` signs no more and still verifies. */
export type KeyStanding = "next" | "current" | "retiring";

export interface KeyDescription {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  readonly algorithm: string;
  readonly standing: KeyStanding;
  /** ms since 1970. */
  readonly madeAt: number;
  /** Since when it signs; null for a next one. */
  readonly usedFrom: number | null;
  /** When it leaves the set; null while it signs. */
  readonly endsAt: number | null;
}

/**
 * `events` are owed to the Log and leave from the object by themselves; whoever wants receipts publishes the same ones
 * (their ids make that harmless) and waits for the ack.
 */
export type RotateAnswer =
  | { readonly v: 1; readonly kind: "rotated"; readonly current: KeyDescription; readonly events: readonly NewEvent[] }
  /** The next key is not known everywhere yet. */
  | { readonly v: 1; readonly kind: "too_soon"; readonly retryAfterMs: number }
  /** With a shared secret the operator rotates, by setting another one. */
  | { readonly v: 1; readonly kind: "shared_secret" }
  | Refused;

export type RemoveAnswer =
  | { readonly v: 1; readonly kind: "removed"; readonly events: readonly NewEvent[] }
  | { readonly v: 1; readonly kind: "unknown" }
  | Refused;

export interface KeyringContract {
  sign(request: SignRequest): Promise<SignAnswer>;
  /** Whether it could sign, by either set. */
  ready(): Promise<ReadyAnswer>;
  /** The public keys of a set, `access` when none is named. */
  keys(request?: { readonly v: 1; readonly purpose: KeyPurpose }): Promise<KeyringKeysAnswer>;
  describe(): Promise<{ readonly v: 1; readonly keys: readonly KeyDescription[] }>;
  /** The next key of the `access` set signs from now on; the one before verifies until its last token has ended. */
  rotate(): Promise<RotateAnswer>;
  /** Whatever the key has signed is worth nothing from now on. */
  remove(request: { readonly v: 1; readonly kid: string }): Promise<RemoveAnswer>;
}
