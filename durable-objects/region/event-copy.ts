/**
 * The copy itself: a run of events without holes, from a floor up to what has been applied, in one epoch.
 *
 * Taking is idempotent and blind to order: what is there is skipped, what would leave a hole is not taken.
 */
import type { Cursor, MeshEvent, Page } from "../log/contract.ts";
import type { KeptEvent, RegionFacts, RegionLedger } from "./ledger.ts";
import type { RevocationTable } from "./revocation-table.ts";

/** A run to take: a page, or a message with its events. */
export type Run = Pick<Page, "epoch" | "after" | "to" | "events" | "reset">;

/** What one view may carry, in characters of JSON; one event alone may be bigger. */
const viewSize = 4_194_304;

export class EventCopy {
  readonly #ledger: RegionLedger;
  readonly #revocations: RevocationTable;
  readonly #viewEvents: number;
  #facts: RegionFacts;
  #applied: number;

  /** `revocations` learns every event that is taken, in the same transaction. */
  constructor(
    ledger: RegionLedger,
    revocations: RevocationTable,
    { viewEvents, viewLeaseMs }: { readonly viewEvents: number; readonly viewLeaseMs: number },
  ) {
    this.#ledger = ledger;
    this.#revocations = revocations;
    this.#viewEvents = viewEvents;
    const stored = ledger.facts();
    const facts = stored ?? { epoch: null, floor: 0, longestViewLeaseMs: 0 };
    this.#facts = { ...facts, longestViewLeaseMs: Math.max(facts.longestViewLeaseMs, viewLeaseMs) };
    if (stored?.longestViewLeaseMs !== this.#facts.longestViewLeaseMs) ledger.saveFacts(this.#facts);
    this.#applied = Math.max(ledger.lastSeq(), facts.floor);
  }

  get epoch(): string | null {
    return this.#facts.epoch;
  }

  get applied(): number {
    return this.#applied;
  }

  get cursor(): Cursor | null {
    return this.#facts.epoch === null ? null : { epoch: this.#facts.epoch, seq: this.#applied };
  }

  /** Of any view that may have been handed out before a restart, ms. */
  get longestViewLeaseMs(): number {
    return this.#facts.longestViewLeaseMs;
  }

  /** Longer views are no longer handed out, and the last of them has ended. */
  shorten(longestViewLeaseMs: number): void {
    if (longestViewLeaseMs < this.#facts.longestViewLeaseMs) this.#save({ longestViewLeaseMs });
  }

  /**
   * Takes what comes next; whether nothing up to `run.to` is missing afterwards. `askedAs` is the epoch that the copy
   * had when it asked for the run; null when it had none, undefined for a run that it did not ask for. Only an answer
   * to what the copy is now may begin another epoch: an old answer that comes late would bring the old one back.
   */
  take(run: Run, askedAs?: string | null): boolean {
    const isOther = run.epoch !== this.epoch;
    if (isOther && (run.reset === undefined || askedAs !== this.epoch)) return false;
    if (!isOther && run.to <= this.#applied) return true;
    const begins = run.reset !== undefined && (isOther || run.reset.floor > this.#applied);
    const next = run.events.filter(({ seq }) => seq > (begins ? run.after : this.#applied));
    // A hole, before the run or within it: the Log is asked.
    if (!isDense(next, begins ? run.after : this.#applied, run.to)) return false;
    this.#ledger.transaction(() => {
      if (begins) this.#begin(run);
      for (const event of next) this.#insert(event);
    });
    this.#applied = run.to;
    this.#trim();
    return true;
  }

  /**
   * What an isolate at `cursor` lacks. One that is too far behind, or of another epoch, gets the newest events that fit
   * and a reset to where these begin.
   */
  pageAfter(cursor: Cursor | null): Page | null {
    const { epoch, floor } = this.#facts;
    if (epoch === null) return null;
    const head = this.#applied;
    const follows = cursor !== null && cursor.epoch === epoch && cursor.seq >= floor && cursor.seq <= head;
    const wanted = follows ? cursor.seq : floor;
    const { events, after } = this.#newest(wanted);
    const page = { v: 1 as const, epoch, after, to: head, head, events };
    if (follows && after === wanted) return page;
    return { ...page, reset: { floor: after, retained: this.#ledger.retained(after) } };
  }

  #newest(wanted: number): { readonly events: readonly MeshEvent[]; readonly after: number } {
    const events: MeshEvent[] = [];
    if (wanted === this.#applied) return { events, after: wanted };
    let size = 0;
    for (const kept of this.#ledger.newestAfter(wanted)) {
      if (!fits(events.length, size, kept, this.#viewEvents))
        return { events: events.toReversed(), after: kept.event.seq };
      events.push(kept.event);
      size += kept.size;
    }
    return { events: events.toReversed(), after: wanted };
  }

  #begin({ epoch, after, reset }: Run): void {
    this.#ledger.clear();
    for (const event of reset?.retained ?? []) this.#insert(event);
    this.#save({ epoch, floor: after });
  }

  #insert(event: MeshEvent): void {
    this.#ledger.insert(event);
    this.#revocations.apply(event);
  }

  /** Views carry the newest events only: twice as many are enough, and trimming is seldom. */
  #trim(): void {
    const floor = this.#applied - this.#viewEvents;
    if (this.#facts.floor + 2 * this.#viewEvents >= this.#applied) return;
    this.#ledger.transaction(() => {
      this.#ledger.trim(floor);
      this.#save({ floor });
    });
  }

  #save(change: Partial<RegionFacts>): void {
    this.#facts = { ...this.#facts, ...change };
    this.#ledger.saveFacts(this.#facts);
  }
}

function fits(events: number, size: number, next: KeptEvent, most: number): boolean {
  return events === 0 || (events < most && size + next.size <= viewSize);
}

function isDense(events: readonly MeshEvent[], after: number, to: number): boolean {
  return events.length === to - after && events.every(({ seq }, index) => seq === after + 1 + index);
}
