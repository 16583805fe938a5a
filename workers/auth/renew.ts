/** A token in place of one that is good still (RESTHeart's `renew`): the account is read again, and may have lost it all. */
import type { Identity } from "../token/identity.ts";
import { newFamily } from "./grant-text.ts";
import { endedMeanwhile, holderOf } from "./holder.ts";
import { ownClient } from "../token/admin-client.ts";
import { issue, type Given } from "./issue.ts";
import { targetOfToken } from "./target.ts";
import { notGiven, type AuthParts, type NotGiven } from "./parts.ts";

/**
 * Since when what comes of a token counts, ms since 1970. `iat` has whole seconds, and the password may be as new as the
 * token. One that was changed later in the same second ends the token by a revocation, and is not told from it by its
 * date.
 */
export function issuedAtOf({ claims }: Pick<Identity, "claims">): number {
  return typeof claims["iat"] === "number" ? claims["iat"] * 1_000 + 999 : 0;
}

/** Of a verified token of the mesh's own, which a Region has just said to be good. */
export async function renew(parts: AuthParts, identity: Identity): Promise<Given | NotGiven> {
  const { subject, client, scopes, claims } = identity;
  // A client has its secret, and needs no renewal.
  if (subject === client) return notGiven("forbidden", "unauthorized_client", "only an account's token is renewed");
  const family = typeof claims["sid"] === "string" ? claims["sid"] : newFamily();
  const startedAt = issuedAtOf(identity);
  const named = client === ownClient ? null : client;
  const held = { family, subject, client: named, startedAt };
  const lookedAt = parts.now();
  const holder = await holderOf(parts, held);
  if (holder.kind === "not_given") return holder;
  if (holder.kind !== "holds")
    return notGiven("token_invalid", "invalid_grant", "the account has changed: log in again");
  const { roles, tenant, claims: own, scopes: allowed } = holder.who;
  const kept = scopes.filter((scope) => allowed.includes(scope));
  const target = targetOfToken(identity, parts);
  const renewed = { name: subject, client: named, roles, tenant, claims: own, scopes: kept, target, family };
  return issue(parts, renewed, { lookedAt, lookAgain: () => endedMeanwhile(parts, held) });
}
