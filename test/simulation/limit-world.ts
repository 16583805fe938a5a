/**
 * Nine regions with many isolates each, real desks in them, and the real limiters, sharded as they are deployed: each
 * lives in the region of its first asker, for ever. Messages take the published round trips, a tenth more or less.
 */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";
import { limiterName, type RegionName } from "../../durable-objects/names.ts";
import { DenyTable } from "../../workers/limit/deny-table.ts";
import { brakeOnFreshKeys } from "../../workers/limit/fresh-keys.ts";
import { LimitDesk } from "../../workers/limit/limit-desk.ts";
import type { Rules } from "../../workers/limit/rules.ts";
import type { Ask, LimitInForce, TakenAll, Waits } from "../../workers/limit/taken.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { limiterOver, type FarObject } from "./limit-messages.ts";
import { settled, takeOverTimers } from "./limit-timers.ts";
import { roundTripMs } from "./round-trips.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface WorldIsolate {
  readonly region: RegionName;
  readonly desk: LimitDesk;
  /** When the charges that are answered here in this tick were decided, by their budgets. */
  readonly decidedAt: Map<string, number>;
  /** Where its desk keeps refusals: none until the first one. */
  readonly denied: readonly DenyTable[];
}

export interface WorldObject extends FarObject {
  readonly region: RegionName;
  readonly ledger: MemoryLedger;
}

/** What one ask came to: when its isolate knew, and when the tokens went, ms of true time. */
export interface Told {
  readonly taken: TakenAll;
  readonly at: number;
  readonly goneAt: number;
}

/** Rates within 5 % and offsets within 250 ms are assumed of clocks; these use all of it. */
const mostDrift = 0.05;
const farthestOffsetMs = 125;
/** Of a round trip, either way. */
const jitter = 0.1;
/** Windows of true time are windows of the limiters' clocks, which are true. */
const beginAt = 1_700_000_000_000 - (1_700_000_000_000 % 86_400_000);
/** Messages arrive in ticks, ms: what happens in one of them happens at once, which keeps big worlds quick. */
const tickMs = 0.5;
const context: Waits = { waitUntil: (work) => void work };

export class LimitWorld implements Disposable {
  readonly time: VirtualTime;
  readonly isolates: readonly WorldIsolate[];
  readonly objects = new Map<string, WorldObject>();
  readonly #rules: Rules;
  readonly #restore: () => void;
  /** Promises have something to do before time may go on. */
  #isUnsettled = false;
  readonly #answered = new Set<Map<string, number>>();

  constructor(seed: number, limits: readonly LimitInForce[], regions: readonly RegionName[]) {
    this.time = new VirtualTime(seed);
    this.#restore = takeOverTimers(this.time, () => (this.#isUnsettled = true));
    const byName = new Map(limits.map((limit) => [limit.name, limit]));
    this.#rules = {
      find: (name) => byName.get(name),
      all: () => byName,
      current: () => true,
      hear: () => undefined,
      resets: () => 0,
    };
    this.isolates = regions.map((region) => this.#isolate(region));
  }

  /** The limiters' clock, ms since 1970. */
  get clock(): number {
    return Math.floor(beginAt + this.time.now);
  }

  get calls(): number {
    return this.isolates.reduce((sum, { desk }) => sum + desk.load.calls, 0);
  }

  get rowsWritten(): number {
    return [...this.objects.values()].reduce((sum, { ledger }) => sum + ledger.writes, 0);
  }

  /** The object that counts a budget; `asker` is where it is made if it is not there yet. */
  objectOf(limit: string, budget: string, asker: RegionName): WorldObject {
    const name = limiterName("world", limit, budget);
    let object = this.objects.get(name);
    if (object === undefined) {
      const ledger = new MemoryLedger();
      object = { region: asker, ledger, budgets: new Budgets(ledger), calls: 0 };
      this.objects.set(name, object);
    }
    return object;
  }

  /** One way, ms. */
  wayMs(from: RegionName, to: RegionName): number {
    return (roundTripMs(from, to) / 2) * this.time.between(1 - jitter, 1 + jitter);
  }

  ask({ desk, decidedAt }: WorldIsolate, ask: Ask, then: (told: Told) => void): void {
    const hear = (taken: TakenAll) => {
      const at = this.time.now;
      const isCharged = taken.taken[0]?.answeredBy === "limiter";
      then({ taken, at, goneAt: isCharged ? (decidedAt.get(ask.budget) ?? at) : at });
    };
    const taken = desk.take([ask], context);
    if (!(taken instanceof Promise)) return hear(taken);
    this.#isUnsettled = true;
    void taken.then(hear);
  }

  /** Lets happen what happens by then; a promise only where promises have to be waited for. */
  advance(until: number): Promise<void> | null {
    while (!this.#isUnsettled) {
      if (this.#step(until)) continue;
      this.time.runUntil(until);
      return null;
    }
    return this.#advanceSettling(until);
  }

  async #advanceSettling(until: number): Promise<void> {
    do {
      if (!this.#isUnsettled) continue;
      this.#isUnsettled = false;
      await settled();
    } while (this.#isUnsettled || this.#step(until));
    this.time.runUntil(until);
  }

  /** The next tick in which something happens, with all that happens in it. */
  #step(until: number): boolean {
    for (const decidedAt of this.#answered) decidedAt.clear();
    this.#answered.clear();
    if (!this.time.step(until)) return false;
    this.time.runUntil(this.time.now);
    return true;
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  #later(ms: number, happen: () => void): void {
    this.time.after(tickAfter(this.time.now + ms) - this.time.now, () => {
      this.#isUnsettled = true;
      happen();
    });
  }

  #isolate(region: RegionName): WorldIsolate {
    const rate = this.time.between(1 - mostDrift, 1 + mostDrift);
    const offsetMs = this.time.between(-farthestOffsetMs, farthestOffsetMs);
    const decidedAt = new Map<string, number>();
    const denied: DenyTable[] = [];
    const desk = new LimitDesk({
      rules: this.#rules,
      limiter: (limit, budget) => this.#port(limit, budget, region, decidedAt),
      brake: brakeOnFreshKeys(),
      denials: (seed) => {
        const table = new DenyTable(seed);
        denied.push(table);
        return table;
      },
      isAllShadow: false,
      clock: () => Math.floor(beginAt + offsetMs + this.time.now * rate),
    });
    return { region, desk, decidedAt, denied };
  }

  #port(limit: string, budget: string, region: RegionName, decidedAt: Map<string, number>): LimiterContract {
    const object = this.objectOf(limit, budget, region);
    const way = {
      ms: () => this.wayMs(region, object.region),
      later: (ms: number, happen: () => void) => this.#later(ms, happen),
      clock: () => this.clock,
    };
    return limiterOver(object, way, (at) => {
      decidedAt.set(budget, at - beginAt);
      this.#answered.add(decidedAt);
    });
  }
}

/** The first tick that is not before `at`. Whoever asks a world asks in ticks. */
export function tickAfter(at: number): number {
  return Math.ceil(at / tickMs) * tickMs;
}
