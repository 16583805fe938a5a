/** Inserting: the next number for what is new, the first answer for what was sent before. */
import type { PublishedEvent } from "./contract.ts";
import type { LogLedger, StoredEvent } from "./ledger.ts";
import type { Entry } from "./submission.ts";

export interface Appended {
  /** One per entry, in order. */
  readonly events: readonly PublishedEvent[];
  /** The newest event among them, for receipts; null when there were conflicts only. */
  readonly newest: { readonly seq: number; readonly at: number } | null;
  readonly head: number;
}

/** Inside one transaction: all that is new, or none of it. */
export function append(
  ledger: LogLedger,
  entries: readonly Entry[],
  { head, floor, now }: { readonly head: number; readonly floor: number; readonly now: number },
): Appended {
  let last = head;
  let newest: Appended["newest"] = null;
  const events = entries.map((entry): PublishedEvent => {
    const known = ledger.byId(entry.id);
    if (known !== null && !isSame(known, entry)) return { kind: "conflict", id: entry.id };
    const { seq, at } = known ?? { seq: last + 1, at: now };
    if (newest === null || seq > newest.seq) newest = { seq, at };
    if (known !== null) return { kind: "repeated", id: entry.id, seq };
    last = seq;
    ledger.insert({ ...entry, seq, at }, floor);
    return { kind: "inserted", id: entry.id, seq };
  });
  return { events, newest, head: last };
}

/** The order of an object's members says nothing (RFC 8259 section 4). */
function isSame(known: StoredEvent, entry: Entry): boolean {
  return (
    known.type === entry.type &&
    known.retain === entry.retain &&
    (known.data === entry.data || canonical(known.data) === canonical(entry.data))
  );
}

function canonical(json: string): string {
  return JSON.stringify(JSON.parse(json), (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : value,
  );
}
