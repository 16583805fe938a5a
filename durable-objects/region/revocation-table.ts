/**
 * The revocations that hold, exactly: the outcome of all events about them up to what the Region has applied.
 *
 * They outlive the Region's copy of the events, and a new epoch of the Log too: they only refuse. The filter over their
 * keys is in memory, made of the rows when somebody first wants it, and grows with every event from then on.
 */
import type { MeshEvent } from "../log/contract.ts";
import type { FilterData, Revocation, TokenNames } from "../revocations/contract.ts";
import { KeyFilter } from "../revocations/key-filter.ts";
import { fits, keyOfTarget, keysOfToken } from "../revocations/naming.ts";
import { readLifted, readRevocation } from "../revocations/reading.ts";
import type { RevocationLedger } from "./revocation-ledger.ts";

/** Filters up to here go along with a view: one call less for an isolate that begins. */
const smallFilterKeys = 512;
/** Keys put into a filter in one step: a few ms. */
const keysAStep = 20_000;
const sweepEveryMs = 60_000;
const sweptAtOnce = 1_000;
/** A clock of another host may have said when it ends. */
const sweptLaterMs = 60_000;
/** A filter is made anew when more than half of what is in it has ended, and this many at least. */
const leastEnded = 1_000;

export class RevocationTable {
  readonly #ledger: RevocationLedger;
  #filter: KeyFilter | null = null;
  /** One that is being made, and the last key that was put in. */
  #making: { readonly filter: KeyFilter; after: number } | null = null;
  #sweptAt = 0;
  #ended = 0;
  #count: number | null = null;

  constructor(ledger: RevocationLedger) {
    this.#ledger = ledger;
  }

  get count(): number {
    this.#count ??= this.#ledger.count();
    return this.#count;
  }

  /** Events about anything else are none of it. Idempotent, in the order of the Log. */
  apply(event: MeshEvent): void {
    if (event.type === "revocation") this.#add(event);
    else if (event.type === "revocation_lifted") this.#lift(event);
  }

  /** The first that names this token; null for none. */
  match(names: TokenNames): Revocation | null {
    for (const key of keysOfToken(names)) {
      for (const revocation of this.#ledger.byKey(key, names.issuedFrom)) {
        if (fits(revocation.data, names)) return revocation;
      }
    }
    return null;
  }

  find(id: string, now: number): Revocation | null {
    const found = this.#ledger.find(id);
    return found === null || found.data.endsAt <= now ? null : found;
  }

  /** One page, in the order of ids, which is the same in every Region. */
  list(after: string, most: number, now: number): { readonly items: readonly Revocation[]; readonly isLast: boolean } {
    const rows = this.#ledger.after(after, now, most + 1);
    return { items: rows.slice(0, most), isLast: rows.length <= most };
  }

  /** Null when it is too big to go along. */
  smallFilter(): FilterData | null {
    if (this.count > smallFilterKeys) return null;
    return this.filterStep();
  }

  /** The filter, or null when it is being made and another step is needed. */
  filterStep(): FilterData | null {
    if (this.#filter !== null && !this.#isWorn(this.#filter)) return this.#filter.data();
    this.#filter = null;
    this.#making ??= { filter: KeyFilter.forKeys(this.count), after: -1 };
    const { filter, after } = this.#making;
    const keys = this.#ledger.keysAfter(after, keysAStep);
    for (const key of keys) filter.add(key);
    this.#making.after = keys.at(-1) ?? after;
    if (keys.length === keysAStep) return null;
    this.#making = null;
    this.#ended = 0;
    this.#filter = filter;
    return filter.data();
  }

  /** Forgets a slice of what has ended, now and then. */
  sweep(now: number): void {
    // A clock that was set back must not put it off.
    if (now >= this.#sweptAt && now < this.#sweptAt + sweepEveryMs) return;
    const swept = this.#ledger.deleteEnded(now - sweptLaterMs, sweptAtOnce);
    this.#forget(swept);
    if (swept < sweptAtOnce) this.#sweptAt = now;
  }

  #add({ id, data }: MeshEvent): void {
    const revocation = readRevocation(data);
    if (revocation === null) return;
    const key = keyOfTarget(revocation);
    // One more, or one in place of another: what it is for need not know.
    if (this.#count !== null) this.#count += 1;
    this.#ledger.save({ id, data: revocation, key });
    this.#filter?.add(key);
    this.#making?.filter.add(key);
  }

  #lift({ data }: MeshEvent): void {
    const id = readLifted(data);
    if (id !== null && this.#ledger.delete(id)) this.#forget(1);
  }

  #forget(count: number): void {
    this.#ended += count;
    if (this.#count !== null) this.#count -= count;
  }

  #isWorn(filter: KeyFilter): boolean {
    return filter.isOverfull || this.#ended > Math.max(leastEnded, filter.keys / 2);
  }
}
