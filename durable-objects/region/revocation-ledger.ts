/** What a Region has in storage of revocations, behind an interface small enough to be kept in memory, too. */
import type { Revocation } from "../revocations/contract.ts";

export interface RevocationRow extends Revocation {
  /** What it is found by. */
  readonly key: number;
}

export interface RevocationLedger {
  /** In place of one of the same id. */
  save(row: RevocationRow): void;
  /** Whether there was one. */
  delete(id: string): boolean;
  find(id: string): Revocation | null;
  /** Those of one key that name tokens issued at `issuedFrom`, or all of them for null. */
  byKey(key: number, issuedFrom: number | null): Iterable<Revocation>;
  /** In order of their ids, those after one that have not ended by `now`. */
  after(id: string, now: number, most: number): readonly Revocation[];
  /** Different keys in order, those after one. */
  keysAfter(key: number, most: number): readonly number[];
  count(): number;
  /** Deletes at most `most` that ended before `now`, and says how many. */
  deleteEnded(now: number, most: number): number;
}
