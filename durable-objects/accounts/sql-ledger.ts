/** A shard's ledger in SQLite. */
import type { AccountFacts, AccountKind, ApiKeyFacts } from "./contract.ts";
import type { AccountsLedger, ApiKeyRecord, DoneLately } from "./ledger.ts";
import type { AccountRecord } from "./record.ts";

/** Appended to, never changed. Records are JSON: what is asked for by itself has a column. */
export const schema = [
  `CREATE TABLE accounts (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    -- of its password, so that every login of the shard can be made to cost the most; null without one
    rounds INTEGER,
    record TEXT NOT NULL,
    PRIMARY KEY (kind, name)
  ) WITHOUT ROWID`,
  `CREATE INDEX accounts_by_rounds ON accounts (rounds) WHERE rounds IS NOT NULL`,
  `CREATE TABLE api_keys (id TEXT PRIMARY KEY, owner TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE INDEX api_keys_by_owner ON api_keys (owner, id)`,
  `CREATE TABLE done_lately (target TEXT PRIMARY KEY, done_at INTEGER NOT NULL, done TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE INDEX done_lately_by_time ON done_lately (done_at)`,
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID`,
] as const;

/** A tenth below the platform's 10 GB: what is there can still be changed. */
const mostBytes = 9_000_000_000;
const keyBytes = 32;

interface Stored extends Record<string, SqlStorageValue> {
  readonly record: string;
}

export class SqlLedger implements AccountsLedger {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Random, made once: what is made up for unknown names comes of it. */
  madeUpKey(): Uint8Array<ArrayBuffer> {
    const made = crypto.getRandomValues(new Uint8Array(keyBytes));
    this.#sql.exec("INSERT OR IGNORE INTO facts (name, value) VALUES ('made_up_key', ?)", made);
    const { value } = this.#sql
      .exec<{ value: ArrayBuffer }>("SELECT value FROM facts WHERE name = 'made_up_key'")
      .one();
    return new Uint8Array(value);
  }

  account(kind: AccountKind, name: string): AccountRecord | null {
    return this.#one("SELECT record FROM accounts WHERE kind = ? AND name = ?", kind, name);
  }

  saveAccount(record: AccountRecord): void {
    const { kind, name } = record.facts;
    this.#sql.exec(
      "INSERT OR REPLACE INTO accounts (kind, name, rounds, record) VALUES (?, ?, ?, ?)",
      kind,
      name,
      record.parameters?.rounds ?? null,
      JSON.stringify(record),
    );
  }

  deleteAccount(kind: AccountKind, name: string): void {
    this.#sql.exec("DELETE FROM accounts WHERE kind = ? AND name = ?", kind, name);
  }

  accounts(kind: AccountKind, after: string, limit: number): readonly AccountFacts[] {
    const query = "SELECT record FROM accounts WHERE kind = ? AND name > ? ORDER BY name LIMIT ?";
    return this.#all<AccountRecord>(query, kind, after, limit).map(({ facts }) => facts);
  }

  mostRounds(): number {
    const query = "SELECT rounds FROM accounts WHERE rounds IS NOT NULL ORDER BY rounds DESC LIMIT 1";
    return this.#sql.exec<{ rounds: number }>(query).toArray()[0]?.rounds ?? 0;
  }

  key(id: string): ApiKeyRecord | null {
    return this.#one("SELECT record FROM api_keys WHERE id = ?", id);
  }

  saveKey(record: ApiKeyRecord): void {
    const { id, owner } = record.facts;
    this.#sql.exec(
      "INSERT OR REPLACE INTO api_keys (id, owner, record) VALUES (?, ?, ?)",
      id,
      owner.name,
      JSON.stringify(record),
    );
  }

  deleteKey(id: string): void {
    this.#sql.exec("DELETE FROM api_keys WHERE id = ?", id);
  }

  keys(owner: string | null, after: string, limit: number): readonly ApiKeyFacts[] {
    const records =
      owner === null
        ? this.#all<ApiKeyRecord>("SELECT record FROM api_keys WHERE id > ? ORDER BY id LIMIT ?", after, limit)
        : this.#all<ApiKeyRecord>(
            "SELECT record FROM api_keys WHERE owner = ? AND id > ? ORDER BY id LIMIT ?",
            owner,
            after,
            limit,
          );
    return records.map(({ facts }) => facts);
  }

  doneLately(target: string): DoneLately | null {
    return this.#one("SELECT done AS record FROM done_lately WHERE target = ?", target);
  }

  saveDone(target: string, done: DoneLately): void {
    const query = "INSERT OR REPLACE INTO done_lately (target, done_at, done) VALUES (?, ?, ?)";
    this.#sql.exec(query, target, done.at, JSON.stringify(done));
  }

  forgetDone(before: number, atMost: number): void {
    const oldest = "SELECT target FROM done_lately WHERE done_at < ? ORDER BY done_at LIMIT ?";
    this.#sql.exec(`DELETE FROM done_lately WHERE target IN (${oldest})`, before, atMost);
  }

  isFull(): boolean {
    return this.#sql.databaseSize >= mostBytes;
  }

  transaction<Result>(work: () => Result): Result {
    return this.#storage.transactionSync(work);
  }

  get #sql(): SqlStorage {
    return this.#storage.sql;
  }

  #one<Value>(query: string, ...values: readonly SqlStorageValue[]): Value | null {
    return this.#all<Value>(query, ...values)[0] ?? null;
  }

  /** Only this class writes the rows: they are what they were saved as. */
  #all<Value>(query: string, ...values: readonly SqlStorageValue[]): readonly Value[] {
    return this.#sql
      .exec<Stored>(query, ...values)
      .toArray()
      .map(({ record }) => JSON.parse(record) as Value);
  }
}
