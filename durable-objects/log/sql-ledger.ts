/** The Log's ledger in the object's SQLite. An event costs two rows, with a `retain` key three. */
import type { RegionName } from "../names.ts";
import type { LogFacts, LogLedger, RegionRow, StoredEvent } from "./ledger.ts";

/** Appended to, never changed. */
export const logSchema = [
  `CREATE TABLE facts (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch TEXT NOT NULL,
    floor INTEGER NOT NULL,
    queued_seq INTEGER NOT NULL,
    longest_lease_ms INTEGER NOT NULL
  )`,
  `CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    retain TEXT,
    at INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  )`,
  // The newest event of each key.
  `CREATE TABLE retained (retain TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE regions (region TEXT PRIMARY KEY, applied INTEGER NOT NULL, heard_at INTEGER NOT NULL) WITHOUT ROWID`,
] as const;

type EventRow = {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly retain: string | null;
  readonly at: number;
  readonly bytes: number;
};

const columns = "seq, id, type, data, retain, at, bytes";

export class SqlLogLedger implements LogLedger {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  transaction<Result>(work: () => Result): Result {
    return this.#storage.transactionSync(work);
  }

  facts(): LogFacts | null {
    const rows = this.#sql.exec<{ epoch: string; floor: number; queuedSeq: number; longestLeaseMs: number }>(
      "SELECT epoch, floor, queued_seq AS queuedSeq, longest_lease_ms AS longestLeaseMs FROM facts",
    );
    return rows.toArray()[0] ?? null;
  }

  saveFacts({ epoch, floor, queuedSeq, longestLeaseMs }: LogFacts): void {
    this.#sql.exec(
      `INSERT INTO facts (only, epoch, floor, queued_seq, longest_lease_ms) VALUES (1, ?, ?, ?, ?)
       ON CONFLICT (only) DO UPDATE SET epoch = excluded.epoch, floor = excluded.floor,
         queued_seq = excluded.queued_seq, longest_lease_ms = excluded.longest_lease_ms`,
      epoch,
      floor,
      queuedSeq,
      longestLeaseMs,
    );
  }

  lastSeq(): number {
    return this.#sql.exec<{ seq: number | null }>("SELECT MAX(seq) AS seq FROM events").one().seq ?? 0;
  }

  byId(id: string): StoredEvent | null {
    return this.#sql.exec<EventRow>(`SELECT ${columns} FROM events WHERE id = ?`, id).toArray()[0] ?? null;
  }

  after(seq: number): Iterable<StoredEvent> {
    return this.#sql.exec<EventRow>(`SELECT ${columns} FROM events WHERE seq > ? ORDER BY seq`, seq);
  }

  insert({ seq, id, type, data, retain, at, bytes }: StoredEvent, floor: number): void {
    this.#sql.exec(
      `INSERT INTO events (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      seq,
      id,
      type,
      data,
      retain,
      at,
      bytes,
    );
    if (retain === null) return;
    this.#sql.exec(
      "DELETE FROM events WHERE seq <= ? AND seq = (SELECT seq FROM retained WHERE retain = ?)",
      floor,
      retain,
    );
    this.#sql.exec(
      "INSERT INTO retained (retain, seq) VALUES (?, ?) ON CONFLICT (retain) DO UPDATE SET seq = excluded.seq",
      retain,
      seq,
    );
  }

  retained(floor: number): Iterable<StoredEvent> {
    return this.#sql.exec<EventRow>(`SELECT ${columns} FROM events WHERE seq <= ? ORDER BY seq`, floor);
  }

  oldest(floor: number, most: number): readonly { readonly seq: number; readonly at: number }[] {
    return this.#sql
      .exec<{ seq: number; at: number }>("SELECT seq, at FROM events WHERE seq > ? ORDER BY seq LIMIT ?", floor, most)
      .toArray();
  }

  trim(floor: number, to: number): void {
    this.#sql.exec(
      `DELETE FROM events WHERE seq > ? AND seq <= ?
       AND (retain IS NULL OR seq <> (SELECT r.seq FROM retained AS r WHERE r.retain = events.retain))`,
      floor,
      to,
    );
  }

  regions(): readonly RegionRow[] {
    return this.#sql
      .exec<{ region: string; applied: number; heardAt: number }>(
        "SELECT region, applied, heard_at AS heardAt FROM regions ORDER BY region",
      )
      .toArray()
      .map((row) => ({ ...row, region: row.region as RegionName }));
  }

  saveRegion({ region, applied, heardAt }: RegionRow): void {
    this.#sql.exec(
      `INSERT INTO regions (region, applied, heard_at) VALUES (?, ?, ?)
       ON CONFLICT (region) DO UPDATE SET applied = excluded.applied, heard_at = excluded.heard_at`,
      region,
      applied,
      heardAt,
    );
  }

  deleteRegion(region: RegionName): void {
    this.#sql.exec("DELETE FROM regions WHERE region = ?", region);
  }
}
