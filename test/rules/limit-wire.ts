/** A desk in front of one limiter in memory, with a wire between them that fails as told. */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";
import type { Local } from "../../workers/config/local.ts";
import type { Limit, Mesh } from "../../workers/config/mesh.ts";
import { LimitDesk } from "../../workers/limit/limit-desk.ts";
import { MemoryLedger } from "./limit-histories.ts";

export type Fault = "none" | "fails" | "overloaded" | "silent" | "loses the reply" | "late";

export const startOfWindow = 1_000 * 60_000;

export function limitOf(more: Partial<Limit> = {}): Limit {
  return {
    name: "reads",
    by: [{ kind: "address" }],
    algorithm: "fixed-window",
    quota: 3,
    windowMs: 60_000,
    mode: "enforce",
    onError: "closed",
    ...more,
  };
}

export class Wire {
  /** What happens to the next calls, in order; then nothing. */
  readonly faults: Fault[] = [];
  calls = 0;
  now = startOfWindow;
  readonly desk: LimitDesk;
  readonly context: { waitUntil(work: Promise<unknown>): void };
  readonly #afterwards: Promise<unknown>[] = [];
  readonly #limiters = new Map<string, Budgets>();
  readonly #held: (() => void)[] = [];

  constructor(local: Local["limits"] | null = null, known: readonly Limit[] = []) {
    const { port } = this;
    this.desk = new LimitDesk({
      mesh: { limits: new Map(known.map((limit) => [limit.name, limit])) } as unknown as Mesh,
      limiter: (name) => port(name),
      local: local === null ? null : { region: "weur", origins: {}, limits: local, likeProduction: false },
      clock: () => this.now,
    });
    this.context = { waitUntil: (work) => void this.#afterwards.push(work) };
  }

  readonly port = (name: string): LimiterContract => ({
    charge: (request) => this.#call(() => ({ v: 1, answers: this.#limiter(name).charge(request, this.now) })),
    giveBack: (request) => this.#call(() => this.#limiter(name).giveBack(request, this.now)),
    peek: (request) => this.#call(() => this.#limiter(name).peek(request, this.now)),
  });

  used(limit: Limit, budget: string): number {
    const { name, algorithm, windowMs } = limit;
    const rule = { algorithm, name, version: 0, quota: 1_000, windowMs };
    return this.#limiter(name).peek({ rule, budget }, this.now).used;
  }

  /** Lets calls through that were late. */
  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  /** What goes on after the answer. */
  async settle(): Promise<void> {
    while (this.#afterwards.length > 0) await this.#afterwards.shift();
  }

  #limiter(name: string): Budgets {
    const limiter = this.#limiters.get(name) ?? new Budgets(new MemoryLedger());
    this.#limiters.set(name, limiter);
    return limiter;
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
