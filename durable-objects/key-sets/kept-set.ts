/** What a KeySets object keeps: one row. */
import type { PublicKey } from "../keyring/contract.ts";
import { newRecord, type FetchRecord } from "./fetch-policy.ts";

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

export interface Kept {
  readonly record: FetchRecord;
  readonly keys: readonly PublicKey[] | null;
  readonly publishedAt: number | null;
}

interface Row extends Record<string, SqlStorageValue> {
  keys: string | null;
  fetched_at: number | null;
  tried_at: number | null;
  failures: number;
  retry_at: number;
  published_at: number | null;
}

export function load(sql: SqlStorage): Kept {
  const [row] = sql
    .exec<Row>("SELECT keys, fetched_at, tried_at, failures, retry_at, published_at FROM key_set")
    .toArray();
  if (row === undefined) return { record: newRecord, keys: null, publishedAt: null };
  return {
    record: { fetchedAt: row.fetched_at, triedAt: row.tried_at, failures: row.failures, retryAt: row.retry_at },
    keys: row.keys === null ? null : (JSON.parse(row.keys) as readonly PublicKey[]),
    publishedAt: row.published_at,
  };
}

export function save(sql: SqlStorage, { record, keys, publishedAt }: Kept): void {
  sql.exec(
    `INSERT OR REPLACE INTO key_set (one, keys, fetched_at, tried_at, failures, retry_at, published_at)
     VALUES (1, ?, ?, ?, ?, ?, ?)`,
    keys === null ? null : JSON.stringify(keys),
    record.fetchedAt,
    record.triedAt,
    record.failures,
    record.retryAt,
    publishedAt,
  );
}

/**
 * Whether a set that was just fetched must be told: when it changed, and else once per TTL, so that every isolate knows
 * that it is fresh and none needs to ask.
 */
export function isNews(kept: Kept, keys: readonly PublicKey[], now: number, ttlMs: number): boolean {
  if (kept.keys === null || kept.publishedAt === null) return true;
  return JSON.stringify(kept.keys) !== JSON.stringify(keys) || now - kept.publishedAt >= ttlMs;
}
