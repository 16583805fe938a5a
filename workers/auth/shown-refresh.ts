/** What a refresh token is good for, without using it: what its refresh would give, and refuse (RFC 7662 section 2.2). */
import type { Grant } from "../../durable-objects/grants/contract.ts";
import { endOf, scopesLeft } from "./families.ts";
import { readRefresh } from "./grant-text.ts";
import { asked, holderOf } from "./holder.ts";
import { unreachable, type AuthParts, type NotGiven } from "./parts.ts";

export type Shown =
  | { readonly kind: "good"; readonly grant: Grant; readonly scopes: readonly string[]; readonly endsAt: number }
  | { readonly kind: "none" }
  | NotGiven;

const none: Shown = { kind: "none" };

/** The one before it, which is good for a retry within `graceMs`, is none: whoever has its successor should use that. */
export async function showRefresh(parts: AuthParts, text: string): Promise<Shown> {
  const { refresh: rules } = parts.settings;
  const read = rules === null ? null : await readRefresh(text, parts.key);
  if (rules === null || read === null) return none;
  const { family, generation } = read;
  const seen = await asked(parts.grants(family).peek({ v: 1, family }));
  if (seen === null) return unreachable;
  if (seen.kind === "ended" || seen.generation !== generation) return none;
  const { grant } = seen;
  const endsAt = endOf(grant, rules);
  if (endsAt <= parts.now()) return none;
  const client = grant.client === null ? null : await parts.people.client(grant.client);
  if (client?.kind === "unreachable") return unreachable;
  if (client?.kind === "missing") return none;
  const holder = await holderOf(parts, grant);
  if (holder.kind === "not_given") return holder;
  if (holder.kind !== "holds") return none;
  return { kind: "good", grant, scopes: scopesLeft(grant, client?.who ?? null, holder.who), endsAt };
}
