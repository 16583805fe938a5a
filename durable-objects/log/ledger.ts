/** What the Log has in storage, behind an interface small enough to be kept in memory, too. */
import type { MeshEvent } from "./contract.ts";
import type { RegionName } from "../names.ts";
import type { Entry } from "./submission.ts";

export interface StoredEvent extends Entry {
  readonly seq: number;
  readonly at: number;
}

/** Facts about the Log itself. */
export interface LogFacts {
  readonly epoch: string;
  /** Events up to here are gone, but for the newest of each `retain` key. */
  readonly floor: number;
  /** Events up to here were handed to the queue. */
  readonly queuedSeq: number;
  /** The longest lease that may still run from before a restart, ms. */
  readonly longestLeaseMs: number;
}

export interface RegionRow {
  readonly region: RegionName;
  readonly applied: number;
  /** ms since 1970; for people, and about a minute coarse. */
  readonly heardAt: number;
}

export interface LogLedger {
  /** All or nothing. */
  transaction<Result>(work: () => Result): Result;
  /** null while the storage is new. */
  facts(): LogFacts | null;
  saveFacts(facts: LogFacts): void;
  /** The greatest number among the events; 0 when there is none. */
  lastSeq(): number;
  byId(id: string): StoredEvent | null;
  /** In order, lazily: a reader may stop. No other call while it reads. */
  after(seq: number): Iterable<StoredEvent>;
  /** Keeps `event`; an older one of its `retain` key goes when only that key had kept it. */
  insert(event: StoredEvent, floor: number): void;
  /** The newest events of their `retain` keys among those up to `floor`, in order. */
  retained(floor: number): Iterable<StoredEvent>;
  /** Number and time of at most `most` events after `floor`, in order. */
  oldest(floor: number, most: number): readonly { readonly seq: number; readonly at: number }[];
  /** Deletes what is after `floor` and up to `to`, but for the newest of each `retain` key. */
  trim(floor: number, to: number): void;
  regions(): readonly RegionRow[];
  saveRegion(row: RegionRow): void;
  deleteRegion(region: RegionName): void;
}

export function eventOf({ seq, id, type, data, retain, at }: StoredEvent): MeshEvent {
  const event = { v: 1 as const, seq, id, type, data: JSON.parse(data) as unknown, at };
  return retain === null ? event : { ...event, retain };
}
