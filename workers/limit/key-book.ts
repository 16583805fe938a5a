/**
 * What this isolate knows of each budget that it was asked for: leases, the call under way, how much is asked for.
 * Bounded: a newcomer takes the place of an old entry that nothing depends on, never that of a live lease; where every
 * entry is alive, it is not remembered, and costs its calls.
 */
import type { Batch } from "./batch.ts";
import { noCounts, type Counting } from "./counts.ts";
import { Demand } from "./demand.ts";
import { isLive, type HeldLease } from "./held-lease.ts";
import type { LimitInForce } from "./taken.ts";

const mostEntries = 20_000;
/** How many are looked at to make room. */
const mostLooks = 64;

/** The budgets of one limit, in the order in which they were first asked for, and how far the search for room has come. */
interface Row {
  readonly entries: Map<string, KeyEntry>;
  /** Outlives deletions. Beginning anew for each newcomer would pass all the places that were left, again and again. */
  hand: MapIterator<[string, KeyEntry]>;
}

export interface KeyEntry extends Counting {
  /** The rule under which its leases were given. */
  limit: LimitInForce;
  readonly budget: string;
  /** What its last call's refusal is kept under. */
  denyKey: string;
  readonly demand: Demand;
  /** Those that end sooner come first. */
  leases: HeldLease[];
  /** The call that is under way, until when it may be believed to be. */
  flight: { readonly batch: Batch; readonly expiresAt: number } | null;
  /** Those who wait for the next call. */
  next: Batch | null;
  /** The budget's window as last heard, how often it was asked for in it, and when it ends at the latest. */
  window: number;
  nth: number;
  windowEndsAt: number;
  /** The window in which it was told that a shadow limit would refuse; null for none. */
  toldWindow: number | null;
  /** What the budget had left for anybody, as last heard. */
  remaining: number;
  /** Until when it is taken for granted that the limiter cannot be reached, and for how long next time, ms. */
  downUntil: number;
  downMs: number;
}

export class KeyBook {
  readonly #most: number;
  /** By limit. */
  readonly #rows = new Map<string, Row>();
  #size = 0;

  constructor(most = mostEntries) {
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** `key` is the budget, or the budget as one plan may use it. */
  find(limit: string, key: string): KeyEntry | undefined {
    return this.#rows.get(limit)?.entries.get(key);
  }

  /** A new entry; kept if there is room. */
  open(limit: LimitInForce, budget: string, now: number, key = budget): KeyEntry {
    const entry: KeyEntry = {
      limit,
      budget,
      denyKey: "",
      demand: new Demand(limit.windowMs, now),
      leases: [],
      flight: null,
      next: null,
      window: 0,
      nth: 0,
      windowEndsAt: 0,
      toldWindow: null,
      remaining: 0,
      downUntil: 0,
      downMs: 0,
      counts: noCounts,
    };
    let row = this.#rows.get(limit.name);
    if (row === undefined) {
      const entries = new Map<string, KeyEntry>();
      row = { entries, hand: entries.entries() };
      this.#rows.set(limit.name, row);
    }
    if (this.#size >= this.#most && !this.#makeRoom(row, now)) return entry;
    row.entries.set(key, entry);
    this.#size += 1;
    return entry;
  }

  endLeases(): void {
    for (const { entries } of this.#rows.values()) for (const entry of entries.values()) entry.leases = [];
  }

  /** Of the newcomer's own limit first: a flood on one limit costs the others nothing. */
  #makeRoom(own: Row, now: number): boolean {
    for (const row of [own, ...this.#rows.values()]) {
      const idle = nextIdle(row, now);
      if (idle === null) continue;
      row.entries.delete(idle);
      this.#size -= 1;
      return true;
    }
    return false;
  }
}

/** Goes on where the last search ended, and from the last entry to the first. */
function nextIdle(row: Row, now: number): string | null {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const next = row.hand.next();
    if (next.done === true) row.hand = row.entries.entries();
    else if (isIdle(next.value[1], now)) return next.value[0];
  }
  return null;
}

function isIdle({ leases, flight, next }: KeyEntry, now: number): boolean {
  return flight === null && next === null && !leases.some((lease) => isLive(lease, now) && lease.tokens > 0);
}
