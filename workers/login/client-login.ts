/**
 * Whether a client's secret is right, guarded.
 *
 * The built-in client's is looked at before the guard: it is 32 random bytes or more, which nobody guesses, and it must
 * open the mesh while strangers try to lock it out or the limiters cannot be asked. A wrong one is counted like any
 * other client's, and answered like an unknown client's.
 */
import { limiterStub } from "../../durable-objects/stubs.ts";
import type { Isolate } from "../isolate.ts";
import { isAdmin, type AdminSecrets } from "../token/admin-client.ts";
import type { ClientCredential } from "../token/client-credential.ts";
import type { LoginAttempt } from "./login-budgets.ts";
import { LoginGuard } from "./login-guard.ts";
import { UnderWay } from "./under-way.ts";

export type ClientLogin =
  | { readonly kind: "right" | "wrong" | "unreachable" }
  | { readonly kind: "refused"; readonly retryAfterMs: number };

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

export async function clientLogin(
  guard: LoginGuard,
  credential: ClientCredential,
  from: Pick<LoginAttempt, "address" | "zone">,
  secrets: AdminSecrets,
): Promise<ClientLogin> {
  if (await isAdmin(credential, secrets)) return { kind: "right" };
  const guarded = await guard.guard({ kind: "client", account: credential.client, ...from }, noOtherClient, Boolean);
  return guarded.kind === "checked" ? { kind: guarded.result ? "right" : "wrong" } : guarded;
}

/** The built-in client is the only one. */
async function noOtherClient(): Promise<boolean> {
  return false;
}
