/**
 * Everything that the Log decides, without the platform: its storage is a ledger, its clock an argument. The object
 * around it moves messages and waits.
 */
import { guardOf } from "../platform/lease.ts";
import type { RegionName } from "../names.ts";
import { append, type Appended } from "./append.ts";
import type {
  Ack,
  AppliedReport,
  BroadcastMessage,
  Cursor,
  LogStatus,
  MeshEvent,
  Page,
  Receipt,
  RenewAnswer,
  RenewRequest,
} from "./contract.ts";
import { eventOf, type LogFacts, type LogLedger } from "./ledger.ts";
import { pageAfter, pageBounds, runAfter, type PageBounds } from "./pages.ts";
import { Registry } from "./registry.ts";
import type { Entry } from "./submission.ts";

export interface LogRules {
  readonly regions: readonly RegionName[];
  readonly regionLeaseMs: number;
  readonly retentionMs: number;
  /** How long the giver of a lease keeps it, ms; only a test of the guard itself gives another. */
  readonly guardOf?: (leaseMs: number) => number;
}

/** Events looked at in one slice of trimming. */
const trimSlice = 1_000;

export class LogCore {
  readonly #ledger: LogLedger;
  readonly #rules: LogRules;
  readonly #guardOf: (leaseMs: number) => number;
  readonly #registry: Registry;
  readonly #begunAt: number;
  #facts: LogFacts;
  #head: number;

  /** `newEpoch` is random, and used when the storage is new. */
  constructor(ledger: LogLedger, rules: LogRules, now: number, newEpoch: string) {
    this.#ledger = ledger;
    this.#rules = rules;
    this.#guardOf = rules.guardOf ?? guardOf;
    this.#begunAt = now;
    const stored = ledger.facts();
    const facts = stored ?? { epoch: newEpoch, floor: 0, queuedSeq: 0, longestLeaseMs: 0 };
    // A deploy may shorten leases; those that it finds are of the old length.
    this.#facts = { ...facts, longestLeaseMs: Math.max(facts.longestLeaseMs, rules.regionLeaseMs) };
    if (stored?.longestLeaseMs !== this.#facts.longestLeaseMs) ledger.saveFacts(this.#facts);
    this.#head = Math.max(ledger.lastSeq(), facts.floor);
    this.#registry = new Registry(ledger, rules.regions, now, this.#unknownUntil(now));
  }

  get epoch(): string {
    return this.#facts.epoch;
  }

  get head(): number {
    return this.#head;
  }

  /** Events inserted and not yet handed to the queue. */
  get unsent(): number {
    return this.#head - this.#facts.queuedSeq;
  }

  append(entries: readonly Entry[], now: number): Appended {
    this.#registry.observe(now);
    const { floor } = this.#facts;
    const appended = this.#ledger.transaction(() => append(this.#ledger, entries, { head: this.#head, floor, now }));
    this.#head = appended.head;
    return appended;
  }

  renew({ region, cursor, viewsEndMs }: RenewRequest, now: number, newEpoch: string): RenewAnswer {
    this.#registry.observe(now);
    if (!this.#registry.isConfigured(region)) return { v: 1, kind: "refused", reason: "region_unknown" };
    // Storage was set back: numbers that were given are about to be given again. Never within one epoch.
    if (cursor?.epoch === this.epoch && cursor.seq > this.#head) this.#beginEpoch(newEpoch, now);
    const progress = this.#registry.register(region, now);
    if (cursor?.epoch === this.epoch) this.#registry.report({ region, applied: cursor.seq, viewsEndMs }, now);
    const page = this.read(cursor);
    if (page.to < page.head) return { v: 1, kind: "behind", page };
    const leaseMs = this.#rules.regionLeaseMs;
    progress.grant(this.#head, now + this.#guardOf(leaseMs), now);
    return { v: 1, kind: "granted", leaseMs, page };
  }

  read(cursor: Cursor | null): Page {
    return pageAfter(this.#ledger, { epoch: this.epoch, floor: this.#facts.floor, head: this.#head }, cursor);
  }

  report(reports: readonly AppliedReport[], now: number): void {
    this.#registry.observe(now);
    for (const report of reports) {
      if (report.epoch === this.epoch && report.applied <= this.#head) this.#registry.report(report, now);
    }
  }

  /** The newest event for which every region is as far as `ack` asks; Infinity when all are past everything. */
  reachedThrough(ack: Exclude<Ack, "none">, now: number): number {
    this.#registry.observe(now);
    return this.#registry.reachedThrough(ack, now);
  }

  /** When the next of these answers changes by time alone; Infinity for never. */
  changesAt(now: number): number {
    this.#registry.observe(now);
    return this.#registry.changesAt(now);
  }

  receipts(event: { readonly seq: number; readonly at: number }, now: number): readonly Receipt[] {
    this.#registry.observe(now);
    return this.#registry.receipts(event, now);
  }

  find(id: string): MeshEvent | null {
    const stored = this.#ledger.byId(id);
    return stored === null ? null : eventOf(stored);
  }

  /** The regions that may serve views: the others pull before they serve. */
  leased(now: number): readonly RegionName[] {
    this.#registry.observe(now);
    return this.#registry.all(now).flatMap((each) => (each.mayHoldLease(now) ? [each.region] : []));
  }

  /** The regions that may serve views without event `seq`, or of whose views before it nothing was heard. */
  silentAbout(seq: number, ack: Exclude<Ack, "none">, now: number): readonly RegionName[] {
    this.#registry.observe(now);
    return this.#registry.all(now).flatMap((each) => {
      const isPast = (ack === "regions" ? each.regionsThrough(now) : each.everywhereThrough(now)) >= seq;
      return isPast || !each.isSilentAbout(seq) ? [] : [each.region];
    });
  }

  /** What the region is known to lack, as much as fits; without events it only asks how far the region is. */
  messageFor(region: RegionName, now: number): BroadcastMessage {
    const applied = this.#registry.all(now).find((each) => each.region === region)?.applied ?? 0;
    const after = Math.max(applied, this.#facts.floor);
    return this.#message(after, [region], pageBounds);
  }

  /** The next run for the queue; null when everything was handed on. */
  nextMessage(after: number, regions: readonly RegionName[], bounds: PageBounds): BroadcastMessage | null {
    return after >= this.#head ? null : this.#message(Math.max(after, this.#facts.floor), regions, bounds);
  }

  get queuedSeq(): number {
    return this.#facts.queuedSeq;
  }

  queued(to: number): void {
    if (to > this.#facts.queuedSeq) this.#save({ queuedSeq: to });
  }

  /** Deletes one slice of what is past its time. */
  trim(now: number): "more" | "done" {
    const old = this.#ledger.oldest(this.#facts.floor, trimSlice);
    const kept = old.findIndex(({ at }) => at > now - this.#rules.retentionMs);
    const last = old[kept === -1 ? old.length - 1 : kept - 1];
    if (last === undefined) return "done";
    this.#ledger.transaction(() => {
      this.#ledger.trim(this.#facts.floor, last.seq);
      this.#save({ floor: last.seq });
    });
    return kept === -1 && old.length === trimSlice ? "more" : "done";
  }

  /** When the oldest event is past its time; Infinity when there is none. */
  trimAt(): number {
    const [first] = this.#ledger.oldest(this.#facts.floor, 1);
    return first === undefined ? Infinity : first.at + this.#rules.retentionMs;
  }

  /** Leases of an older, longer length have ended by now: a restart need no longer wait for them. */
  shorten(now: number): void {
    const { regionLeaseMs } = this.#rules;
    const isOver = now > this.#begunAt + this.#guardOf(this.#facts.longestLeaseMs);
    if (isOver && this.#facts.longestLeaseMs > regionLeaseMs) this.#save({ longestLeaseMs: regionLeaseMs });
  }

  status(now: number): LogStatus {
    this.#registry.observe(now);
    const regions = this.#registry.all(now).map((each) => ({
      region: each.region,
      applied: each.applied,
      heardAt: new Date(each.heardAt).toISOString(),
      leaseEndsInMs: each.leaseEndsInMs(now),
    }));
    const { epoch, floor } = this.#facts;
    return { v: 1, epoch, head: this.#head, floor, unsent: this.unsent, regions };
  }

  /** Everything before it is out of reach: whoever comes with the old epoch is reset. */
  #beginEpoch(epoch: string, now: number): void {
    this.#ledger.transaction(() => {
      this.#ledger.trim(this.#facts.floor, this.#head);
      this.#save({ epoch, floor: this.#head, queuedSeq: this.#head });
      this.#registry.forgetEvents(now, this.#unknownUntil(now));
    });
  }

  #message(after: number, regions: readonly RegionName[], bounds: PageBounds): BroadcastMessage {
    const { events, bytes } = runAfter(this.#ledger, after, bounds);
    const message = { v: 1 as const, epoch: this.epoch, after, to: events.at(-1)?.seq ?? after, regions };
    return bytes > bounds.bytes ? message : { ...message, events };
  }

  #unknownUntil(now: number): number {
    return now + this.#guardOf(this.#facts.longestLeaseMs);
  }

  #save(change: Partial<LogFacts>): void {
    this.#facts = { ...this.#facts, ...change };
    this.#ledger.saveFacts(this.#facts);
  }
}
