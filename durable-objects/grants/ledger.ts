/** What the Grants object has in storage, behind an interface small enough to be kept in memory, too. */
import type { NewEvent } from "../log/contract.ts";
import type { Grant } from "./contract.ts";

export interface CodeRecord {
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly codeEndsAt: number;
  readonly usedAt: number | null;
}

export interface FamilyRecord {
  readonly grant: Grant;
  /** The code that it began with; null for one that began with a login. */
  readonly code: CodeRecord | null;
  /** The number of the refresh token that is good now; 0 while, or because, there is none. */
  readonly generation: number;
  /** ms since 1970: when that number was given. */
  readonly rotatedAt: number;
  /** The event that told of its end; null while it lives. */
  readonly ended: NewEvent | null;
  /** ms since 1970: from then on nothing of it can be about, and the row may go. */
  readonly keepUntil: number;
}

export interface GrantsLedger {
  /** All or nothing. */
  transaction<Result>(work: () => Result): Result;
  find(family: string): FamilyRecord | null;
  /** Replaces what there is. */
  save(record: FamilyRecord): void;
  /** Deletes at most `most` rows whose time is over. */
  forget(now: number, most: number): void;
}
