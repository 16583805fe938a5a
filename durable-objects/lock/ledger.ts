/** What a Lock object has in storage: a row for each lock that is or was just held, and a few whole numbers. */
import type { LockRow } from "./mutex.ts";

/** `tokens_reserved`: every token up to it may have been given. `clock`: the latest instant of rows since deleted. */
export type Fact = "tokens_reserved" | "clock";

export interface Ledger {
  row(lock: string): LockRow | null;
  save(row: LockRow): void;
  /** Rows that are not free at `now`, in the order of their names, after `after`. */
  held(after: string, now: number, most: number): readonly LockRow[];
  /** Deletes at most `most` rows that were free by `freeBy`; tells how many. */
  deleteFree(freeBy: number, most: number): number;
  hasRows(): boolean;
  /** When the newest row was written; null without rows. */
  newestSeenAt(): number | null;
  fact(name: Fact): number | null;
  saveFact(name: Fact, value: number): void;
}
