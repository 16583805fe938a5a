/**
 * Accounts: people, clients (programs) and API keys, a shard of them by the hash of kind and name. The single writer of
 * who exists, what they may do, and what proves them.
 *
 * Passwords never come here: the edge hashes them (PBKDF2 costs time that a single writer does not have), the object
 * keeps a digest of the hash and compares. Secrets of clients and API keys are random and long, so one digest is enough.
 */
import type { NewEvent } from "../log/contract.ts";

export type AccountKind = "account" | "client";

/** What is known of an account or a client, but for what proves it. */
export interface AccountFacts {
  readonly kind: AccountKind;
  readonly name: string;
  readonly roles: readonly string[];
  /** Accounts: null for none. Clients have none. */
  readonly tenant: string | null;
  /** Further claims for its tokens. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** What its tokens may be asked for. */
  readonly scopes: readonly string[];
  /** Clients: what they may act on (`lock:inventory.*`, `service:inventory`); empty for everything. */
  readonly resources: readonly string[];
  /** Clients of the authorization code grant: compared letter by letter. */
  readonly redirectUris: readonly string[];
  /** A client without a secret (RFC 6749 section 2.1): a program in a browser or on a phone. PKCE stands in for it. */
  readonly isPublic: boolean;
  readonly isDisabled: boolean;
  /** ms since 1970; null for never. */
  readonly expiresAt: number | null;
  /** ms since 1970. */
  readonly createdAt: number;
  readonly changedAt: number;
  /** Grows with every change: who writes with an old one is told. */
  readonly version: number;
}

/** How a password is hashed at the edge: `rounds` chained PBKDF2-HMAC-SHA-256 calls of `iterations` each. */
export interface PasswordParameters {
  /** base64url, 16 bytes. */
  readonly salt: string;
  readonly iterations: number;
  readonly rounds: number;
}

/** base64url of SHA-256: of the derived key for accounts, of the secret for clients. */
export type Proof = string;

export interface ApiKeyFacts {
  /** In the key's own text, `slv_{id}_{secret}`: it names the key everywhere, also as `jti`. */
  readonly id: string;
  readonly label: string;
  /** Whose identity it gives. */
  readonly owner: { readonly kind: AccountKind; readonly name: string };
  /** Both null: those of its owner, read at each use; else at most these. */
  readonly scopes: readonly string[] | null;
  readonly roles: readonly string[] | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** ms since 1970, to the minute; null for never. */
  readonly usedAt: number | null;
}

export interface AccountsContract {
  /** What to hash a password with. For an unknown name made-up ones, the same at each asking, that look like others. */
  passwordParameters(request: { readonly v: 1; readonly name: string }): Promise<PasswordParameters>;
  /** `wrong` also for one that is unknown, disabled or past its end. Takes equally long for all of them. */
  check(request: {
    readonly v: 1;
    readonly kind: AccountKind;
    readonly name: string;
    /** What the secret may have been: some clients form-encode theirs, and passwords may be known in two spellings. */
    readonly proofs: readonly Proof[];
  }): Promise<{ readonly kind: "right"; readonly facts: AccountFacts } | { readonly kind: "wrong" }>;
  /** Without a proof: for refresh and renewal. `missing` also for one that is disabled or past its end. */
  facts(request: {
    readonly v: 1;
    readonly kind: AccountKind;
    readonly name: string;
  }): Promise<{ readonly kind: "found"; readonly facts: AccountFacts } | { readonly kind: "missing" }>;
  put(request: PutAccount): Promise<AccountChanged | { readonly kind: "conflict" }>;
  remove(request: {
    readonly v: 1;
    readonly kind: AccountKind;
    readonly name: string;
    readonly by: string;
  }): Promise<AccountChanged | { readonly kind: "missing" }>;
  /** A second secret for a client; both hold until the next rotation, or until `previousEndsAt`. */
  rotateSecret(request: {
    readonly v: 1;
    readonly name: string;
    readonly proof: Proof;
    readonly previousEndsAt: number | null;
    readonly by: string;
  }): Promise<AccountChanged | { readonly kind: "missing" }>;
  list(request: {
    readonly v: 1;
    readonly kind: AccountKind;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<{ readonly items: readonly AccountFacts[]; readonly isLast: boolean }>;
}

/** Makes or replaces: what is not given is as for a new one. Without `proof` a known one keeps its own. */
export interface PutAccount {
  readonly v: 1;
  readonly facts: Omit<AccountFacts, "createdAt" | "changedAt" | "version">;
  readonly proof?: { readonly proof: Proof; readonly parameters: PasswordParameters | null };
  /** Given: only if this is the version that is there (0: only if there is none). */
  readonly ifVersion?: number;
  readonly by: string;
}

/**
 * What was done. `events` are owed to the Log and leave from the object by themselves; whoever wants receipts publishes
 * the same ones (their ids make that harmless) and waits for the ack.
 */
export interface AccountChanged {
  readonly kind: "changed";
  readonly facts: AccountFacts;
  readonly isNew: boolean;
  readonly events: readonly NewEvent[];
}

/** API keys, in the shard of their id. */
export interface ApiKeysContract {
  createKey(request: {
    readonly v: 1;
    readonly facts: Omit<ApiKeyFacts, "createdAt" | "usedAt">;
    readonly proof: Proof;
    readonly by: string;
  }): Promise<{ readonly kind: "created" | "conflict"; readonly events: readonly NewEvent[] }>;
  /** Notes its use. */
  findKey(request: {
    readonly v: 1;
    readonly id: string;
    readonly proof: Proof;
  }): Promise<{ readonly kind: "found"; readonly facts: ApiKeyFacts } | { readonly kind: "wrong" }>;
  removeKey(request: {
    readonly v: 1;
    readonly id: string;
    readonly by: string;
  }): Promise<
    { readonly kind: "removed"; readonly facts: ApiKeyFacts; readonly events: readonly NewEvent[] } | { readonly kind: "missing" }
  >;
  listKeys(request: {
    readonly v: 1;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<{ readonly items: readonly ApiKeyFacts[]; readonly isLast: boolean }>;
}
