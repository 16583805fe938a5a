/**
 * An isolate, its clients, and the objects that it calls, in virtual time: a real desk and view, the real limiters, a
 * Region and the Log. What they would be billed for is counted exactly, and an hour takes seconds.
 */
import type { RegionName } from "../../durable-objects/names.ts";
import { takeOverTimers, settled } from "../../test/simulation/limit-timers.ts";
import { askOf, inForce } from "../../test/simulation/limit-planet.ts";
import { VirtualTime } from "../../test/simulation/virtual-time.ts";
import { DenyTable } from "../../workers/limit/deny-table.ts";
import { brakeOnFreshKeys } from "../../workers/limit/fresh-keys.ts";
import { LimitDesk } from "../../workers/limit/limit-desk.ts";
import type { LimitInForce, TakenAll, Waits } from "../../workers/limit/taken.ts";
import { View } from "../../workers/view/view.ts";
import { plus, times } from "../cost.ts";
import type { Counted, Plan } from "../count.ts";
import { CountedLimiters, type Send } from "./counted-limiters.ts";
import { CountedViews } from "./counted-views.ts";

/** From an isolate to an object of its part of the world and from a Region to the Log, one way, ms; a tenth more or less. */
const nearMs = 10;
const farMs = 80;
/** An even beginning: windows begin where the town does. */
const beginAt = 1_700_000_000_000 - (1_700_000_000_000 % 86_400_000);
const region: RegionName = "weur";
const context: Waits = { waitUntil: (work) => void work };

export async function live(plan: Plan): Promise<Counted> {
  using town = new Town(plan);
  await town.run(plan.warmMs);
  const before = town.counted;
  await town.run(plan.warmMs + plan.countedMs);
  const after = town.counted;
  return {
    requests: after.requests - before.requests,
    admitted: after.admitted - before.admitted,
    limiterCalls: after.limiterCalls - before.limiterCalls,
    usage: plus(plus(after.usage, times(before.usage, -1)), town.limiters.sweepingFor(plan.countedMs)),
  };
}

class Town implements Disposable {
  readonly limiters: CountedLimiters;
  readonly #plan: Plan;
  readonly #time: VirtualTime;
  readonly #restore: () => void;
  readonly #views: CountedViews;
  readonly #limits: readonly LimitInForce[];
  readonly #desk: LimitDesk;
  #requests = 0;
  #admitted = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.limiters = new CountedLimiters(plan.mayObjectsSleep);
    this.#time = new VirtualTime(plan.seed);
    this.#restore = takeOverTimers(this.#time);
    this.#views = new CountedViews(this.#clock, this.#far(farMs));
    this.#limits = plan.limits.map(({ name, quota, windowMs }) => inForce({ name, quota, windowMs }));
    this.#desk = this.#makeDesk();
    this.#comeNext();
  }

  get counted(): Counted {
    const ofLimiters = this.limiters.usage;
    return {
      requests: this.#requests,
      admitted: this.#admitted,
      limiterCalls: ofLimiters.objectRequests,
      usage: plus(ofLimiters, this.#views.usage),
    };
  }

  async run(until: number): Promise<void> {
    while (this.#time.step(until)) await settled();
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  readonly #clock = (): number => Math.floor(beginAt + this.#time.now);

  #far(oneWayMs: number): Send {
    const way = () => this.#time.between(0.9, 1.1) * oneWayMs;
    return (act, waitMs = () => 0) =>
      new Promise((resolve) => {
        this.#time.after(way(), () => {
          this.#time.after(waitMs(), () => {
            const answer = act();
            this.#time.after(way(), () => resolve(answer));
          });
        });
      });
  }

  #makeDesk(): LimitDesk {
    const near = this.#far(nearMs);
    const view = new View({
      regions: [region],
      clock: this.#clock,
      ask: (_region, request) => near(() => this.#views.view(request)),
    });
    const byName = new Map(this.#limits.map((limit) => [limit.name, limit]));
    return new LimitDesk({
      rules: {
        find: (name) => byName.get(name),
        all: () => byName,
        current: (waits) => view.current(waits),
        hear: () => undefined,
        resets: () => 0,
      },
      limiter: (limit, budget) => this.limiters.port(limit, budget, near, this.#clock),
      brake: brakeOnFreshKeys(),
      denials: (words) => new DenyTable(words),
      isAllShadow: false,
      clock: this.#clock,
    });
  }

  /** Requests come by themselves, each not knowing of the others. */
  #comeNext(): void {
    const { clients, perSecond } = this.#plan;
    const gapMs = (-Math.log(1 - this.#time.random()) * 1_000) / perSecond;
    this.#time.after(gapMs, () => {
      this.#ask(`client-${clients === "fresh" ? this.#requests : Math.floor(this.#time.random() * clients)}`);
      this.#comeNext();
    });
  }

  #ask(client: string): void {
    this.#requests += 1;
    const asks = this.#limits.map((limit) => askOf(limit, client));
    const taken = this.#desk.take(asks, context);
    const tell = ({ allowed }: TakenAll) => {
      if (allowed) this.#admitted += 1;
    };
    if (taken instanceof Promise) void taken.then(tell);
    else tell(taken);
  }
}
