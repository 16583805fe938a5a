/**
 * Whether a client's secret is right, guarded.
 *
 * The built-in client's is looked at before the guard: it is 32 random bytes or more, which nobody guesses, and it must
 * open the mesh while strangers try to lock it out or the limiters cannot be asked. A wrong one is counted like any
 * other client's, and answered like an unknown client's.
 */
import type { AccountFacts, AccountsContract } from "../../durable-objects/accounts/contract.ts";
import { accountsStub, limiterStub } from "../../durable-objects/stubs.ts";
import { proofOf } from "../account/proof.ts";
import { isName } from "../config/shapes.ts";
import type { Isolate } from "../isolate.ts";
import { reach } from "../limit/reach.ts";
import { adminFacts, isAdmin, type AdminSecrets } from "../token/admin-client.ts";
import type { ClientCredential } from "../token/client-credential.ts";
import type { LoginAttempt } from "./login-budgets.ts";
import { LoginGuard } from "./login-guard.ts";
import { UnderWay } from "./under-way.ts";

/** Whether there is such a client is not told. */
type Checked =
  | { readonly kind: "right"; readonly facts: AccountFacts }
  /** `unreachable`: nobody could count it, or nobody could say. */
  | { readonly kind: "wrong" | "unreachable" };
export type ClientLogin = Checked | { readonly kind: "refused"; readonly retryAfterMs: number };

export type ReadClient =
  | { readonly kind: "found"; readonly facts: AccountFacts }
  /** `missing`: also one that is disabled or past its end. */
  | { readonly kind: "missing" | "unreachable" };

type ClientsOf = (client: string) => Pick<AccountsContract, "check">;
type From = Pick<LoginAttempt, "address" | "zone">;

/** Of this isolate. */
const underWay = new UnderWay();

/** What it counts is in the limiters; an isolate knows only what is under way in it. */
export function loginGuardOf({ env, mesh }: Pick<Isolate, "env" | "mesh">): LoginGuard {
  return new LoginGuard({
    limiter: (limit, budget) => limiterStub(env, mesh.environment, limit, budget),
    settings: mesh.loginGuard,
    wait: (ms) => scheduler.wait(ms),
    underWay,
  });
}

export function clientLogin(isolate: Isolate, from: From, credential: ClientCredential): Promise<ClientLogin> {
  const { env, mesh } = isolate;
  const clientsOf: ClientsOf = (client) => accountsStub(env, mesh.environment, client);
  return guardedClientLogin(loginGuardOf(isolate), clientsOf, from, credential, env);
}

export async function guardedClientLogin(
  guard: Pick<LoginGuard, "guard">,
  clientsOf: ClientsOf,
  from: From,
  credential: ClientCredential,
  secrets: AdminSecrets,
): Promise<ClientLogin> {
  if (await isAdmin(credential, secrets)) return { kind: "right", facts: adminFacts };
  const guarded = await guard.guard(
    { kind: "client", account: credential.client, ...from },
    () => checkClient(clientsOf, credential),
    // A secret that nobody has looked at gives its place back.
    ({ kind }) => kind !== "wrong",
  );
  return guarded.kind === "checked" ? guarded.result : guarded;
}

/** Without a secret: for public clients, and for refresh. */
export async function readClient({ env, mesh }: Pick<Isolate, "env" | "mesh">, client: string): Promise<ReadClient> {
  if (client === adminFacts.name) return { kind: "found", facts: adminFacts };
  if (!isName(client)) return { kind: "missing" };
  const asked = await reach(() =>
    accountsStub(env, mesh.environment, client).facts({ v: 1, kind: "client", name: client }),
  );
  return asked.kind === "unreachable" ? { kind: "unreachable" } : asked.answer;
}

/** A name that no client can have costs no call; all others cost the same one. */
async function checkClient(clientsOf: ClientsOf, { client, secrets }: ClientCredential): Promise<Checked> {
  if (!isName(client) || client === adminFacts.name) return { kind: "wrong" };
  const proofs = await Promise.all(secrets.map((secret) => proofOf(secret)));
  const asked = await reach(() => clientsOf(client).check({ v: 1, kind: "client", name: client, proofs }));
  return asked.kind === "unreachable" ? { kind: "unreachable" } : asked.answer;
}
