/**
 * What this isolate knows of each budget of permits. Bounded: a newcomer takes the place of one under which nothing
 * runs; its permits lapse by themselves. Where something runs under every one of them, the newcomer is not taken in.
 */
import { noCounts, type Counting } from "./counts.ts";
import { PermitPool } from "./permit-pool.ts";

const mostEntries = 10_000;
/** How many of the oldest are looked at to make room. */
const mostLooks = 64;

/** Those who wait for the next call. */
export interface Wish {
  count: number;
}

/** A call that is under way, until when it may be believed to be. */
export interface HoldFlight {
  readonly ended: Promise<null>;
  readonly expiresAt: number;
}

export interface PermitEntry extends Counting {
  readonly limit: string;
  readonly budget: string;
  readonly pool: PermitPool;
  wish: Wish;
  flight: HoldFlight | null;
  /** Until when it is taken for granted that the limiter cannot be reached, and for how long next time, ms. */
  downUntil: number;
  downMs: number;
  /** Until when somebody is believed to give back what lies idle. */
  watchedUntil: number;
  /** Until when it need not be told again that a limit in shadow mode would refuse. */
  quietUntil: number;
}

export class PermitBook {
  readonly #most: number;
  /** In the order in which they were taken in. No name of a limit holds a line break. */
  readonly #entries = new Map<string, PermitEntry>();

  constructor(most = mostEntries) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(limit: string, budget: string): PermitEntry | undefined {
    return this.#entries.get(`${limit}\n${budget}`);
  }

  /** null where there is no room. */
  open(limit: string, budget: string, now: number): PermitEntry | null {
    if (this.#entries.size >= this.#most && !this.#makeRoom(now)) return null;
    const entry: PermitEntry = {
      limit,
      budget,
      pool: new PermitPool(),
      wish: { count: 0 },
      flight: null,
      downUntil: 0,
      downMs: 0,
      watchedUntil: 0,
      quietUntil: 0,
      counts: noCounts,
    };
    this.#entries.set(`${limit}\n${budget}`, entry);
    return entry;
  }

  distrust(): void {
    for (const { pool } of this.#entries.values()) pool.distrust();
  }

  #makeRoom(now: number): boolean {
    let looks = 0;
    for (const [key, entry] of this.#entries) {
      if ((looks += 1) > mostLooks) return false;
      this.#entries.delete(key);
      if (isIdle(entry, now)) return true;
      this.#entries.set(key, entry);
    }
    return false;
  }
}

/** Who waits looks for the entry anew. */
function isIdle({ pool, flight }: PermitEntry, now: number): boolean {
  return pool.running(now) === 0 && (flight === null || now >= flight.expiresAt);
}
