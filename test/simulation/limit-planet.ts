/**
 * Isolates with real desks around one real limiter, in virtual time: every timer of theirs runs on it, each isolate
 * reads its own clock, and messages take as long as the world says. A second of twenty thousand requests takes a
 * second or so.
 */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { ChargeAnswer, ChargeRequest, LimiterContract } from "../../durable-objects/limiter/contract.ts";
import { DenyTable } from "../../workers/limit/deny-table.ts";
import { brakeOnFreshKeys } from "../../workers/limit/fresh-keys.ts";
import { LimitDesk, type Rules } from "../../workers/limit/limit-desk.ts";
import type { Ask, LimitInForce, TakenAll, Waits } from "../../workers/limit/taken.ts";
import { limitInForce } from "../rules/limit-filed.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { settled, takeOverTimers } from "./limit-timers.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface IsolateSettings {
  /** One way, ms. */
  readonly latencyMs: () => number;
  /** How fast its clock runs against true time, and how far it is off. */
  readonly rate: number;
  readonly offsetMs: number;
}

export interface Isolate {
  readonly desk: LimitDesk;
  readonly context: Waits;
  calls: number;
}

/** An even beginning: windows of true time are windows of the limiter's clock. */
const beginAt = 1_700_000_000_000 - (1_700_000_000_000 % 86_400_000);

export class LimitPlanet implements Disposable {
  readonly time: VirtualTime;
  readonly ledger = new MemoryLedger();
  readonly isolates: readonly Isolate[];
  budgets: Budgets;
  readonly #rules: Rules;
  readonly #restore: () => void;

  constructor(seed: number, limits: readonly LimitInForce[], isolates: readonly IsolateSettings[]) {
    this.time = new VirtualTime(seed);
    this.budgets = new Budgets(this.ledger);
    this.#restore = takeOverTimers(this.time);
    const byName = new Map(limits.map((limit) => [limit.name, limit]));
    this.#rules = {
      find: (name) => byName.get(name),
      all: () => byName,
      current: () => true,
      hear: () => undefined,
      resets: () => 0,
    };
    this.isolates = isolates.map((settings) => this.#isolate(settings));
  }

  /** The limiter's clock is true. */
  get now(): number {
    return beginAt + this.time.now;
  }

  async run(forMs: number): Promise<void> {
    const end = this.time.now + forMs;
    while (this.time.step(end)) await settled();
    this.time.runUntil(end);
    await settled();
  }

  crash(): void {
    this.budgets = new Budgets(this.ledger);
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  #isolate({ latencyMs, rate, offsetMs }: IsolateSettings): Isolate {
    const isolate: { -readonly [Key in keyof Isolate]: Isolate[Key] } = {
      calls: 0,
      context: { waitUntil: (work) => void work },
      desk: undefined as unknown as LimitDesk,
    };
    const clock = () => Math.floor(beginAt + offsetMs + this.time.now * rate);
    const far = <Answer>(act: () => Answer): Promise<Answer> => {
      isolate.calls += 1;
      return new Promise((resolve, reject) => {
        this.time.after(latencyMs(), () => {
          try {
            const answer = act();
            this.time.after(latencyMs(), () => resolve(answer));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
    };
    const limiter = {
      charge: (request: ChargeRequest) => {
        isolate.calls += 1;
        return new Promise<ChargeAnswer>((resolve) => {
          this.time.after(latencyMs(), () => {
            const waitMs = this.budgets.patienceFor(request, this.now);
            this.time.after(waitMs, () => {
              const answer = this.budgets.charge(request, this.now, waitMs);
              this.time.after(latencyMs(), () => resolve(answer));
            });
          });
        });
      },
      giveBack: (request) => far(() => this.budgets.giveBack(request, this.now)),
    } as Pick<LimiterContract, "charge" | "giveBack"> as LimiterContract;
    isolate.desk = new LimitDesk({
      denials: (seed) => new DenyTable(seed),
      brake: brakeOnFreshKeys(),
      rules: this.#rules,
      limiter: () => limiter,
      isAllShadow: false,
      clock,
    });
    return isolate;
  }
}

export function inForce(more: Partial<LimitInForce> = {}): LimitInForce {
  return limitInForce({ name: "l", quota: 1_000, windowMs: 1_000, ...more });
}

export function askOf(limit: LimitInForce, budget = "k", cost = 1): Ask {
  return {
    limit,
    budget,
    cost,
    neighbourhood: null,
    amountOf: (quota) => (typeof quota === "object" ? quota.else : quota),
  };
}

/** One request; `then` is told in the moment in which its isolate knows. */
export function send(isolate: Isolate, asks: readonly Ask[], then: (taken: TakenAll) => void): void {
  const taken = isolate.desk.take(asks, isolate.context);
  if (taken instanceof Promise) void taken.then(then);
  else then(taken);
}
