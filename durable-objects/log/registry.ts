/**
 * The regions that have asked for a lease: receipts enumerate them. What they have applied is stored, leases are not:
 * a Log that restarts assumes that it has just granted the longest one to everyone.
 */
import type { Ack, AppliedReport, Receipt } from "./contract.ts";
import type { RegionName } from "../names.ts";
import type { LogLedger } from "./ledger.ts";
import { RegionProgress } from "./progress.ts";

/** How old the stored time of a region's last word may become, ms: it is for people, a write is not free. */
const heardCoarseMs = 60_000;

export class Registry {
  readonly #ledger: LogLedger;
  readonly #configured: ReadonlySet<RegionName>;
  readonly #regions = new Map<RegionName, RegionProgress>();
  readonly #savedHeardAt = new Map<RegionName, number>();
  /** The newest reading of the clock. */
  #readAt: number;

  constructor(ledger: LogLedger, configured: readonly RegionName[], now: number, unknownUntil: number) {
    this.#ledger = ledger;
    this.#configured = new Set(configured);
    this.#readAt = now;
    for (const { region, applied, heardAt } of ledger.regions()) {
      this.#regions.set(region, new RegionProgress(region, applied, heardAt, unknownUntil));
      this.#savedHeardAt.set(region, heardAt);
    }
  }

  /**
   * To be told of each reading of the clock first. After a step backward everything keeps the rest of its time, as it
   * was at the newest reading: nothing ends early.
   */
  observe(now: number): void {
    if (now < this.#readAt) for (const region of this.#regions.values()) region.shift(now - this.#readAt);
    this.#readAt = now;
  }

  isConfigured(region: RegionName): boolean {
    return this.#configured.has(region);
  }

  /** Those that are configured, and those that may still hold a lease although they no longer are. */
  all(now: number): readonly RegionProgress[] {
    const listed: RegionProgress[] = [];
    for (const [name, region] of this.#regions) {
      if (this.#configured.has(name) || region.mayHoldLease(now)) listed.push(region);
      else this.#remove(name);
    }
    return listed;
  }

  /** Makes the region known, and its first word durable before it is given anything. */
  register(region: RegionName, now: number): RegionProgress {
    const known = this.#regions.get(region);
    if (known !== undefined) return known;
    const progress = new RegionProgress(region, 0, now, 0);
    this.#regions.set(region, progress);
    this.#save(progress);
    return progress;
  }

  report({ region, applied, viewsEndMs }: Omit<AppliedReport, "epoch">, now: number): void {
    const progress = this.#regions.get(region);
    if (progress === undefined) return;
    const before = progress.applied;
    progress.report(applied, now + viewsEndMs, now);
    const isOld = now - (this.#savedHeardAt.get(region) ?? 0) >= heardCoarseMs;
    if (progress.applied !== before || isOld) this.#save(progress);
  }

  /** Another numbering begins; leases of the old one may still live. */
  forgetEvents(now: number, unknownUntil: number): void {
    for (const progress of this.all(now)) {
      progress.forgetEvents(unknownUntil);
      this.#save(progress);
    }
  }

  /** The newest event for which every region is as far as `ack` asks. */
  reachedThrough(ack: Exclude<Ack, "none">, now: number): number {
    let through = Infinity;
    for (const region of this.all(now)) {
      through = Math.min(through, ack === "regions" ? region.regionsThrough(now) : region.everywhereThrough(now));
    }
    return through;
  }

  changesAt(now: number): number {
    return this.all(now).reduce((next, region) => Math.min(next, region.changesAt(now)), Infinity);
  }

  receipts(event: { readonly seq: number; readonly at: number }, now: number): readonly Receipt[] {
    return this.all(now).map((region) => region.receipt(event, now));
  }

  #save({ region, applied, heardAt }: RegionProgress): void {
    this.#ledger.saveRegion({ region, applied, heardAt });
    this.#savedHeardAt.set(region, heardAt);
  }

  #remove(region: RegionName): void {
    this.#regions.delete(region);
    this.#savedHeardAt.delete(region);
    this.#ledger.deleteRegion(region);
  }
}
