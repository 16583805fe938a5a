/**
 * Accounts: people, clients (programs) and API keys, a shard of them by the hash of the name. The single writer of who
 * exists, what they may do, and what proves them. An account and a client of one name share a shard, so that one of them
 * can be refused: both would be the same subject in tokens.
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
  /** Since when this password or secret holds: a login from before it counts no longer, nor what came of it. */
  readonly proofChangedAt: number;
  /** Grows with every change: who writes with an old one is told. */
  readonly version: number;
}

/** What somebody decides about an account or a client; the rest the object knows. */
export type AccountSettings = Omit<AccountFacts, "createdAt" | "changedAt" | "proofChangedAt" | "version">;

/** Who changes it, and in which request: for the audit event. */
export interface Change {
  readonly by: string;
  readonly requestId: string;
}

/** How a password is hashed at the edge: `rounds` chained PBKDF2-HMAC-SHA-256 calls of `iterations` each. */
export interface PasswordParameters {
  /** base64url, 16 bytes. */
  readonly salt: string;
  readonly iterations: number;
  readonly rounds: number;
}

/** How a login is looked at. `allRounds` is what every login of this shard is made to cost: at least `rounds`. */
export interface PasswordTask extends PasswordParameters {
  readonly allRounds: number;
}

/** base64url of SHA-256: of the derived key for accounts, of the secret for clients. */
export type Proof = string;

export interface ApiKeyFacts {
  /** In the key's own text, `slv_{id}_{secret}`: it names the key everywhere, also as `jti`. */
  readonly id: string;
  readonly label: string;
  /** Whose identity it gives. */
  readonly owner: {
    readonly kind: AccountKind;
    readonly name: string;
    /** Its `createdAt`: a later one of the same name is somebody else. */
    readonly since: number;
  };
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
  passwordParameters(request: { readonly v: 1; readonly name: string }): Promise<PasswordTask>;
  /** `wrong` also for one that is unknown, disabled or past its end. Takes equally long for all of them. */
  check(request: {
    readonly v: 1;
    readonly kind: AccountKind;
    readonly name: string;
    /** What the secret may have been: some clients form-encode theirs, and passwords may be known in two spellings. */
    readonly proofs: readonly Proof[];
    /** Accounts: the same password by the rounds of the configuration, kept from now on if the proof is right. */
    readonly renewed?: PasswordProof;
  }): Promise<{ readonly kind: "right"; readonly facts: AccountFacts } | { readonly kind: "wrong" }>;
  /** Without a proof: for refresh and renewal. `missing` also for one that is disabled or past its end. */
  facts(request: {
    readonly v: 1;
    readonly kind: AccountKind;
    readonly name: string;
    /** For operators: one that may not log in is found, too. */
    readonly evenUnusable?: true;
  }): Promise<{ readonly kind: "found"; readonly facts: AccountFacts } | { readonly kind: "missing" }>;
  put(request: PutAccount): Promise<AccountChanged | AccountRefused>;
  /** Keeps what another place says of an account that has just logged in there. It has no proof here. */
  remember(request: { readonly v: 1; readonly facts: AccountSettings }): Promise<
    | { readonly kind: "remembered"; readonly facts: AccountFacts }
    /** An operator has disabled it here, or the name is a client's. */
    | { readonly kind: "refused" }
  >;
  remove(
    request: Change & { readonly v: 1; readonly kind: AccountKind; readonly name: string },
  ): Promise<AccountChanged | { readonly kind: "missing" }>;
  /**
   * A second secret for a client; both hold until the next rotation, or until `previousEndsAt`. A secret that was never
   * used gives way to the new one while an older one still holds: its answer was lost, and nobody has it.
   */
  rotateSecret(
    request: Change & {
      readonly v: 1;
      readonly name: string;
      readonly proof: Proof;
      readonly previousEndsAt: number | null;
    },
  ): Promise<AccountChanged | { readonly kind: "missing" } | { readonly kind: "public" }>;
  list(request: {
    readonly v: 1;
    readonly kind: AccountKind;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<{ readonly items: readonly AccountFacts[]; readonly isLast: boolean }>;
}

/** What proves somebody, and how it was made of a password. */
export interface PasswordProof {
  readonly proof: Proof;
  readonly parameters: PasswordParameters;
}

/** Makes or replaces. Without `proof` a known one keeps its own. */
export interface PutAccount extends Change {
  readonly v: 1;
  readonly facts: AccountSettings;
  /** What the caller did not say, so that `facts` has it as for a new one: a known one that has more of it is refused. */
  readonly unsaid?: readonly (keyof AccountSettings)[];
  readonly proof?: {
    readonly proof: Proof;
    /** null for a secret that is random. */
    readonly parameters: PasswordParameters | null;
    /** The same password by the parameters that are kept: when it fits, the password is the one of before. */
    readonly unchangedIf?: Proof;
    /** Only for one that has no proof yet: who has one keeps it. */
    readonly onlyIfNone?: true;
  };
  /** Given: only if this is the version that is there (0: only if there is none). */
  readonly ifVersion?: number;
}

/**
 * `version`: another one is there. `name_taken`: by one of the other kind. `full`: the shard takes no new ones. `unsaid`:
 * `setting` was not said, and would have been lost.
 */
export type AccountRefused =
  | { readonly kind: "conflict"; readonly reason: "version" | "name_taken" | "full" }
  | { readonly kind: "conflict"; readonly reason: "unsaid"; readonly setting: keyof AccountSettings };

/**
 * What was done. `events` are owed to the Log and leave from the object by themselves; whoever wants receipts publishes
 * the same ones (their ids make that harmless) and waits for the ack. A call that changes nothing, because it came before,
 * gets the events of then for as long as a caller may be asking for a lost answer.
 */
export interface AccountChanged {
  readonly kind: "changed";
  readonly facts: AccountFacts;
  readonly isNew: boolean;
  /** Whether the given proof is kept now. */
  readonly hasTakenProof: boolean;
  readonly events: readonly NewEvent[];
}

/** API keys, in the shard of their id. */
export interface ApiKeysContract {
  createKey(
    request: Change & {
      readonly v: 1;
      readonly facts: Omit<ApiKeyFacts, "createdAt" | "usedAt">;
      readonly proof: Proof;
    },
  ): Promise<
    | { readonly kind: "created"; readonly facts: ApiKeyFacts; readonly events: readonly NewEvent[] }
    | { readonly kind: "conflict" }
    | { readonly kind: "full" }
  >;
  /** One key, without using it. */
  keyFacts(request: {
    readonly v: 1;
    readonly id: string;
  }): Promise<{ readonly kind: "found"; readonly facts: ApiKeyFacts } | { readonly kind: "missing" }>;
  /** Notes its use. */
  findKey(request: {
    readonly v: 1;
    readonly id: string;
    readonly proof: Proof;
  }): Promise<{ readonly kind: "found"; readonly facts: ApiKeyFacts } | { readonly kind: "wrong" }>;
  removeKey(
    request: Change & { readonly v: 1; readonly id: string },
  ): Promise<
    | { readonly kind: "removed"; readonly facts: ApiKeyFacts; readonly events: readonly NewEvent[] }
    | { readonly kind: "missing" }
  >;
  listKeys(request: {
    readonly v: 1;
    /** Only those of one name; null for all. */
    readonly owner: string | null;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<{ readonly items: readonly ApiKeyFacts[]; readonly isLast: boolean }>;
}

export interface AccountsSettings {
  readonly environment: string;
  /** Whose tokens end when an account changes. */
  readonly issuer: string;
  readonly longestTokenMs: number;
  /** How passwords are hashed now: what unknown names look like. */
  readonly passwords: { readonly iterations: number; readonly rounds: number };
}

/** Of one shard in one call. */
export const mostListed = 1_001;
/** How long a cached API key may be used without asking, ms: a revocation of it need not be known for longer. */
export const longestKeyCacheMs = 60_000;
