/** The ledger in the object's own SQLite. */
import { voidStamp, type Fact, type Ledger, type Note, type ReservationRow, type Row } from "./ledger.ts";

type Columns<Shape> = { readonly [Key in keyof Shape]: Shape[Key] } & Record<string, SqlStorageValue>;

export class SqlLedger implements Ledger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  row(budget: string): Row | null {
    const cursor = this.#sql.exec<Columns<Row>>(
      "SELECT algorithm, image, ahead, ahead_until AS aheadUntil, ends_at AS endsAt FROM counters WHERE budget = ?",
      budget,
    );
    return cursor.toArray()[0] ?? null;
  }

  saveRow(budget: string, { algorithm, image, ahead, aheadUntil, endsAt }: Row): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO counters (budget, algorithm, image, ahead, ahead_until, ends_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
      budget,
      algorithm,
      image,
      ahead,
      aheadUntil,
      endsAt,
    );
  }

  deleteRow(budget: string): void {
    this.#sql.exec("DELETE FROM counters WHERE budget = ?", budget);
  }

  hasRows(): boolean {
    return (
      this.#sql.exec("SELECT 1 FROM counters LIMIT 1").toArray().length > 0 ||
      this.#sql.exec("SELECT 1 FROM reservations LIMIT 1").toArray().length > 0
    );
  }

  reservation(id: string): ReservationRow | null {
    const cursor = this.#sql.exec<Columns<ReservationRow>>(
      "SELECT budget, reserved, stamp, settled, returned, ends_at AS endsAt FROM reservations WHERE id = ?",
      id,
    );
    return cursor.toArray()[0] ?? null;
  }

  saveReservation(id: string, { budget, reserved, stamp, settled, returned, endsAt }: ReservationRow): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO reservations (id, budget, reserved, stamp, settled, returned, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      budget,
      reserved,
      stamp,
      settled,
      returned,
      endsAt,
    );
  }

  voidReservations(budget: string): void {
    this.#sql.exec("UPDATE reservations SET stamp = ? WHERE budget = ?", voidStamp, budget);
  }

  fact(name: Fact): number | null {
    return (
      this.#sql.exec<{ value: number }>("SELECT value FROM facts WHERE name = ?", name).toArray()[0]?.value ?? null
    );
  }

  saveFact(name: Fact, value: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value);
  }

  note(name: Note): string | null {
    return (
      this.#sql.exec<{ value: string }>("SELECT value FROM notes WHERE name = ?", name).toArray()[0]?.value ?? null
    );
  }

  saveNote(name: Note, value: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", name, value);
  }

  deleteEnded(endedBy: number, most: number): readonly number[] {
    const counters = this.#sql.exec<{ endsAt: number }>(
      "DELETE FROM counters WHERE budget IN (SELECT budget FROM counters WHERE ends_at <= ? LIMIT ?) RETURNING ends_at AS endsAt",
      endedBy,
      most,
    );
    const ends = counters.toArray().map(({ endsAt }) => endsAt);
    const reservations = this.#sql.exec<{ endsAt: number }>(
      "DELETE FROM reservations WHERE id IN (SELECT id FROM reservations WHERE ends_at <= ? LIMIT ?) RETURNING ends_at AS endsAt",
      endedBy,
      most - ends.length,
    );
    return [...ends, ...reservations.toArray().map(({ endsAt }) => endsAt)];
  }
}
