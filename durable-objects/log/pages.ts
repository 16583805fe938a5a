/** Pages: runs of events, bounded in number and bytes, and never empty while something is missing. */
import type { Cursor, MeshEvent, Page } from "./contract.ts";
import { eventOf, type LogLedger } from "./ledger.ts";

export interface PageBounds {
  readonly events: number;
  readonly bytes: number;
}

/** For a call between objects. */
export const pageBounds: PageBounds = { events: 500, bytes: 524_288 };

export interface Standing {
  readonly epoch: string;
  readonly floor: number;
  readonly head: number;
}

/** A run of events after `after`: at least one when there is one, however big it is. */
export function runAfter(ledger: LogLedger, after: number, bounds: PageBounds): { events: MeshEvent[]; bytes: number } {
  const events: MeshEvent[] = [];
  let bytes = 0;
  for (const stored of ledger.after(after)) {
    if (events.length > 0 && (events.length >= bounds.events || bytes + stored.bytes > bounds.bytes)) break;
    events.push(eventOf(stored));
    bytes += stored.bytes;
  }
  return { events, bytes };
}

/**
 * What comes after a cursor. One that has nothing, is of another epoch, or is older than the floor gets a reset.
 * A number that was never given proves nothing either: it is answered like another epoch's.
 */
export function pageAfter(ledger: LogLedger, { epoch, floor, head }: Standing, cursor: Cursor | null): Page {
  const continues = cursor !== null && cursor.epoch === epoch && cursor.seq >= floor && cursor.seq <= head;
  const after = continues ? cursor.seq : floor;
  const { events } = runAfter(ledger, after, pageBounds);
  const page = { v: 1 as const, epoch, after, to: events.at(-1)?.seq ?? after, head, events };
  if (continues) return page;
  return { ...page, reset: { floor, retained: [...ledger.retained(floor)].map(eventOf) } };
}
