/** A Region's revocations in the object's SQLite. One costs three rows. */
import type { Revocation, RevocationData } from "../revocations/contract.ts";
import type { RevocationLedger, RevocationRow } from "./revocation-ledger.ts";

/** Appended to, never changed. */
export const revocationSchema = [
  `CREATE TABLE revocations (
    id TEXT PRIMARY KEY,
    key INTEGER NOT NULL,
    -- null: whenever the token was issued
    issued_before INTEGER,
    ends_at INTEGER NOT NULL,
    data TEXT NOT NULL
  ) WITHOUT ROWID`,
  `CREATE INDEX revocations_by_key ON revocations (key, issued_before)`,
  `CREATE INDEX revocations_by_end ON revocations (ends_at)`,
] as const;

type Row = { readonly id: string; readonly data: string };

export class SqlRevocations implements RevocationLedger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  save({ id, key, data }: RevocationRow): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO revocations (id, key, issued_before, ends_at, data) VALUES (?, ?, ?, ?, ?)",
      id,
      key,
      data.issuedBefore ?? null,
      data.endsAt,
      JSON.stringify(data),
    );
  }

  delete(id: string): boolean {
    return this.#sql.exec("DELETE FROM revocations WHERE id = ?", id).rowsWritten > 0;
  }

  find(id: string): Revocation | null {
    const [row] = this.#sql.exec<Row>("SELECT id, data FROM revocations WHERE id = ?", id).toArray();
    return row === undefined ? null : revocationOf(row);
  }

  *byKey(key: number, issuedFrom: number | null): Iterable<Revocation> {
    const rows = this.#sql.exec<Row>(
      "SELECT id, data FROM revocations WHERE key = ? AND (issued_before IS NULL OR issued_before >= ?)",
      key,
      issuedFrom ?? Number.MIN_SAFE_INTEGER,
    );
    for (const row of rows) yield revocationOf(row);
  }

  after(id: string, now: number, most: number): readonly Revocation[] {
    return this.#sql
      .exec<Row>("SELECT id, data FROM revocations WHERE id > ? AND ends_at > ? ORDER BY id LIMIT ?", id, now, most)
      .toArray()
      .map(revocationOf);
  }

  keysAfter(key: number, most: number): readonly number[] {
    const rows = this.#sql
      .exec<{ key: number }>("SELECT DISTINCT key FROM revocations WHERE key > ? ORDER BY key LIMIT ?", key, most)
      // Without an object a row: there may be a million.
      .raw<[number]>();
    return Array.from(rows, ([found]) => found);
  }

  count(): number {
    return this.#sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM revocations").one().count;
  }

  deleteEnded(now: number, most: number): number {
    // The cursor counts rows of indexes, too.
    const ended = this.#sql
      .exec<{ id: string }>("SELECT id FROM revocations WHERE ends_at < ? ORDER BY ends_at LIMIT ?", now, most)
      .toArray();
    for (const { id } of ended) this.delete(id);
    return ended.length;
  }
}

function revocationOf({ id, data }: Row): Revocation {
  return { id, data: JSON.parse(data) as RevocationData };
}
