/** The Grants object's ledger in its SQLite: one row a family. */
import type { NewEvent } from "../log/contract.ts";
import type { CodeRecord, FamilyRecord, GrantsLedger } from "./ledger.ts";

/** Appended to, never changed. */
export const grantsSchema = [
  `CREATE TABLE family (
    family TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    client TEXT,
    -- JSON
    scopes TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    -- JSON: the code it began with
    code TEXT,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    -- JSON: the event that told of its end
    ended TEXT,
    keep_until INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE INDEX family_by_end ON family (keep_until)`,
  // JSON; null for none
  `ALTER TABLE family ADD COLUMN resources TEXT`,
] as const;

interface Row extends Record<string, SqlStorageValue> {
  family: string;
  subject: string;
  client: string | null;
  scopes: string;
  resources: string | null;
  started_at: number;
  ends_at: number;
  code: string | null;
  generation: number;
  rotated_at: number;
  ended: string | null;
  keep_until: number;
}

export class SqlGrantsLedger implements GrantsLedger {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  transaction<Result>(work: () => Result): Result {
    return this.#storage.transactionSync(work);
  }

  find(family: string): FamilyRecord | null {
    const [row] = this.#storage.sql.exec<Row>("SELECT * FROM family WHERE family = ?", family).toArray();
    if (row === undefined) return null;
    const { subject, client, started_at: startedAt, ends_at: endsAt } = row;
    return {
      grant: {
        family,
        subject,
        client,
        scopes: JSON.parse(row.scopes) as readonly string[],
        resources: row.resources === null ? null : (JSON.parse(row.resources) as readonly string[]),
        startedAt,
        endsAt,
      },
      code: row.code === null ? null : (JSON.parse(row.code) as CodeRecord),
      generation: row.generation,
      rotatedAt: row.rotated_at,
      ended: row.ended === null ? null : (JSON.parse(row.ended) as NewEvent),
      keepUntil: row.keep_until,
    };
  }

  save({ grant, code, generation, rotatedAt, ended, keepUntil }: FamilyRecord): void {
    this.#storage.sql.exec(
      `INSERT OR REPLACE INTO family
         (family, subject, client, scopes, resources, started_at, ends_at, code, generation, rotated_at, ended, keep_until)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      grant.family,
      grant.subject,
      grant.client,
      JSON.stringify(grant.scopes),
      grant.resources === undefined || grant.resources === null ? null : JSON.stringify(grant.resources),
      grant.startedAt,
      grant.endsAt,
      code === null ? null : JSON.stringify(code),
      generation,
      rotatedAt,
      ended === null ? null : JSON.stringify(ended),
      keepUntil,
    );
  }

  forget(now: number, most: number): void {
    this.#storage.sql.exec(
      "DELETE FROM family WHERE family IN (SELECT family FROM family WHERE keep_until <= ? LIMIT ?)",
      now,
      most,
    );
  }
}
