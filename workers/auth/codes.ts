/**
 * Authorization codes (RFC 6749 section 4.1, RFC 7636, RFC 9700): kept before they are handed out, good once, and used up
 * last of all: a code cannot be tried again.
 */
import type { CodeGrant, CodeUse, Grant } from "../../durable-objects/grants/contract.ts";
import { newFamily, readCode, writeCode, writeRefresh } from "./grant-text.ts";
import { standingOf } from "./cut-off.ts";
import { asked, endedMeanwhile, holderAs, holderOf } from "./holder.ts";
import { handOut, signFor, type Given, type Signed } from "./issue.ts";
import { notGiven, unreachable, type AuthParts, type Client, type NotGiven, type Person } from "./parts.ts";
import { challengeOf } from "./pkce.ts";
import { targetOf, wrongTarget, type Target } from "./target.ts";

/** RFC 6749 section 4.1.2 allows ten minutes; a browser needs none of them. */
const codeLifeMs = 60_000;
const spent = notGiven("grant_invalid", "invalid_grant", "the code is not good, or no longer");
/** It may be used, and sent again it would end what came of it. */
const unknown = notGiven(
  "outcome_unknown",
  "temporarily_unavailable",
  "the code was sent and no answer came: log in again",
);

const tooOld = notGiven("token_invalid", "access_denied", "log in again");

/** By what somebody is known. What is revoked or changed after `at`, ms since 1970, holds for what comes of it. */
export interface Proof {
  /** A password that was right just now, or a token of before. */
  readonly by: "password" | "token";
  readonly at: number;
}

export interface CodeAsk {
  readonly person: Person;
  readonly proof: Proof;
  readonly client: Client;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly scopes: readonly string[];
  readonly target: Target;
}

export async function giveCode(
  parts: AuthParts,
  ask: CodeAsk,
): Promise<{ readonly kind: "code"; readonly text: string } | NotGiven> {
  const { person, client, redirectUri, codeChallenge, scopes, target } = ask;
  const family = newFamily();
  const standing = await sinceWhen(parts, ask, family);
  if (standing.kind === "not_given") return standing;
  const { startedAt } = standing;
  const now = parts.now();
  const { refresh, ttlSeconds } = parts.settings;
  // As of a family: it ends so long after the login, which an older token may have been.
  const endsAt = refresh === null ? now + ttlSeconds * 1_000 : startedAt + refresh.ttlSeconds * 1_000;
  if (endsAt <= now) return tooOld;
  const code: CodeGrant = {
    family,
    subject: person.name,
    client: client.id,
    scopes,
    resources: target.isChosen ? target.resources : null,
    startedAt,
    endsAt,
    redirectUri,
    codeChallenge,
    codeEndsAt: now + codeLifeMs,
  };
  const kept = await asked(parts.grants(family).keepCode({ v: 1, code }));
  return kept?.kind === "kept" ? { kind: "code", text: await writeCode(family, parts.key) } : unreachable;
}

/** Only a password is worth a wait: a token from before a cut-off is never good again. */
async function sinceWhen(
  parts: AuthParts,
  { person, proof, client }: CodeAsk,
  family: string,
): Promise<{ readonly kind: "since"; readonly startedAt: number } | NotGiven> {
  const { by, at } = proof;
  if (by === "password") {
    const standing = await standingOf(parts, { person, provenAt: at }, { client: client.id, family });
    return standing.kind === "not_given" ? standing : { kind: "since", startedAt: standing.startedAt };
  }
  const holder = await holderAs(parts, person, { subject: person.name, client: client.id, family, startedAt: at });
  if (holder.kind === "not_given") return holder;
  if (holder.kind === "holds") return { kind: "since", startedAt: at };
  return tooOld;
}

export interface CodeRequest {
  readonly code: string;
  readonly verifier: string;
  readonly redirectUri: string;
  readonly resources: readonly string[];
}

export async function redeemCode(parts: AuthParts, request: CodeRequest, client: Client): Promise<Given | NotGiven> {
  const { settings, key } = parts;
  const family = await readCode(request.code, key);
  if (family === null) return spent;
  const codeChallenge = await challengeOf(request.verifier);
  const { redirectUri } = request;
  const keepsFamily = settings.refresh !== null;
  const use: CodeUse = { family, client: client.id, redirectUri, codeChallenge, keepsFamily };
  const seen = await asked(parts.grants(family).peek({ v: 1, family, use }));
  if (seen === null) return unreachable;
  if (seen.kind === "ended" || seen.would === "refused" || seen.grant.client !== client.id) return spent;
  // What was used before ends what came of it: nothing is signed for it.
  const signed = seen.would === "reused" ? null : await signFirst(parts, seen.grant, client, request.resources);
  if (signed?.kind === "not_given") return signed;
  const next = keepsFamily ? await writeRefresh({ family, generation: 1 }, key) : null;
  const used = await asked(parts.grants(family).redeemCode({ v: 1, ...use }));
  if (used === null) return unknown;
  if (used.kind === "reused") await parts.tell(used.events);
  return used.kind === "redeemed" && signed !== null ? handOut(parts, signed, next) : spent;
}

async function signFirst(
  parts: AuthParts,
  grant: Grant,
  client: Client,
  resources: readonly string[],
): Promise<Signed | NotGiven> {
  const lookedAt = parts.now();
  const holder = await holderOf(parts, grant);
  if (holder.kind === "not_given") return holder;
  if (holder.kind !== "holds") return spent;
  const target = targetOf(resources, { client, granted: grant.resources ?? null }, parts);
  if (target === null) return wrongTarget;
  const { roles, tenant, claims } = holder.who;
  const { subject: name, scopes, family } = grant;
  const ground = { lookedAt, lookAgain: () => endedMeanwhile(parts, grant) };
  return signFor(parts, { name, client: client.id, roles, tenant, claims, scopes, target, family }, ground);
}
