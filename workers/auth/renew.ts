/** A token in place of one that is good still (RESTHeart's `renew`): the account is read again, and may have lost it all. */
import type { Grant } from "../../durable-objects/grants/contract.ts";
import type { Identity } from "../token/identity.ts";
import { newFamily } from "./grant-text.ts";
import { holderOf } from "./holder.ts";
import { ownClient } from "../token/admin-client.ts";
import { issue, type Given } from "./issue.ts";
import { targetOfToken } from "./target.ts";
import { notGiven, type AuthParts, type NotGiven } from "./parts.ts";

/**
 * `iat` has whole seconds, and the password may be as new as the token. One that was changed later in the same second
 * ends the token by a revocation, and is not told from it by its date.
 */
const withinSecondMs = 999;

/** Of a verified token of the mesh's own. */
export async function renew(parts: AuthParts, identity: Identity): Promise<Given | NotGiven> {
  const { subject, client, scopes, claims, expiresAt } = identity;
  // A client has its secret, and needs no renewal.
  if (subject === client) return notGiven("forbidden", "unauthorized_client", "only an account's token is renewed");
  const family = typeof claims["sid"] === "string" ? claims["sid"] : newFamily();
  const startedAt = typeof claims["iat"] === "number" ? claims["iat"] * 1_000 + withinSecondMs : 0;
  const named = client === ownClient ? null : client;
  const grant: Grant = { family, subject, client: named, scopes, startedAt, endsAt: expiresAt * 1_000 };
  const holder = await holderOf(parts, grant);
  if (holder.kind === "not_given") return holder;
  if (holder.kind !== "holds")
    return notGiven("token_invalid", "invalid_grant", "the account has changed: log in again");
  const { roles, tenant, claims: own, scopes: allowed } = holder.who;
  const kept = scopes.filter((scope) => allowed.includes(scope));
  const target = targetOfToken(identity, parts);
  return issue(parts, { name: subject, client: named, roles, tenant, claims: own, scopes: kept, target, family }, null);
}
