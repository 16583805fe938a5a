/** What a Limiter has in storage: counters written ahead, reservations, and a few facts about the object itself. */

export interface Row {
  /** What counted it: a `Counting`, as text. */
  readonly algorithm: string;
  readonly image: string;
  /** Tokens that may have gone since the image was made, at any moment up to `aheadUntil`. */
  readonly ahead: number;
  readonly aheadUntil: number;
  /** Nothing of it matters from here on. */
  readonly endsAt: number;
}

export interface ReservationRow {
  readonly budget: string;
  readonly reserved: number;
  /** Names what was moved, for putting it back; `voidStamp` once there is nothing of it to put back. */
  readonly stamp: number;
  /** null until it is settled. */
  readonly settled: number | null;
  /** What came back when it was: nothing where its window is over. */
  readonly returned: number;
  readonly endsAt: number;
}

/** Before all moments. */
export const voidStamp = -1;

/**
 * `horizon`: whatever was counted without a row was counted before it.
 * `longest_ms`: the longest time for which that can matter.
 * `paced`: every window that a paced lease may be spent in began before it; the note of this name knows better.
 * `permits`: every permit that was given ends before it.
 * `floor`: windows that ended by then are closed for ever, also for a clock that reads earlier.
 * `sweep_at`: when the alarm is due.
 */
export type Fact = "horizon" | "longest_ms" | "paced" | "permits" | "floor" | "sweep_at";
/** `rule`: the newest rule's version. `counts`: what was allowed and refused. `paced`: a `PacedRecord`. */
export type Note = "rule" | "counts" | "paced";

export interface Ledger {
  row(budget: string): Row | null;
  saveRow(budget: string, row: Row): void;
  deleteRow(budget: string): void;
  hasRows(): boolean;
  reservation(id: string): ReservationRow | null;
  saveReservation(id: string, row: ReservationRow): void;
  /** Nothing that this budget's reservations moved is counted any more: they are settled without moving anything back. */
  voidReservations(budget: string): void;
  fact(name: Fact): number | null;
  saveFact(name: Fact, value: number): void;
  note(name: Note): string | null;
  saveNote(name: Note, value: string): void;
  /** Deletes at most `most` rows and reservations that had ended by `endedBy`; tells the end of each. */
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
  `DROP TABLE budgets`,
  `CREATE TABLE counters (
    budget TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    image TEXT NOT NULL,
    ahead INTEGER NOT NULL,
    ahead_until INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    budget TEXT NOT NULL,
    reserved INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    settled INTEGER,
    ends_at INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
  `ALTER TABLE reservations ADD COLUMN returned INTEGER NOT NULL DEFAULT 0`,
] as const;
