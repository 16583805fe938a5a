/** A Lock object's storage for rules: what survives a restart of the table that works on it. */
import type { Fact, Ledger } from "../../durable-objects/lock/ledger.ts";
import { freeAt, type LockRow } from "../../durable-objects/lock/mutex.ts";

export class MemoryLedger implements Ledger {
  readonly rows = new Map<string, LockRow>();
  readonly facts = new Map<Fact, number>();

  row(lock: string): LockRow | null {
    return this.rows.get(lock) ?? null;
  }

  save(row: LockRow): void {
    this.rows.set(row.lock, row);
  }

  held(after: string, now: number, most: number): readonly LockRow[] {
    const names = [...this.rows.keys()].filter((lock) => lock > after).toSorted();
    return names
      .flatMap((lock) => this.rows.get(lock) ?? [])
      .filter((row) => freeAt(row) > now)
      .slice(0, most);
  }

  deleteFree(freeBy: number, most: number): number {
    const free = [...this.rows.values()].filter((row) => freeAt(row) <= freeBy).slice(0, most);
    for (const { lock } of free) this.rows.delete(lock);
    return free.length;
  }

  hasRows(): boolean {
    return this.rows.size > 0;
  }

  newestSeenAt(): number | null {
    return this.rows.size === 0 ? null : Math.max(...[...this.rows.values()].map(({ seenAt }) => seenAt));
  }

  fact(name: Fact): number | null {
    return this.facts.get(name) ?? null;
  }

  saveFact(name: Fact, value: number): void {
    this.facts.set(name, value);
  }
}
