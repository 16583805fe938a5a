/**
 * What this isolate knows of each budget that it was asked for: leases, the call under way, how much is asked for.
 * Bounded: a newcomer takes the place of the oldest entry that nothing depends on, never that of a live lease; where
 * every entry is alive, it is not remembered, and costs its calls.
 */
import type { Counts } from "../../durable-objects/limiter/contract.ts";
import type { Batch } from "./batch.ts";
import { Demand } from "./demand.ts";
import { isLive, type HeldLease } from "./held-lease.ts";
import type { LimitInForce } from "./taken.ts";

const mostEntries = 20_000;
/** How many of the oldest are looked at to make room. */
const mostLooks = 64;

export interface KeyEntry {
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
  counts: Counts;
}

export const noCounts: Counts = { allowed: 0, refused: 0, nearLimit: 0 };

export class KeyBook {
  readonly #most: number;
  /** By limit and budget, in the order in which they were first asked for. */
  readonly #entries = new Map<string, Map<string, KeyEntry>>();
  #size = 0;

  constructor(most = mostEntries) {
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  find(limit: string, budget: string): KeyEntry | undefined {
    return this.#entries.get(limit)?.get(budget);
  }

  /** A new entry; kept if there is room. */
  open(limit: LimitInForce, budget: string, now: number): KeyEntry {
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
    let ofLimit = this.#entries.get(limit.name);
    if (ofLimit === undefined) {
      ofLimit = new Map();
      this.#entries.set(limit.name, ofLimit);
    }
    if (this.#size >= this.#most && !this.#makeRoom(ofLimit, now)) return entry;
    ofLimit.set(budget, entry);
    this.#size += 1;
    return entry;
  }

  endLeases(): void {
    for (const entries of this.#entries.values()) for (const entry of entries.values()) entry.leases = [];
  }

  /** Of the newcomer's own limit first: a flood on one limit costs the others nothing. */
  #makeRoom(own: Map<string, KeyEntry>, now: number): boolean {
    for (const entries of [own, ...this.#entries.values()]) {
      let looks = 0;
      for (const [budget, entry] of entries) {
        if ((looks += 1) > mostLooks) break;
        entries.delete(budget);
        if (isIdle(entry, now)) {
          this.#size -= 1;
          return true;
        }
        // To the end of the line: the next newcomer looks at others first.
        entries.set(budget, entry);
      }
    }
    return false;
  }
}

function isIdle({ leases, flight, next }: KeyEntry, now: number): boolean {
  return flight === null && next === null && !leases.some((lease) => isLive(lease, now) && lease.tokens > 0);
}
