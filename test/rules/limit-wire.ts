/** A desk in front of limiters in memory, with a wire between them that fails as told. */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import { checkCharge, checkGiveBack } from "../../durable-objects/limiter/checked-request.ts";
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";
import { DenyTable } from "../../workers/limit/deny-table.ts";
import { brakeOnFreshKeys } from "../../workers/limit/fresh-keys.ts";
import { LimitDesk } from "../../workers/limit/limit-desk.ts";
import type { Ask, LimitInForce, Taken } from "../../workers/limit/taken.ts";
import { limitInForce } from "./limit-filed.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";

export type Fault = "none" | "fails" | "overloaded" | "silent" | "loses the reply" | "late";

export const startOfWindow = 1_000 * 60_000;

export function limitOf(more: Partial<LimitInForce> = {}): LimitInForce {
  return limitInForce({ by: [{ kind: "address" }], ...more });
}

export function askOf(limit: LimitInForce, cost = 1, budget = "b", neighbourhood: string | null = null): Ask {
  const amountOf: Ask["amountOf"] = (quota) => (typeof quota === "object" ? quota.else : quota);
  return { limit, budget, cost, neighbourhood, amountOf };
}

export class Wire {
  /** What happens to the next calls, in order; then nothing. */
  readonly faults: Fault[] = [];
  /** Charges, and everything. */
  charges = 0;
  calls = 0;
  now = startOfWindow;
  /** Whether what the desk waits for beside its requests ever comes: by the timers of the test. */
  isPatient = false;
  readonly desk: LimitDesk;
  readonly context: { waitUntil(work: Promise<unknown>): void };
  readonly limits = new Map<string, LimitInForce>();
  readonly #afterwards: Promise<unknown>[] = [];
  readonly #limiters = new Map<string, Budgets>();
  readonly #held: (() => void)[] = [];

  constructor(isAllShadow = false) {
    const { port } = this;
    this.desk = new LimitDesk({
      denials: (seed) => new DenyTable(seed),
      brake: brakeOnFreshKeys(),
      rules: {
        find: (name) => this.limits.get(name),
        all: () => this.limits,
        current: () => true,
        hear: (name, version) => {
          const known = this.limits.get(name);
          const { quota } = version.change;
          if (known !== undefined) this.limits.set(name, { ...known, quota: quota ?? known.quota, version });
        },
        resets: () => 0,
      },
      limiter: (name) => port(name),
      isAllShadow,
      clock: () => this.now,
      wait: (ms) => new Promise((resolve) => void (this.isPatient && setTimeout(resolve, ms))),
    });
    this.context = { waitUntil: (work) => void this.#afterwards.push(work) };
  }

  readonly port = (name: string): LimiterContract => {
    const limiter = () => this.limiter(name);
    return {
      charge: (request) => {
        this.charges += 1;
        return this.#call(() => {
          checkCharge(request);
          return limiter().charge(request, this.now);
        });
      },
      giveBack: (request) =>
        this.#call(() => {
          checkGiveBack(request);
          limiter().giveBack(request, this.now);
        }),
      hold: (request) => this.#call(() => limiter().hold(request, this.now)),
      reserve: (request) => this.#call(() => limiter().reserve(request, this.now)),
      settle: (request) => this.#call(() => limiter().settle(request, this.now)),
      peek: (request) => this.#call(() => limiter().peek(request, this.now)),
      reset: (request) => this.#call(() => limiter().reset(request, this.now)),
      counts: () => this.#call(() => ({ v: 1, ...limiter().counts })),
    };
  };

  async take(limit: LimitInForce, cost = 1, budget = "b"): Promise<Taken> {
    this.limits.set(limit.name, this.limits.get(limit.name) ?? limit);
    const { taken } = await this.desk.take([askOf(this.limits.get(limit.name) ?? limit, cost, budget)], this.context);
    const [only] = taken;
    if (!only) throw new Error("expected an answer for one ask");
    return only;
  }

  used(limit: LimitInForce, budget: string): number {
    const quota = typeof limit.quota === "number" ? limit.quota : 1_000;
    return this.limiter(limit.name).peek({ v: 1, rule: { ...limit, quota }, budget }, this.now).used;
  }

  limiter(name: string): Budgets {
    const limiter = this.#limiters.get(name) ?? new Budgets(new MemoryLedger());
    this.#limiters.set(name, limiter);
    return limiter;
  }

  /** Lets calls through that were late. */
  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  /** Whatever can still happen at this moment. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  }

  async #call<Answer>(act: () => Answer): Promise<Answer> {
    this.calls += 1;
    const fault = this.faults.shift() ?? "none";
    if (fault === "fails") throw new Error("Network connection lost.");
    if (fault === "overloaded") throw Object.assign(new Error("Durable Object is overloaded."), { overloaded: true });
    if (fault === "silent") return new Promise<Answer>(() => undefined);
    if (fault === "late") await new Promise<void>((resolve) => this.#held.push(resolve));
    const answer = act();
    if (fault === "loses the reply") throw new Error("Network connection lost.");
    return answer;
  }
}
