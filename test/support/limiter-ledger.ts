/** A Limiter's ledger in memory: storage that outlives a crash of the core that it is given to. */
import {
  voidStamp,
  type Fact,
  type Ledger,
  type Note,
  type ReservationRow,
  type Row,
} from "../../durable-objects/limiter/ledger.ts";

export class MemoryLedger implements Ledger {
  readonly rows = new Map<string, Row>();
  readonly reservations = new Map<string, ReservationRow>();
  readonly facts = new Map<Fact, number>();
  readonly notes = new Map<Note, string>();
  /** Rows written so far. */
  writes = 0;

  row(budget: string): Row | null {
    return this.rows.get(budget) ?? null;
  }

  saveRow(budget: string, row: Row): void {
    this.writes += 1;
    this.rows.set(budget, row);
  }

  deleteRow(budget: string): void {
    this.writes += 1;
    this.rows.delete(budget);
  }

  hasRows(): boolean {
    return this.rows.size > 0 || this.reservations.size > 0;
  }

  reservation(id: string): ReservationRow | null {
    return this.reservations.get(id) ?? null;
  }

  saveReservation(id: string, row: ReservationRow): void {
    this.writes += 1;
    this.reservations.set(id, row);
  }

  voidReservations(budget: string): void {
    for (const [id, row] of this.reservations) {
      if (row.budget === budget) this.saveReservation(id, { ...row, stamp: voidStamp });
    }
  }

  fact(name: Fact): number | null {
    return this.facts.get(name) ?? null;
  }

  saveFact(name: Fact, value: number): void {
    this.writes += 1;
    this.facts.set(name, value);
  }

  note(name: Note): string | null {
    return this.notes.get(name) ?? null;
  }

  saveNote(name: Note, value: string): void {
    this.writes += 1;
    this.notes.set(name, value);
  }

  deleteEnded(endedBy: number, most: number): readonly number[] {
    const rows = [...this.rows].filter(([, row]) => row.endsAt <= endedBy).slice(0, most);
    for (const [budget] of rows) this.rows.delete(budget);
    const reserved = [...this.reservations].filter(([, row]) => row.endsAt <= endedBy).slice(0, most - rows.length);
    for (const [id] of reserved) this.reservations.delete(id);
    return [...rows, ...reserved].map(([, row]) => row.endsAt);
  }
}
