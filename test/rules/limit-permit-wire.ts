/** Desks of permits in front of limiters in memory, in a time that only passes when it is told to. */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { HoldRequest, LimiterContract, QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import { PermitDesk, type PermitsTaken } from "../../workers/limit/permit-desk.ts";
import type { PermitStay } from "../../workers/limit/permit-stay.ts";
import type { LimitInForce } from "../../workers/limit/taken.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { askOf, startOfWindow } from "./limit-wire.ts";

interface Timer {
  readonly at: number;
  readonly call: () => void;
  isOn: boolean;
}

/** What several isolates have in common. */
interface World {
  passedMs: number;
  timers: Timer[];
  readonly limiters: Map<string, Budgets>;
}

export class PermitWire {
  readonly desk: PermitDesk;
  /** No call reaches the limiter. */
  isAway = false;
  /** Calls that were made. */
  holds = 0;
  readonly #world: World;
  readonly #rules = new Map<string, LimitInForce>();
  readonly #context = { waitUntil: () => undefined };
  readonly #dead = new Set<PermitStay>();
  #offsetMs = 0;
  #changes = 0;

  constructor(world: World = { passedMs: 0, timers: [], limiters: new Map() }) {
    this.#world = world;
    this.desk = new PermitDesk({
      rules: {
        find: (name) => this.#rules.get(name),
        all: () => this.#rules,
        current: () => true,
        hear: (name, version) => {
          const known = this.#rules.get(name);
          const { quota } = version.change;
          if (known !== undefined) this.#rules.set(name, { ...known, quota: quota ?? known.quota, version });
        },
        resets: () => 0,
      },
      limiter: (name) => this.#port(name),
      isAllShadow: false,
      clock: () => this.#now + this.#offsetMs,
      wait: (ms) => new Promise((resolve) => this.#after(ms, () => resolve())),
      after: (ms, call) => this.#after(ms, call),
    });
  }

  /** Another isolate before the same limiters, at the same time. */
  beside(): PermitWire {
    return new PermitWire(this.#world);
  }

  take(limit: LimitInForce, budget = "b"): Promise<PermitsTaken> {
    return this.takeAll([limit], budget);
  }

  async takeAll(limits: readonly LimitInForce[], budget = "b"): Promise<PermitsTaken> {
    for (const limit of limits) if (!this.#rules.has(limit.name)) this.#rules.set(limit.name, limit);
    return this.desk.take(
      limits.map((limit) => askOf(this.#rules.get(limit.name) ?? limit, 1, budget)),
      this.#context,
    );
  }

  /** As this isolate hears of it. */
  change(limit: LimitInForce, quota: QuotaAmount): void {
    this.#changes += 1;
    const change = { limit: limit.name, quota, by: "a test", since: this.#now };
    this.#rules.set(limit.name, { ...limit, quota, version: { epoch: "e", seq: this.#changes, change } });
  }

  used(limit: LimitInForce, budget = "b"): number {
    const quota = typeof limit.quota === "number" ? limit.quota : 1_000;
    return this.#limiter(limit.name).peek({ v: 1, rule: { ...limit, quota }, budget }, this.#now).used;
  }

  setBack(ms: number): void {
    this.#offsetMs -= ms;
  }

  /** Their contexts are gone: no timer of theirs fires any more. */
  kill(stays: readonly PermitStay[]): void {
    for (const stay of stays) this.#dead.add(stay);
    // Timers were made in the order of the stays.
    for (const timer of this.#world.timers.filter(({ isOn }) => isOn).slice(0, stays.length)) timer.isOn = false;
  }

  async advance(ms: number): Promise<void> {
    const world = this.#world;
    const until = world.passedMs + ms;
    for (;;) {
      await settle();
      const due = world.timers
        .filter(({ at, isOn }) => isOn && at <= until)
        .toSorted((one, other) => one.at - other.at);
      const [next] = due;
      if (next === undefined) break;
      world.passedMs = Math.max(world.passedMs, next.at);
      next.isOn = false;
      next.call();
    }
    world.passedMs = until;
    world.timers = world.timers.filter(({ isOn }) => isOn);
    await settle();
  }

  get #now(): number {
    return startOfWindow + this.#world.passedMs;
  }

  #after(ms: number, call: () => void): () => void {
    const timer = { at: this.#world.passedMs + ms, call, isOn: true };
    this.#world.timers.push(timer);
    return () => {
      timer.isOn = false;
    };
  }

  #limiter(name: string): Budgets {
    const limiter = this.#world.limiters.get(name) ?? new Budgets(new MemoryLedger());
    this.#world.limiters.set(name, limiter);
    return limiter;
  }

  #port(name: string): LimiterContract {
    const hold = async (request: HoldRequest) => {
      this.holds += 1;
      await Promise.resolve();
      if (this.isAway) throw Object.assign(new Error("Durable Object is overloaded."), { overloaded: true });
      return this.#limiter(name).hold(request, this.#now);
    };
    // Nothing else is asked.
    return { hold } as unknown as LimiterContract;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}
