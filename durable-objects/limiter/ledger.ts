/** What a Limiter has in storage: marks of durable windows, and a few whole numbers about the object itself. */

export interface Row {
  readonly startsAt: number;
  readonly endsAt: number;
  readonly mark: number;
}

/**
 * `horizon`: every memory-only window that began before it may have been charged.
 * `floor`: windows that ended by then are closed for ever, also for a clock that reads earlier.
 * `rule_…`: the newest rule seen. `sweep_at`: when the alarm is due.
 */
export type Fact = "horizon" | "floor" | "rule_version" | "rule_quota" | "rule_window_ms" | "sweep_at";

export interface Ledger {
  row(budget: string): Row | null;
  saveRow(budget: string, row: Row): void;
  hasRows(): boolean;
  fact(name: Fact): number | null;
  saveFact(name: Fact, value: number): void;
  /** Deletes at most `most` rows whose windows had ended by `endedBy`; tells the end of each. */
  deleteEnded(endedBy: number, most: number): readonly number[];
}

/** Appended to, never changed. Without rowids and further indexes: a write is one row. */
export const schema = [
  `CREATE TABLE budgets (
    budget TEXT PRIMARY KEY,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    mark INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID`,
] as const;

export class SqlLedger implements Ledger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  row(budget: string): Row | null {
    const cursor = this.#sql.exec<{ startsAt: number; endsAt: number; mark: number }>(
      "SELECT starts_at AS startsAt, ends_at AS endsAt, mark FROM budgets WHERE budget = ?",
      budget,
    );
    return cursor.toArray()[0] ?? null;
  }

  saveRow(budget: string, row: Row): void {
    this.#sql.exec(
      `INSERT INTO budgets (budget, starts_at, ends_at, mark) VALUES (?, ?, ?, ?)
       ON CONFLICT (budget) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at, mark = excluded.mark`,
      budget,
      row.startsAt,
      row.endsAt,
      row.mark,
    );
  }

  hasRows(): boolean {
    return this.#sql.exec("SELECT 1 FROM budgets LIMIT 1").toArray().length > 0;
  }

  fact(name: Fact): number | null {
    return (
      this.#sql.exec<{ value: number }>("SELECT value FROM facts WHERE name = ?", name).toArray()[0]?.value ?? null
    );
  }

  saveFact(name: Fact, value: number): void {
    this.#sql.exec(
      "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      value,
    );
  }

  deleteEnded(endedBy: number, most: number): readonly number[] {
    const cursor = this.#sql.exec<{ endsAt: number }>(
      "DELETE FROM budgets WHERE budget IN (SELECT budget FROM budgets WHERE ends_at <= ? LIMIT ?) RETURNING ends_at AS endsAt",
      endedBy,
      most,
    );
    return cursor.toArray().map((row) => row.endsAt);
  }
}
