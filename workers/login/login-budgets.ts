/**
 * The three budgets that an attempt counts in. Their keys are digests: accounts' names are typed by strangers, often in
 * the wrong field, and no object needs to read them.
 */
import { sourceOf } from "../limit/source.ts";

export interface LoginAttempt {
  /** Accounts and clients of one name are counted apart. */
  readonly kind: "account" | "client";
  readonly account: string;
  /** Canonical; null when there is none. All without one are one neighbour. */
  readonly address: string | null;
  /** `CF-Worker`: the zone of the Worker that asks. */
  readonly zone?: string | undefined;
}

export interface LoginBudgets {
  readonly pair: string;
  readonly account: string;
  readonly address: string;
}

/** A /64 is the least that a site is given (RFC 6177): whoever has one of its addresses has all of them. */
const prefix = { ipv4: 32, ipv6: 64 } as const;

export async function budgetsOf(attempt: LoginAttempt): Promise<LoginBudgets> {
  const { kind, account, address, zone } = attempt;
  const source = sourceOf(address, () => zone, prefix);
  const name = kind === "account" ? foldedName(account) : account;
  const [pair, byAccount, byAddress] = await Promise.all([
    digestOf([kind, name, source]),
    digestOf([kind, name]),
    digestOf([source]),
  ]);
  return { pair, account: byAccount, address: byAddress };
}

/**
 * A service may take many spellings for one name, and each must not have guesses of its own: compatible forms, case,
 * accents, spaces and what is not seen count for nothing here. Names that only differ so share what is counted.
 */
function foldedName(name: string): string {
  // Upper case first: it knows ß and ſ.
  return name
    .normalize("NFKD")
    .toUpperCase()
    .toLowerCase()
    .replaceAll(/[\p{M}\p{Cf}\p{DI}\s]/gu, "");
}

/** JSON keeps the parts apart, and lone surrogates too. */
async function digestOf(parts: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(parts));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
