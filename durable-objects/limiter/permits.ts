/**
 * Concurrency: how many permits each isolate holds, and until when.
 *
 * Permits are leased to isolates, whose requests share them; an isolate that falls silent loses all of its permits at
 * its lease's end, and stops what runs under them before. Counted in memory: one moment on record says until when some
 * may be held that nobody remembers, and until then a restarted object gives out only what their holders claim to use.
 */
import { guardOf } from "../platform/lease.ts";
import type { HoldAnswer, HoldRequest } from "./contract.ts";
import type { Ledger } from "./ledger.ts";

interface Holding {
  permits: number;
  until: number;
  turn: number;
}

type Held = HoldAnswer & { readonly kind: "held" };

/** Isolates with permits of one budget, or that had some a moment ago. */
const mostHolders = 10_000;

export class Permits {
  readonly #ledger: Ledger;
  readonly #lostUpTo: number;
  readonly #holdings = new Map<string, Map<string, Holding>>();
  #recordedUntil: number;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#lostUpTo = ledger.fact("permits") ?? 0;
    this.#recordedUntil = this.#lostUpTo;
  }

  hold({ budget, holder, inUse, wanted, turn, rule }: HoldRequest, now: number): Held {
    const { quota, windowMs: lifeMs } = rule;
    const holders = this.#of(budget, now);
    this.#holdings.set(budget, holders);
    const known = holders.get(holder);
    const mine = known ?? { permits: 0, until: 0, turn: 0 };
    const others = [...holders.values()].reduce((sum, { permits }) => sum + permits, 0) - mine.permits;
    if (turn <= mine.turn) return this.#answer(mine.permits, 0, quota - others - mine.permits, { quota, retryMs: 0 });
    const free = Math.max(0, quota - others);
    const isForgetful = now < this.#lostUpTo;
    // What runs is kept: a lower quota takes no permit from under a request, and after a crash its claim is its proof.
    const kept = isForgetful ? Math.min(inUse, free) : Math.min(inUse, mine.permits);
    const permits = Math.max(kept, isForgetful ? kept : Math.min(wanted, free));
    const until = now + guardOf(lifeMs);
    if (permits > 0) this.#record(until, lifeMs);
    if (known === undefined && holders.size >= mostHolders) throw new Error("cannot hold: too many holders");
    holders.set(holder, { permits, until: permits > 0 ? until : now + guardOf(lifeMs), turn });
    const retryMs = permits < wanted ? this.#retryOf(holders, holder, now) : 0;
    return this.#answer(permits, lifeMs, quota - others - permits, { quota, retryMs });
  }

  standing(budget: string, quota: number, now: number): { readonly used: number; readonly resetMs: number } {
    const holdings = [...this.#of(budget, now).values()].filter(({ permits }) => permits > 0);
    const lostMs = Math.max(0, this.#lostUpTo - now);
    const used = holdings.reduce((sum, { permits }) => sum + permits, 0);
    const resetMs = holdings.reduce((latest, { until }) => Math.max(latest, until - now), lostMs);
    return { used: lostMs > 0 ? Math.max(used, quota) : used, resetMs };
  }

  /** Gives up what no living isolate holds; what one does hold comes back with its next renewal, if there is room. */
  reset(budget: string): void {
    this.#holdings.delete(budget);
  }

  forgetEnded(now: number): void {
    for (const budget of this.#holdings.keys()) if (this.#of(budget, now).size === 0) this.#holdings.delete(budget);
  }

  get isEmpty(): boolean {
    return this.#holdings.size === 0;
  }

  get latest(): number {
    return this.#recordedUntil;
  }

  /** The living ones. */
  #of(budget: string, now: number): Map<string, Holding> {
    const holders = this.#holdings.get(budget) ?? new Map<string, Holding>();
    for (const [holder, { until }] of holders) if (until <= now) holders.delete(holder);
    return holders;
  }

  /** Before a permit goes. Half a life further than it must, so that it is seldom written. */
  #record(until: number, lifeMs: number): void {
    if (until <= this.#recordedUntil) return;
    this.#recordedUntil = until + Math.ceil(lifeMs / 2);
    this.#ledger.saveFact("permits", this.#recordedUntil);
  }

  #retryOf(holders: ReadonlyMap<string, Holding>, asker: string, now: number): number {
    let soonest = now < this.#lostUpTo ? this.#lostUpTo : Infinity;
    for (const [holder, { permits, until }] of holders) {
      if (holder !== asker && permits > 0) soonest = Math.min(soonest, until);
    }
    return soonest === Infinity ? 0 : Math.max(0, soonest - now);
  }

  #answer(
    permits: number,
    lifeMs: number,
    remaining: number,
    { quota, retryMs }: { readonly quota: number; readonly retryMs: number },
  ): Held {
    return { v: 1, kind: "held", permits, lifeMs, remaining: Math.max(0, remaining), quota, retryMs };
  }
}
