/**
 * A planet in virtual time: the real cores of the Log, the Regions and the isolates' views, with actors around them that
 * do what the objects' shells do (who calls whom, and when), over a bad network and under clocks that disagree.
 */
import type { AppliedReport, BroadcastMessage, Cursor } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import { guardOf } from "../../durable-objects/platform/lease.ts";
import type { ViewAnswer } from "../../durable-objects/region/contract.ts";
import { IsolateActor } from "./isolate-actor.ts";
import { LogActor } from "./log-actor.ts";
import { Network, type Weather } from "./network.ts";
import { RegionActor } from "./region-actor.ts";
import type { Naive, RegionHost, Surroundings } from "./surroundings.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface PlanetOptions {
  readonly seed: number;
  readonly naive?: Naive;
  readonly regions?: readonly RegionName[];
  readonly isolatesEach?: number;
}

export class Planet implements Surroundings {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly naive: Naive | null;
  readonly log: LogActor;
  readonly regions: readonly RegionActor[];
  readonly isolates: readonly IsolateActor[];
  readonly guardOf: (leaseMs: number) => number;
  /** The origin's versions, and the newest of each key whose invalidation was acknowledged. */
  readonly written = new Map<string, number>();
  readonly acknowledged = new Map<string, number>();
  readonly violations: string[] = [];
  reads = 0;
  hits = 0;
  /** Hits of a version that was already old: there was something to get wrong. */
  oldHits = 0;
  acks = 0;

  constructor({ seed, naive, regions = ["weur", "enam", "apac"], isolatesEach = 2 }: PlanetOptions) {
    this.time = new VirtualTime(seed);
    this.naive = naive ?? null;
    const weather: Weather = { loss: 0.03, doubling: 0.05, mostDelayMs: 60 };
    this.network = new Network(this.time, weather);
    this.guardOf = naive === "no_guard" ? (leaseMs) => leaseMs : guardOf;
    this.log = new LogActor(this, regions);
    this.regions = regions.map((name) => new RegionActor(this, name));
    this.isolates = this.regions.flatMap((region) =>
      Array.from({ length: isolatesEach }, () => new IsolateActor(this, region)),
    );
  }

  /** A message of the Log to a Region, by push or through the queue. */
  deliver(
    name: RegionName,
    message: BroadcastMessage,
    lane: string,
    done: (report: AppliedReport | null) => void,
  ): void {
    const region = this.regions.find((each) => each.name === name);
    if (region === undefined) return;
    this.network.call<AppliedReport | null>(lane, 1_000, (reply) => region.apply(message, reply), done);
  }

  askView(from: RegionHost, cursor: Cursor | null, done: (answer: ViewAnswer | null) => void): void {
    this.network.call<ViewAnswer>(`edge>${from.name}`, 1_500, (reply) => from.view(cursor, reply), done);
  }

  /** Writes at the origin, publishes, and holds the acknowledgement against every view on the planet. */
  write(key: string): void {
    const version = (this.written.get(key) ?? 0) + 1;
    this.written.set(key, version);
    this.log.publish(key, (seq) => {
      this.acks += 1;
      this.acknowledged.set(key, Math.max(this.acknowledged.get(key) ?? 0, version));
      for (const isolate of this.isolates) {
        const holds = isolate.liveCursor();
        if (holds !== null && holds < seq)
          this.violate(`an isolate of ${isolate.region.name} acts at ${holds} after the ack of ${seq}`);
      }
      for (const { region, state } of this.log.receiptsOf(key, version)) {
        const actor = this.regions.find((each) => each.name === region);
        if (state === "applied" && actor !== undefined && actor.core.applied < seq)
          this.violate(`${region} did not apply ${seq}`);
        if (state === "pending") this.violate(`${region} is pending after the ack of ${seq}`);
      }
    });
  }

  read(isolate: IsolateActor, key: string): void {
    const least = this.acknowledged.get(key) ?? 0;
    isolate.read(key, (version, isHit) => {
      this.reads += 1;
      if (isHit) this.hits += 1;
      if (isHit && version < (this.written.get(key) ?? 0)) this.oldHits += 1;
      if (version < least) this.violate(`a read of ${key} got ${version} after the ack of ${least}`);
    });
  }

  violate(what: string): void {
    if (this.violations.length < 5) this.violations.push(`at ${Math.round(this.time.now)} ms: ${what}`);
  }
}
