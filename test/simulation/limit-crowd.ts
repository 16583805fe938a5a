/**
 * Who asks for what: budgets as popular as Zipf's law has it, whose clients hold connections. A connection lies at one
 * isolate, mostly in the budget's home region, until it ends; a busy budget has many of them, all over the world.
 */
import { regionNames, type RegionName } from "../../durable-objects/names.ts";
import { tickAfter } from "./limit-world.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface CrowdSettings {
  readonly budgets: number;
  /** Zipf's. */
  readonly exponent: number;
  readonly perSecond: number;
  /** `connections`: as above. `scattered`: each request comes to any isolate, whoever sends it. */
  readonly spread: "connections" | "scattered";
}

export interface Asking {
  readonly at: number;
  readonly budget: number;
  readonly isolate: number;
}

/** Isolates by region: about where an API's users are. 300 in all. */
const isolatesIn: Readonly<Record<RegionName, number>> = {
  wnam: 55,
  enam: 75,
  sam: 14,
  weur: 65,
  eeur: 20,
  apac: 45,
  oc: 12,
  afr: 5,
  me: 9,
};

/** Requests a second that one connection carries at most. */
const mostAConnection = 10;
/** After so many requests, about, a connection ends: as nginx's `keepalive_requests` has it. */
const requestsAConnection = 1_000;
/** This part of a budget's connections comes from its home region, beside its share of the others. */
const atHome = 0.8;

export const isolateRegions: readonly RegionName[] = regionNames.flatMap((region) =>
  Array.from({ length: isolatesIn[region] }, () => region),
);

export class LimitCrowd {
  readonly #time: VirtualTime;
  readonly #settings: CrowdSettings;
  readonly #budgets: Draw;
  readonly #world: Draw;
  readonly #regions: ReadonlyMap<RegionName, { readonly first: number; readonly draw: Draw }>;
  readonly #homes: readonly RegionName[];
  /** Isolates, by budget. */
  readonly #connections: readonly number[][];
  #at = 0;

  constructor(time: VirtualTime, settings: CrowdSettings) {
    const { budgets, exponent, perSecond } = settings;
    const random = () => time.random();
    const weights = Array.from({ length: budgets }, (_, rank) => (rank + 1) ** -exponent);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    // Within a region, too, some isolates are busier than others.
    const busy = (index: number) => (index + 1) ** -0.5;
    const loads = regionNames.flatMap((region) => Array.from({ length: isolatesIn[region] }, (_, nth) => busy(nth)));
    this.#time = time;
    this.#settings = settings;
    this.#budgets = new Draw(weights, random);
    this.#world = new Draw(loads, random);
    this.#regions = new Map(
      regionNames.map((region) => {
        const first = isolateRegions.indexOf(region);
        return [region, { first, draw: new Draw(loads.slice(first, first + isolatesIn[region]), random) }];
      }),
    );
    this.#homes = weights.map(() => isolateRegions[this.#world.next()] ?? "enam");
    this.#connections = weights.map((weight, budget) => {
      const count = Math.ceil((weight / sum) * (perSecond / mostAConnection));
      return Array.from({ length: count }, () => this.#placed(budget));
    });
  }

  /** Requests come by themselves, each not knowing of the others. */
  next(): Asking {
    this.#at -= (Math.log(1 - this.#time.random()) * 1_000) / this.#settings.perSecond;
    const budget = this.#budgets.next();
    return { at: tickAfter(this.#at), budget, isolate: this.#isolateOf(budget) };
  }

  #isolateOf(budget: number): number {
    const connections = this.#connections[budget];
    if (connections === undefined || this.#settings.spread === "scattered") return this.#world.next();
    const nth = Math.floor(this.#time.random() * connections.length);
    if (this.#time.chance(1 / requestsAConnection)) connections[nth] = this.#placed(budget);
    return connections[nth] ?? 0;
  }

  #placed(budget: number): number {
    const home = this.#regions.get(this.#homes[budget] ?? "enam");
    return home !== undefined && this.#time.chance(atHome) ? home.first + home.draw.next() : this.#world.next();
  }
}

/** Draws an index by weight. */
class Draw {
  readonly #random: () => number;
  readonly #upTo: Float64Array;

  constructor(weights: readonly number[], random: () => number) {
    this.#random = random;
    let sum = 0;
    this.#upTo = Float64Array.from(weights, (weight) => (sum += weight));
  }

  next(): number {
    const last = this.#upTo.length - 1;
    const wanted = this.#random() * (this.#upTo[last] ?? 0);
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#upTo[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
