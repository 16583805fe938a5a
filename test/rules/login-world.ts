/** Logins at a virtual time: the guard before the limiter's own core, which can be taken away and can crash. */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import { checkReserve, checkSettle } from "../../durable-objects/limiter/checked-request.ts";
import type { ReserveRequest, SettleRequest } from "../../durable-objects/limiter/contract.ts";
import { guardedClientLogin, type ClientLogin } from "../../workers/login/client-login.ts";
import type { LoginAttempt } from "../../workers/login/login-budgets.ts";
import { LoginGuard, type Guarded } from "../../workers/login/login-guard.ts";
import { UnderWay } from "../../workers/login/under-way.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";

export const settings = { failures: 5, windowMs: 10_000 };
/** Of the built-in client. */
export const secret = "the built-in client's secret, of more than 32 characters";
const accounts = new Map([["ada", "right"]]);

/** The limiters of a mesh, the time, and everything that a guesser sees of a guard. */
export class LoginWorld {
  now = 1_000_000_000;
  readonly waits: number[] = [];
  /** Each call to a limiter, without what differs by name. */
  readonly calls: string[] = [];
  readonly unreachable = new Set<string>();
  /** Limits whose places are taken, and nobody is told of it. */
  readonly deaf = new Set<string>();
  tried = 0;
  readonly guard: LoginGuard;
  readonly #ledgers = new Map<string, MemoryLedger>();
  readonly #objects = new Map<string, Budgets>();
  readonly #edges = new Map<number, LoginWorld>();
  readonly #shared: LoginWorld | null;

  readonly #settings: typeof settings;

  constructor(of = settings, shared: LoginWorld | null = null) {
    this.#settings = of;
    this.#shared = shared;
    this.guard = new LoginGuard({
      limiter: (limit) => ({
        reserve: async (request: ReserveRequest) => {
          checkReserve(request);
          this.calls.push(`reserve ${limit} ${request.cost} of ${request.rule.quota}`);
          const answer = this.#object(limit).reserve(request, this.now);
          if (this.deaf.has(limit)) throw new Error("the answer got lost");
          return answer;
        },
        settle: async (request: SettleRequest) => {
          checkSettle(request);
          this.calls.push(`settle ${limit} ${request.cost}`);
          return this.#object(limit).settle(request, this.now);
        },
      }),
      settings: of,
      wait: async (ms) => this.waits.push(ms),
      underWay: new UnderWay(() => this.now),
    });
  }

  /** Another edge before the same limiters. */
  at(edge: number): LoginWorld {
    const known = this.#edges.get(edge) ?? new LoginWorld(this.#settings, this);
    this.#edges.set(edge, known);
    return known;
  }

  /** A login as the password grant makes it: unknown accounts have a secret that nothing matches. */
  login(account: string, given: string, address: string | null = "192.0.2.1"): Promise<Guarded<boolean>> {
    return this.attempt({ kind: "account", account, address }, async () => accounts.get(account) === given);
  }

  attempt(attempt: LoginAttempt, check: () => Promise<boolean>): Promise<Guarded<boolean>> {
    return this.guard.guard(attempt, () => this.#counted(check), Boolean);
  }

  /** `count` attempts at once. */
  flood(count: number, one: (index: number) => Promise<Guarded<boolean>>): Promise<readonly Guarded<boolean>[]> {
    return Promise.all(Array.from({ length: count }, (_, index) => one(index)));
  }

  /** There is no client but the built-in one. */
  client(client: string, given: string, address = "192.0.2.1"): Promise<ClientLogin> {
    const credential = { client, secrets: [given] };
    const clientsOf = () => ({ check: async () => ({ kind: "wrong" as const }) });
    return guardedClientLogin(this.guard, clientsOf, { address }, credential, { MESH_ADMIN_SECRET: secret });
  }

  /** All objects die and come back with their storage. */
  crash(): void {
    this.#objects.clear();
  }

  #counted(check: () => Promise<boolean>): Promise<boolean> {
    this.tried += 1;
    return check();
  }

  #object(limit: string): Budgets {
    if (this.#shared !== null) return this.#shared.#object(limit);
    if (this.unreachable.has(limit)) throw new Error("the object is gone");
    const ledger = this.#ledgers.get(limit) ?? new MemoryLedger();
    this.#ledgers.set(limit, ledger);
    const object = this.#objects.get(limit) ?? new Budgets(ledger);
    this.#objects.set(limit, object);
    return object;
  }
}
