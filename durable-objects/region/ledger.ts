/** What a Region has in storage, behind an interface small enough to be kept in memory, too. */
import type { MeshEvent } from "../log/contract.ts";
import type { RevocationLedger } from "./revocation-ledger.ts";

export interface RegionFacts {
  /** null while it has nothing. */
  readonly epoch: string | null;
  /** Events up to here are gone, but for the newest of each `retain` key. */
  readonly floor: number;
  /** The longest view lease that may still live from before a restart, ms. */
  readonly longestViewLeaseMs: number;
}

export interface KeptEvent {
  readonly event: MeshEvent;
  /** Of its JSON text, in characters. */
  readonly size: number;
}

export interface RegionLedger {
  /** In the same storage, so that they change with the events. */
  readonly revocations: RevocationLedger;
  /** All or nothing. */
  transaction<Result>(work: () => Result): Result;
  facts(): RegionFacts | null;
  saveFacts(facts: RegionFacts): void;
  /** The greatest number among the events; 0 when there is none. */
  lastSeq(): number;
  insert(event: MeshEvent): void;
  /** Newest first, lazily, those after `seq`. No other call while it reads. */
  newestAfter(seq: number): Iterable<KeptEvent>;
  /** The newest event of each `retain` key among those up to `seq`, in order. */
  retained(seq: number): readonly MeshEvent[];
  /** Deletes events up to `to`, but for the newest of each `retain` key among them. */
  trim(to: number): void;
  /** Forgets all events. */
  clear(): void;
}
