/** Logging in with a name and a password, guarded: every attempt is counted before its password is looked at. */
import type { AccountFacts } from "../../durable-objects/accounts/contract.ts";
import type { Isolate } from "../isolate.ts";
import { isBuiltIn } from "../token/admin-client.ts";
import { loginGuardOf } from "../login/client-login.ts";
import type { LoginAttempt } from "../login/login-budgets.ts";
import type { LoginGuard } from "../login/login-guard.ts";
import type { AccountSource, ReadAccount } from "./account-source.ts";
import { accountSourceOf } from "./configured-source.ts";
import { accountNameOf } from "./names.ts";

export type AccountLogin =
  | { readonly kind: "right"; readonly facts: AccountFacts }
  /** Whether there is such an account is not told. */
  | { readonly kind: "wrong" }
  /** Too many failed, or are under way. */
  | { readonly kind: "refused"; readonly retryAfterMs: number }
  /** Nobody could count it, or nobody could say. */
  | { readonly kind: "unreachable"; readonly service?: string };

export type From = Pick<LoginAttempt, "address" | "zone">;

export function accountLogin(isolate: Isolate, from: From, name: string, password: string): Promise<AccountLogin> {
  return guardedLogin(loginGuardOf(isolate), accountSourceOf(isolate), from, name, password);
}

/** For refresh and renewal. `proofChangedAt` and `createdAt` say since when a login counts. */
export async function readAccount(isolate: Isolate, name: string): Promise<ReadAccount> {
  const known = accountNameOf(name);
  return known === null || isBuiltIn(known) ? { kind: "missing" } : await accountSourceOf(isolate).read(known);
}

export async function guardedLogin(
  guard: Pick<LoginGuard, "guard">,
  source: Pick<AccountSource, "login">,
  from: From,
  name: string,
  password: string,
): Promise<AccountLogin> {
  const account = accountNameOf(name);
  // Nobody can have such a name, which tells nothing of those that somebody has.
  if (account === null || isBuiltIn(account)) return { kind: "wrong" };
  const guarded = await guard.guard(
    { kind: "account", account, ...from },
    () => source.login(account, password, from.address),
    // A password that nobody has looked at gives its place back.
    (looked) => looked.kind === "right" || (looked.kind === "unreachable" && !looked.wasTried),
  );
  if (guarded.kind !== "checked") return guarded;
  const { result } = guarded;
  if (result.kind !== "unreachable") return result;
  const { service } = result;
  return { kind: "unreachable", ...(service === undefined ? {} : { service }) };
}
