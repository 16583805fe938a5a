/** Where a shard keeps what it decided. In the object this is SQLite, in tests a map. */
import type { AccountChanged, AccountFacts, AccountKind, ApiKeyFacts, Proof } from "./contract.ts";
import type { NewEvent } from "../log/contract.ts";
import type { AccountRecord } from "./record.ts";

export interface ApiKeyRecord {
  readonly facts: ApiKeyFacts;
  readonly proof: Proof;
}

/** The last thing that was done to a name or a key: for callers whose answer was lost. */
export type DoneLately =
  | { readonly kind: "put" | "removed"; readonly at: number; readonly answer: AccountChanged }
  | {
      readonly kind: "key_created" | "key_removed";
      readonly at: number;
      readonly facts: ApiKeyFacts;
      readonly events: readonly NewEvent[];
    };

export interface AccountsLedger {
  account(kind: AccountKind, name: string): AccountRecord | null;
  saveAccount(record: AccountRecord): void;
  deleteAccount(kind: AccountKind, name: string): void;
  /** By name, those after `after`. */
  accounts(kind: AccountKind, after: string, limit: number): readonly AccountFacts[];
  /** The most rounds that any password here takes; 0 without one. */
  mostRounds(): number;

  key(id: string): ApiKeyRecord | null;
  saveKey(record: ApiKeyRecord): void;
  deleteKey(id: string): void;
  /** By id, those after `after`, of one owner or of all. */
  keys(owner: string | null, after: string, limit: number): readonly ApiKeyFacts[];

  doneLately(target: string): DoneLately | null;
  saveDone(target: string, done: DoneLately): void;
  /** Deletes what was done before, at most so many. */
  forgetDone(before: number, atMost: number): void;

  /** Nothing new is taken. */
  isFull(): boolean;
  /** All of it or nothing. */
  transaction<Result>(work: () => Result): Result;
}
