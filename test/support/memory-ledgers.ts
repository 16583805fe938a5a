/** The ledgers of the Log and of a Region in memory: storage that outlives a restart of the core that it is given to. */
import type { LogFacts, LogLedger, RegionRow, StoredEvent } from "../../durable-objects/log/ledger.ts";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import { MemoryRevocations } from "./memory-revocations.ts";
import type { KeptEvent, RegionFacts, RegionLedger } from "../../durable-objects/region/ledger.ts";

export class MemoryLogLedger implements LogLedger {
  /** By number, in order: numbers only grow. */
  readonly events = new Map<number, StoredEvent>();
  readonly #ids = new Map<string, number>();
  readonly #retained = new Map<string, number>();
  readonly #regions = new Map<RegionName, RegionRow>();
  #facts: LogFacts | null = null;

  transaction<Result>(work: () => Result): Result {
    return work();
  }

  facts(): LogFacts | null {
    return this.#facts;
  }

  saveFacts(facts: LogFacts): void {
    this.#facts = facts;
  }

  lastSeq(): number {
    return Math.max(0, ...this.events.keys());
  }

  byId(id: string): StoredEvent | null {
    return this.events.get(this.#ids.get(id) ?? 0) ?? null;
  }

  after(seq: number): Iterable<StoredEvent> {
    return [...this.events.values()].filter((event) => event.seq > seq);
  }

  insert(event: StoredEvent, floor: number): void {
    this.events.set(event.seq, event);
    this.#ids.set(event.id, event.seq);
    if (event.retain === null) return;
    const before = this.#retained.get(event.retain);
    if (before !== undefined && before <= floor) this.#delete(before);
    this.#retained.set(event.retain, event.seq);
  }

  retained(floor: number): Iterable<StoredEvent> {
    return [...this.events.values()].filter(({ seq }) => seq <= floor);
  }

  oldest(floor: number, most: number): readonly { readonly seq: number; readonly at: number }[] {
    return [...this.events.values()].filter(({ seq }) => seq > floor).slice(0, most);
  }

  trim(floor: number, to: number): void {
    for (const { seq, retain } of this.events.values()) {
      const isNewest = retain !== null && this.#retained.get(retain) === seq;
      if (seq > floor && seq <= to && !isNewest) this.#delete(seq);
    }
  }

  regions(): readonly RegionRow[] {
    return [...this.#regions.values()];
  }

  saveRegion(row: RegionRow): void {
    this.#regions.set(row.region, row);
  }

  deleteRegion(region: RegionName): void {
    this.#regions.delete(region);
  }

  #delete(seq: number): void {
    this.#ids.delete(this.events.get(seq)?.id ?? "");
    this.events.delete(seq);
  }
}

export class MemoryRegionLedger implements RegionLedger {
  readonly revocations = new MemoryRevocations();
  readonly events = new Map<number, MeshEvent>();
  #facts: RegionFacts | null = null;

  transaction<Result>(work: () => Result): Result {
    return work();
  }

  facts(): RegionFacts | null {
    return this.#facts;
  }

  saveFacts(facts: RegionFacts): void {
    this.#facts = facts;
  }

  lastSeq(): number {
    return Math.max(0, ...this.events.keys());
  }

  insert(event: MeshEvent): void {
    if (this.events.has(event.seq)) throw new Error(`cannot insert: event ${event.seq} is there`);
    this.events.set(event.seq, event);
  }

  newestAfter(seq: number): Iterable<KeptEvent> {
    return [...this.events.values()]
      .filter((event) => event.seq > seq)
      .toReversed()
      .map((event) => ({ event, size: JSON.stringify(event).length }));
  }

  retained(seq: number): readonly MeshEvent[] {
    const newest = new Map<string, MeshEvent>();
    for (const event of this.events.values()) {
      if (event.retain !== undefined && event.seq <= seq) newest.set(event.retain, event);
    }
    return [...newest.values()].toSorted((left, right) => left.seq - right.seq);
  }

  trim(to: number): void {
    const kept = new Set(this.retained(to));
    for (const [seq, event] of this.events) if (seq <= to && !kept.has(event)) this.events.delete(seq);
  }

  clear(): void {
    this.events.clear();
  }
}
