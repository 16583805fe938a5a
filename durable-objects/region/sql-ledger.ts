/** The Region's ledger in the object's SQLite: one row an event. */
import type { MeshEvent } from "../log/contract.ts";
import type { KeptEvent, RegionFacts, RegionLedger } from "./ledger.ts";
import { revocationSchema, SqlRevocations } from "./sql-revocations.ts";

/** Appended to, never changed. */
export const regionSchema = [
  `CREATE TABLE facts (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch TEXT,
    floor INTEGER NOT NULL,
    longest_view_lease_ms INTEGER NOT NULL
  )`,
  `CREATE TABLE events (seq INTEGER PRIMARY KEY, retain TEXT, event TEXT NOT NULL)`,
  `CREATE INDEX events_by_retain ON events (retain, seq) WHERE retain IS NOT NULL`,
  ...revocationSchema,
] as const;

export class SqlRegionLedger implements RegionLedger {
  readonly #storage: DurableObjectStorage;
  readonly revocations: SqlRevocations;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.revocations = new SqlRevocations(storage.sql);
  }

  transaction<Result>(work: () => Result): Result {
    return this.#storage.transactionSync(work);
  }

  facts(): RegionFacts | null {
    const rows = this.#sql.exec<{ epoch: string | null; floor: number; longestViewLeaseMs: number }>(
      "SELECT epoch, floor, longest_view_lease_ms AS longestViewLeaseMs FROM facts",
    );
    return rows.toArray()[0] ?? null;
  }

  saveFacts({ epoch, floor, longestViewLeaseMs }: RegionFacts): void {
    this.#sql.exec(
      `INSERT INTO facts (only, epoch, floor, longest_view_lease_ms) VALUES (1, ?, ?, ?)
       ON CONFLICT (only) DO UPDATE SET epoch = excluded.epoch, floor = excluded.floor,
         longest_view_lease_ms = excluded.longest_view_lease_ms`,
      epoch,
      floor,
      longestViewLeaseMs,
    );
  }

  lastSeq(): number {
    return this.#sql.exec<{ seq: number | null }>("SELECT MAX(seq) AS seq FROM events").one().seq ?? 0;
  }

  insert(event: MeshEvent): void {
    const { seq, retain } = event;
    this.#sql.exec(
      "INSERT INTO events (seq, retain, event) VALUES (?, ?, ?)",
      seq,
      retain ?? null,
      JSON.stringify(event),
    );
  }

  *newestAfter(seq: number): Iterable<KeptEvent> {
    const rows = this.#sql.exec<{ event: string }>("SELECT event FROM events WHERE seq > ? ORDER BY seq DESC", seq);
    for (const { event } of rows) yield { event: JSON.parse(event) as MeshEvent, size: event.length };
  }

  retained(seq: number): readonly MeshEvent[] {
    return this.#sql
      .exec<{ event: string }>(
        `SELECT event FROM events WHERE seq IN
           (SELECT MAX(seq) FROM events WHERE retain IS NOT NULL AND seq <= ? GROUP BY retain)
         ORDER BY seq`,
        seq,
      )
      .toArray()
      .map(({ event }) => JSON.parse(event) as MeshEvent);
  }

  trim(to: number): void {
    this.#sql.exec(
      `DELETE FROM events WHERE seq <= ? AND seq NOT IN
         (SELECT MAX(seq) FROM events WHERE retain IS NOT NULL AND seq <= ? GROUP BY retain)`,
      to,
      to,
    );
  }

  clear(): void {
    this.#sql.exec("DELETE FROM events");
  }
}
