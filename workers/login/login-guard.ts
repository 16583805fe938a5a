/**
 * The login guard: how many secrets may be tried, counted over the whole mesh and before any of them is looked at.
 *
 * An attempt first takes one of the `failures` places that its account and address have together in every `windowMs`;
 * without a place it is refused, and its secret is not looked at. A right secret gives the place back. A wrong one
 * keeps it, and so does whatever ends without a word, so attempts in flight and crashed ones count like failures. Who
 * is without a place because of attempts in flight waits for theirs, if this isolate has them.
 *
 * By account alone and by address alone an attempt is only delayed, because refusing there would let strangers lock
 * others out. Only attempts that have a place count there: one address can spend no more than `failures` of what an
 * account has undelayed, and so delays nobody else by itself.
 *
 * The guard does not know which accounts exist: known and unknown ones take the same way.
 */
import type { LimiterContract, Rule } from "../../durable-objects/limiter/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import { reach } from "../limit/reach.ts";
import { budgetsOf, type LoginAttempt, type LoginBudgets } from "./login-budgets.ts";
import { delayOf, growingDelays } from "./login-delay.ts";
import type { UnderWay } from "./under-way.ts";

/** How often one attempt asks for a place: others may be sooner, here and at other edges. */
const mostTurns = 4;

export type LoginLimiter = Pick<LimiterContract, "reserve" | "settle">;

export interface LoginGuardParts {
  readonly limiter: (limit: string, budget: string) => LoginLimiter;
  readonly settings: Mesh["loginGuard"];
  readonly wait: (ms: number) => Promise<unknown>;
  /** Of all guards of an isolate. */
  readonly underWay: UnderWay;
}

export type Guarded<Result> =
  | { readonly kind: "checked"; readonly result: Result }
  /** Too many failed, or are under way. */
  | { readonly kind: "refused"; readonly retryAfterMs: number }
  /** Nobody can count: the secret was not looked at. */
  | { readonly kind: "unreachable" };

interface Place {
  readonly kind: "taken";
  /** How many are in its window already. */
  readonly earlier: number;
  readonly settle: (cost: number) => Promise<unknown>;
}

type PlaceAnswer =
  | Place
  | (Pick<Place, "settle"> & { readonly kind: "unreachable" })
  | Exclude<Guarded<never>, { readonly kind: "checked" | "unreachable" }>;

export class LoginGuard {
  readonly #parts: LoginGuardParts;
  readonly #rules: Readonly<Record<"pair" | "account" | "address", Rule>>;

  constructor(parts: LoginGuardParts) {
    const { failures } = parts.settings;
    this.#parts = parts;
    this.#rules = {
      pair: this.#rule("_login", failures),
      account: this.#rule("_login-account", failures + growingDelays),
      address: this.#rule("_login-address", failures + growingDelays),
    };
  }

  /**
   * `check` looks at the secret, and is called at most once. It should take as long for an account that does not exist.
   * What it throws is thrown, and counts as a failure.
   */
  async guard<Result>(
    attempt: LoginAttempt,
    check: () => Promise<Result>,
    isRight: (result: Result) => boolean,
  ): Promise<Guarded<Result>> {
    const budgets = await budgetsOf(attempt);
    const { underWay } = this.#parts;
    for (let turn = 1; ; turn += 1) {
      const guarded = await this.#attempt(budgets, check, isRight);
      if (guarded.kind !== "refused" || turn === mostTurns || !(await underWay.turn(budgets.pair))) return guarded;
    }
  }

  async #attempt<Result>(
    budgets: LoginBudgets,
    check: () => Promise<Result>,
    isRight: (result: Result) => boolean,
  ): Promise<Guarded<Result>> {
    const { underWay, wait } = this.#parts;
    const mine = underWay.begin(budgets.pair);
    let isPlaceFree = false;
    try {
      const place = await this.#take(this.#rules.pair, budgets.pair);
      if (place.kind === "unreachable") {
        // Its answer may be what was lost: nobody looks at the secret, so it is not to count. Best effort.
        void place.settle(0);
        return { kind: "unreachable" };
      }
      if (place.kind === "refused") return place;
      const counted = await Promise.all([
        this.#take(this.#rules.account, budgets.account),
        this.#take(this.#rules.address, budgets.address),
      ]);
      const delayMs = Math.max(...counted.map((one) => this.#delayOf(one)));
      if (delayMs > 0) await wait(delayMs);
      const result = await check();
      if (isRight(result)) {
        await Promise.all([place, ...counted].map(giveBack));
        isPlaceFree = true;
      }
      return { kind: "checked", result };
    } finally {
      underWay.end(budgets.pair, mine, isPlaceFree);
    }
  }

  /** Idempotent by the reservation's id: what was silent is asked again, and counts once. */
  async #take(rule: Rule, budget: string): Promise<PlaceAnswer> {
    const { limiter, settings } = this.#parts;
    // Once its window has passed, a place is worth nothing.
    const asked = { v: 1, reservation: crypto.randomUUID(), rule, budget } as const;
    const reached = await reach(() =>
      limiter(rule.name, budget).reserve({ ...asked, cost: 1, ttlMs: settings.windowMs }),
    );
    const settle = (cost: number) => reach(() => limiter(rule.name, budget).settle({ ...asked, cost }));
    if (reached.kind === "unreachable") return { kind: "unreachable", settle };
    const { answer } = reached;
    switch (answer.kind) {
      case "granted":
        return { kind: "taken", earlier: rule.quota - answer.remaining - 1, settle };
      case "refused":
        return { kind: "refused", retryAfterMs: answer.retryMs ?? rule.windowMs };
      case "outdated":
        // Nobody can change these limits: no configured one has such a name.
        return { kind: "unreachable", settle };
    }
  }

  /** An object that cannot be asked, perhaps because of a flood on one account, must not become a refusal either. */
  #delayOf(counted: PlaceAnswer): number {
    return delayOf(counted.kind === "taken" ? counted.earlier - this.#parts.settings.failures : Infinity);
  }

  /**
   * Windows of up to ten seconds are counted in memory only, and after a crash of their object all of them are held to
   * be used up: every login would be refused for a while. One millisecond more, and a crash costs one place.
   */
  #rule(name: string, quota: number): Rule {
    const windowMs = this.#parts.settings.windowMs + 1;
    return { algorithm: "sliding-window", name, version: null, quota, windowMs, burst: 0 };
  }
}

/** One that cannot be given back counts as a failure until its window has passed: the login is right all the same. */
async function giveBack(place: PlaceAnswer): Promise<void> {
  if (place.kind === "taken") await place.settle(0);
}
