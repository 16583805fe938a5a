/** Families of refresh tokens: begun by a login, carried on by each use, ended by a reuse. */
import type { Grant, RefreshUse } from "../../durable-objects/grants/contract.ts";
import { newFamily, readRefresh, writeRefresh } from "./grant-text.ts";
import { standingOf, type Proven } from "./cut-off.ts";
import { asked, endedMeanwhile, holderOf } from "./holder.ts";
import { handOut, issue, signFor, type Given, type Signed, type Subject } from "./issue.ts";
import { notGiven, unreachable, type AuthParts, type Client, type NotGiven, type Person } from "./parts.ts";
import { commonScopes, grantScopes } from "./scopes.ts";
import { targetOf, wrongTarget, type Target } from "./target.ts";

const spent = notGiven("grant_invalid", "invalid_grant", "the refresh token is not good, or no longer");
const clientMissing = notGiven("malformed_request", "invalid_request", "client_id: expected");
/** The use may have been noted: who sends the same again within `graceMs` gets the same answer. */
const unknown = notGiven(
  "outcome_unknown",
  "temporarily_unavailable",
  "no answer came: within graceMs it is good again",
);

interface Wish {
  readonly scope: string | undefined;
  readonly resources: readonly string[];
}

/** The first tokens after a login; with `refresh` in the configuration also a refresh token. */
export async function beginFamily(
  parts: AuthParts,
  proven: Proven,
  {
    client,
    scopes: wanted,
    target,
  }: { readonly client: string | null; readonly scopes: readonly string[]; readonly target: Target },
): Promise<Given | NotGiven> {
  const { settings, key } = parts;
  const family = newFamily();
  const standing = await standingOf(parts, proven, { client, family });
  if (standing.kind === "not_given") return standing;
  const { who, startedAt, lookedAt } = standing;
  const { name, roles, tenant, claims } = who;
  const scopes = wanted.filter((scope) => who.scopes.includes(scope));
  const subject: Subject = { name, client, roles, tenant, claims, scopes, target, family };
  const held = { subject: name, client, family, startedAt };
  const ground = { lookedAt, lookAgain: () => endedMeanwhile(parts, held) };
  if (settings.refresh === null) return issue(parts, subject, ground);
  // Signed first: a Keyring that is away leaves no families behind that nobody has.
  const signed = await signFor(parts, subject, ground);
  if (signed.kind === "not_given") return signed;
  const endsAt = startedAt + settings.refresh.ttlSeconds * 1_000;
  const resources = target.isChosen ? target.resources : null;
  const grant: Grant = { ...held, scopes, resources, endsAt };
  const next = await writeRefresh({ family, generation: 1 }, key);
  const begun = await asked(parts.grants(family).begin({ v: 1, grant }));
  return begun === null ? unreachable : handOut(parts, signed, next);
}

/**
 * ms since 1970. A lifetime that was shortened since holds for families from before, too: a revocation is known no longer
 * than it.
 */
export function endOf(
  { startedAt, endsAt }: Pick<Grant, "startedAt" | "endsAt">,
  { ttlSeconds }: { readonly ttlSeconds: number },
): number {
  return Math.min(endsAt, startedAt + ttlSeconds * 1_000);
}

/** What the client and the account may by now of what the login gave. */
export function scopesLeft(grant: Grant, client: Client | null, { scopes }: Pick<Person, "scopes">): readonly string[] {
  return commonScopes(grant.scopes, client?.scopes ?? null).filter((each) => scopes.includes(each));
}

/**
 * RFC 6749 section 6. All that may fail comes before the token is used up: whoever cannot be told of a successor now must
 * not lose the login by it. What changed since the login ends it; what was revoked is refused for as long as that holds.
 */
export async function refresh(
  parts: AuthParts,
  text: string,
  client: Client | null,
  wish: Wish,
): Promise<Given | NotGiven> {
  const { settings, key } = parts;
  const read = settings.refresh === null ? null : await readRefresh(text, key);
  if (settings.refresh === null || read === null) return spent;
  const { family } = read;
  const { graceMs } = settings.refresh;
  const use: RefreshUse = { ...read, client: client?.id ?? null, graceMs };
  const askedAt = parts.now();
  const seen = await asked(parts.grants(family).peek({ v: 1, family, use }));
  if (seen === null) return unreachable;
  if (seen.kind === "ended" || endOf(seen.grant, settings.refresh) <= askedAt) return spent;
  const { grant } = seen;
  if (client === null && grant.client !== null) return clientMissing;
  if (seen.would === "refused" || grant.client !== use.client) return spent;
  // What was used before ends the family: nothing is signed for it.
  const signed = seen.would === "reused" ? null : await signNext(parts, grant, client, wish);
  if (signed?.kind === "not_given") return signed;
  // A retry that came within the grace is not too late by what had to be asked meanwhile.
  const sinceMs = signed === null || graceMs === 0 ? 0 : Math.max(0, parts.now() - askedAt);
  const next = await successorOf(parts, { ...use, graceMs: graceMs + sinceMs });
  if (next.kind === "not_given") return next;
  return signed === null ? spent : handOut(parts, signed, next.text);
}

async function signNext(
  parts: AuthParts,
  grant: Grant,
  client: Client | null,
  { scope, resources }: Wish,
): Promise<Signed | NotGiven> {
  const { family } = grant;
  const lookedAt = parts.now();
  const holder = await holderOf(parts, grant);
  if (holder.kind === "not_given") return holder;
  // A revocation may be lifted, and then this is good again.
  if (holder.kind === "revoked") return spent;
  if (holder.kind === "ended") return endedFor(parts, family);
  const { roles, tenant, claims } = holder.who;
  const scopes = grantScopes(scope, scopesLeft(grant, client, holder.who));
  if (scopes.kind !== "granted")
    return notGiven("malformed_request", "invalid_scope", "scope: expected no more than before");
  const target = targetOf(resources, { client, granted: grant.resources ?? null }, parts);
  if (target === null) return wrongTarget;
  const named = { name: grant.subject, client: grant.client, roles, tenant, claims, family };
  const ground = { lookedAt, lookAgain: () => endedMeanwhile(parts, grant) };
  return signFor(parts, { ...named, scopes: scopes.scopes, target }, ground);
}

async function successorOf(
  parts: AuthParts,
  use: RefreshUse,
): Promise<{ readonly kind: "next"; readonly text: string } | NotGiven> {
  const { family } = use;
  const used = await asked(parts.grants(family).refresh({ v: 1, ...use }));
  if (used === null) return unknown;
  if (used.kind === "reused") await parts.tell(used.events);
  if (used.kind !== "refreshed") return spent;
  return { kind: "next", text: await writeRefresh({ family, generation: used.generation }, parts.key) };
}

/** Best effort: a family that cannot be told of its end is refused all the same, each time. */
async function endedFor(parts: AuthParts, family: string): Promise<NotGiven> {
  const ended = await asked(parts.grants(family).end({ v: 1, family, by: "account_changed" }));
  if (ended !== null) await parts.tell(ended.events);
  return spent;
}
