/** Where accounts are: in the mesh itself, or with a service whose login is asked. */
import type { AccountFacts, AccountsContract } from "../../durable-objects/accounts/contract.ts";
import { reach } from "../limit/reach.ts";

export type LookedUp =
  | { readonly kind: "right"; readonly facts: AccountFacts }
  | { readonly kind: "wrong" }
  /** Nobody can say. `wasTried`: the password may have been looked at, and found wrong, so that it counts as a guess. */
  /** `service`: which one gave no answer that says it. */
  | { readonly kind: "unreachable"; readonly wasTried: boolean; readonly service?: string };

export type ReadAccount =
  | { readonly kind: "found"; readonly facts: AccountFacts }
  /** Also one that is disabled or past its end. */
  | { readonly kind: "missing" }
  | { readonly kind: "unreachable" };

export interface AccountSource {
  /** `name` is a name; `password` as it was typed. Takes as long for names that nobody has. */
  login(name: string, password: string, address: string | null): Promise<LookedUp>;
  /** Without a password: for refresh and renewal. */
  read(name: string): Promise<ReadAccount>;
}

export type AccountsOf = (
  name: string,
) => Pick<AccountsContract, "passwordParameters" | "check" | "facts" | "remember">;

/** What the mesh itself keeps of an account, wherever its password is. */
export async function readKept(accountsOf: AccountsOf, name: string): Promise<ReadAccount> {
  const asked = await reach(() => accountsOf(name).facts({ v: 1, kind: "account", name }));
  return asked.kind === "unreachable" ? { kind: "unreachable" } : asked.answer;
}
