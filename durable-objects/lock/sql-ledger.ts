/** A Lock object's ledger in SQLite. */
import type { Fact, Ledger } from "./ledger.ts";
import type { LockRow } from "./mutex.ts";

/** Appended to, never changed. Without rowids and further indexes: a write is one row. */
export const schema = [
  `CREATE TABLE locks (
    lock TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL,
    at_least_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    acquired_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    requests TEXT NOT NULL,
    seen_at INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID`,
] as const;

const columns = `lock, holder, token, ttl_ms AS ttlMs, at_least_ms AS atLeastMs, state, acquired_at AS acquiredAt,
  ends_at AS endsAt, not_before AS notBefore, requests, seen_at AS seenAt`;

/** The same columns as SQLite gives them. */
interface StoredRow extends Record<string, SqlStorageValue> {
  readonly lock: string;
  readonly holder: string;
  readonly token: number;
  readonly ttlMs: number;
  readonly atLeastMs: number;
  readonly state: string;
  readonly acquiredAt: number;
  readonly endsAt: number;
  readonly notBefore: number;
  readonly requests: string;
  readonly seenAt: number;
}

function fromStored(stored: StoredRow): LockRow {
  // Both were written by `save`.
  return { ...stored, state: stored.state as LockRow["state"], requests: JSON.parse(stored.requests) as string[] };
}

export class SqlLedger implements Ledger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Whether anything was ever written here: looking at an object that holds nothing leaves it empty. */
  static isIn(sql: SqlStorage): boolean {
    return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'facts'").toArray().length > 0;
  }

  row(lock: string): LockRow | null {
    const [stored] = this.#sql.exec<StoredRow>(`SELECT ${columns} FROM locks WHERE lock = ?`, lock).toArray();
    return stored === undefined ? null : fromStored(stored);
  }

  save(row: LockRow): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      row.lock,
      row.holder,
      row.token,
      row.ttlMs,
      row.atLeastMs,
      row.state,
      row.acquiredAt,
      row.endsAt,
      row.notBefore,
      JSON.stringify(row.requests),
      row.seenAt,
    );
  }

  held(after: string, now: number, most: number): readonly LockRow[] {
    const where = "lock > ? AND MAX(ends_at, not_before) > ? ORDER BY lock LIMIT ?";
    const cursor = this.#sql.exec<StoredRow>(`SELECT ${columns} FROM locks WHERE ${where}`, after, now, most);
    return cursor.toArray().map(fromStored);
  }

  deleteFree(freeBy: number, most: number): number {
    const free = "SELECT lock FROM locks WHERE MAX(ends_at, not_before) <= ? LIMIT ?";
    return this.#sql.exec(`DELETE FROM locks WHERE lock IN (${free}) RETURNING 1 AS deleted`, freeBy, most).toArray()
      .length;
  }

  hasRows(): boolean {
    return this.#sql.exec("SELECT 1 FROM locks LIMIT 1").toArray().length > 0;
  }

  newestSeenAt(): number | null {
    return this.#sql.exec<{ newest: number | null }>("SELECT MAX(seen_at) AS newest FROM locks").one().newest;
  }

  fact(name: Fact): number | null {
    const [found] = this.#sql.exec<{ value: number }>("SELECT value FROM facts WHERE name = ?", name).toArray();
    return found?.value ?? null;
  }

  saveFact(name: Fact, value: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value);
  }
}
