/**
 * Accounts of a service: its own login says whether a password is right, and its answer what the account may do. The
 * mesh keeps that answer, without a password, so that a token can be renewed.
 */
import type { ServiceLogin } from "../config/mesh.ts";
import { reach } from "../limit/reach.ts";
import type { Refusal } from "../problem/problem.ts";
import { readKept, type AccountsOf, type AccountSource, type LookedUp, type ReadAccount } from "./account-source.ts";
import { passwordOf } from "./names.ts";
import { toldFacts } from "./told-facts.ts";
import { upstreamLogin, type Fetch, type UpstreamLogin } from "./upstream-login.ts";

export interface ServiceAccountsParts {
  readonly accountsOf: AccountsOf;
  readonly login: ServiceLogin;
  /** Where the service is; a refusal when that cannot be said. */
  readonly origin: () => string | Refusal;
  /** The field that shows the service that it is the mesh: null where it wants none, `unproved` where there is none now. */
  readonly prove: () => Promise<readonly [name: string, value: string] | null | "unproved">;
  readonly fetch: Fetch;
}

const notTried = { kind: "unreachable", wasTried: false } as const;
const tried = { kind: "unreachable", wasTried: true } as const;

export class ServiceAccounts implements AccountSource {
  readonly #parts: ServiceAccountsParts;

  constructor(parts: ServiceAccountsParts) {
    this.#parts = parts;
  }

  async login(name: string, password: string, address: string | null): Promise<LookedUp> {
    const { accountsOf, login } = this.#parts;
    if (passwordOf(password) === null) return { kind: "wrong" };
    const origin = this.#parts.origin();
    if (typeof origin !== "string") return this.#failed(origin.detail ?? origin.code, notTried);
    const proof = await this.#parts.prove();
    if (proof === "unproved") return this.#failed("no assertion could be made", notTried);
    const asked = { origin, proof, fetch: this.#parts.fetch };
    const answered: UpstreamLogin = await upstreamLogin({ name, password, address }, login, asked);
    if (answered.kind === "wrong") return answered;
    if (answered.kind === "failed") return this.#failed(answered.reason, answered.wasAnswered ? tried : notTried);
    const facts = toldFacts(answered.answer, name, login);
    if (facts === null) return this.#failed("its answer says no such name, roles, tenant, scopes or claims", tried);
    const kept = await reach(() => accountsOf(facts.name).remember({ v: 1, facts }));
    if (kept.kind === "unreachable") {
      this.#failed("its answer could not be kept: the mesh's own Accounts object gave none", notTried);
      // The password was right: that is no guess, and must not lock anybody out.
      return notTried;
    }
    return kept.answer.kind === "refused" ? { kind: "wrong" } : { kind: "right", facts: kept.answer.facts };
  }

  read(name: string): Promise<ReadAccount> {
    return readKept(this.#parts.accountsOf, name);
  }

  /** Neither a name nor anything of the answer: what is wrong is the operator's to mend. */
  #failed(reason: string, lookedUp: typeof tried | typeof notTried): LookedUp {
    const service = this.#parts.login.service.name;
    console.warn({ event: "login_not_answered", service, reason });
    return { ...lookedUp, service };
  }
}
