/** What a change makes of an account or a client, and whether tokens from before it must end. Pure. */
import type { AccountFacts, AccountSettings, PutAccount } from "./contract.ts";
import { isSame, previousOf, type AccountRecord } from "./record.ts";

export interface Changed {
  readonly record: AccountRecord;
  readonly hasTakenProof: boolean;
  /** Tokens that were issued before say something that holds no longer. */
  readonly endsTokens: boolean;
}

/** null: all of it holds already. */
export function changedBy(before: AccountRecord | null, { facts, proof }: PutAccount, now: number): Changed | null {
  const known = before?.proof ?? null;
  const isOffered = proof !== undefined && !facts.isPublic && !(proof.onlyIfNone === true && known !== null);
  const isKnown = isOffered && known !== null && (isSame(known, proof.proof) || isSame(known, proof.unchangedIf ?? ""));
  const hasTakenProof = isOffered && !isKnown;
  const isDropped = facts.isPublic && known !== null;
  if (before === null) {
    const made = { createdAt: now, changedAt: now, proofChangedAt: now, version: 1 };
    return { record: proven(facts, made, hasTakenProof ? proof : null), hasTakenProof, endsTokens: false };
  }
  const isProofChanged = hasTakenProof || isDropped;
  if (!isProofChanged && isSaying(before.facts, facts)) return null;
  const made = {
    createdAt: before.facts.createdAt,
    changedAt: now,
    proofChangedAt: isProofChanged ? now : before.facts.proofChangedAt,
    version: before.facts.version + 1,
  };
  const record = isProofChanged
    ? proven(facts, made, hasTakenProof ? proof : null)
    : { ...before, facts: { ...facts, ...made } };
  return { record, hasTakenProof, endsTokens: isProofChanged || endsTokens(before.facts, facts, now) };
}

/** The first setting that would be lost only because nobody said it; null when none would. */
export function lostBy(
  before: AccountFacts,
  { facts, unsaid = [] }: Pick<PutAccount, "facts" | "unsaid">,
): keyof AccountSettings | null {
  return unsaid.find((setting) => canonical(before[setting]) !== canonical(facts[setting])) ?? null;
}

/** What another place says of an account; null when it said the same before. It has no proof here, and ends no token. */
export function rememberedAs(before: AccountRecord | null, facts: AccountSettings, now: number): AccountRecord | null {
  if (before !== null && isSaying(before.facts, facts)) return null;
  const made = {
    createdAt: before?.facts.createdAt ?? now,
    changedAt: now,
    proofChangedAt: before?.facts.proofChangedAt ?? now,
    version: (before?.facts.version ?? 0) + 1,
  };
  return before === null ? proven(facts, made, null) : { ...before, facts: { ...facts, ...made } };
}

/**
 * A new secret. The one of before holds on; but of two secrets a newest one that nobody has used yet is given up instead
 * of the older one: a rotation whose answer was lost is made again, and the program still runs with the older one.
 */
export function rotated(
  before: AccountRecord,
  proof: string,
  previousEndsAt: number | null,
  now: number,
): AccountRecord {
  const older = previousOf(before, now);
  const kept = older !== null && !before.isProofUsed ? older.proof : before.proof;
  const isOver = previousEndsAt !== null && previousEndsAt <= now;
  return {
    facts: { ...before.facts, changedAt: now, version: before.facts.version + 1 },
    proof,
    parameters: null,
    previous: kept === null || isOver ? null : { proof: kept, endsAt: previousEndsAt },
    isProofUsed: false,
  };
}

function proven(
  facts: AccountSettings,
  made: Omit<AccountFacts, keyof AccountSettings>,
  proof: (Pick<AccountRecord, "parameters"> & { readonly proof: string }) | null,
): AccountRecord {
  return {
    facts: { ...facts, ...made },
    proof: proof?.proof ?? null,
    parameters: proof?.parameters ?? null,
    previous: null,
    isProofUsed: false,
  };
}

/** The order of names in a list says nothing. */
function isSaying(known: AccountFacts, facts: AccountSettings): boolean {
  return (
    known.isPublic === facts.isPublic &&
    known.isDisabled === facts.isDisabled &&
    known.expiresAt === facts.expiresAt &&
    known.tenant === facts.tenant &&
    isSameSet(known.redirectUris, facts.redirectUris) &&
    isSameForTokens(known, facts)
  );
}

/** More rights end tokens, too: a token says what holds, and its next one says the new. */
function endsTokens(before: AccountFacts, facts: AccountSettings, now: number): boolean {
  const isEndedEarlier = facts.expiresAt !== null && (before.expiresAt === null || facts.expiresAt < before.expiresAt);
  const wasUsable = before.expiresAt === null || now < before.expiresAt;
  return (
    before.tenant !== facts.tenant ||
    !isSameForTokens(before, facts) ||
    (facts.isDisabled && !before.isDisabled) ||
    (isEndedEarlier && wasUsable)
  );
}

function isSameForTokens(before: AccountFacts, facts: AccountSettings): boolean {
  return (
    isSameSet(before.roles, facts.roles) &&
    isSameSet(before.scopes, facts.scopes) &&
    isSameSet(before.resources, facts.resources) &&
    canonical(before.claims) === canonical(facts.claims)
  );
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one.toSorted()) === JSON.stringify(other.toSorted());
}

/** The order of an object's members says nothing (RFC 8259 section 4). */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : member,
  );
}
