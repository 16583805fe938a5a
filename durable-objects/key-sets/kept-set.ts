/** What a KeySets object keeps: one row. */
import type { PublicKey } from "../keyring/contract.ts";
import type { FetchFailure, LeftOutKey } from "./contract.ts";
import { nothingKept, type Kept } from "./key-set-book.ts";

export const keySetTable = `CREATE TABLE key_set (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  -- JSON; NULL before the first good fetch
  keys TEXT,
  fetched_at INTEGER,
  tried_at INTEGER,
  failures INTEGER NOT NULL,
  retry_at INTEGER NOT NULL,
  -- When the set was last put into an event
  published_at INTEGER
)`;

/** For `migrate`, after the tables of the first version. */
export const keySetColumns = [
  // JSON: published keys that were not taken, each with its reason
  "ALTER TABLE key_set ADD COLUMN left_out TEXT NOT NULL DEFAULT '[]'",
  "ALTER TABLE key_set ADD COLUMN last_failure TEXT",
  "ALTER TABLE key_set ADD COLUMN stale_uses INTEGER NOT NULL DEFAULT 0",
] as const;

interface Row extends Record<string, SqlStorageValue> {
  keys: string | null;
  fetched_at: number | null;
  tried_at: number | null;
  failures: number;
  retry_at: number;
  published_at: number | null;
  left_out: string;
  last_failure: string | null;
  stale_uses: number;
}

export function load(sql: SqlStorage): Kept {
  const [row] = sql.exec<Row>("SELECT * FROM key_set").toArray();
  if (row === undefined) return nothingKept;
  return {
    record: { fetchedAt: row.fetched_at, triedAt: row.tried_at, failures: row.failures, retryAt: row.retry_at },
    keys: row.keys === null ? null : (JSON.parse(row.keys) as readonly PublicKey[]),
    leftOut: JSON.parse(row.left_out) as readonly LeftOutKey[],
    publishedAt: row.published_at,
    lastFailure: row.last_failure as FetchFailure | null,
    staleUses: row.stale_uses,
  };
}

export function save(sql: SqlStorage, { record, keys, leftOut, publishedAt, lastFailure, staleUses }: Kept): void {
  sql.exec(
    `INSERT OR REPLACE INTO key_set
       (one, keys, fetched_at, tried_at, failures, retry_at, published_at, left_out, last_failure, stale_uses)
     VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    keys === null ? null : JSON.stringify(keys),
    record.fetchedAt,
    record.triedAt,
    record.failures,
    record.retryAt,
    publishedAt,
    JSON.stringify(leftOut),
    lastFailure,
    staleUses,
  );
}
