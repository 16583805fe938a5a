/** The events that a change owes: what was done and by whom, and which tokens end with it. No proof is in either. */
import type { NewEvent } from "../log/contract.ts";
import { longestKeyCacheMs, type AccountFacts, type AccountKind, type ApiKeyFacts, type Change } from "./contract.ts";

/** `data` of an event of type `audit`. */
export interface AuditData {
  readonly actor: string;
  /** `account_created`, `client_secret_rotated`, `key_removed`, ... */
  readonly action: string;
  /** `account:ada`, `client:loom`, `key:ID`. */
  readonly target: string;
  /** null for nothing there. */
  readonly before: AccountFacts | ApiKeyFacts | null;
  readonly after: AccountFacts | ApiKeyFacts | null;
  readonly requestId: string;
  /** ms since 1970. */
  readonly at: number;
}

/** What the events need beside the change itself. */
export interface Occasion extends Change {
  readonly issuer: string;
  readonly longestTokenMs: number;
  readonly newId: () => string;
  /** ms since 1970. */
  readonly now: number;
}

/** Clocks of two hosts may be 250 ms apart, and `exp` has whole seconds. */
const afterLastTokenMs = 2_000;

export function audit(
  action: string,
  target: string,
  { before, after }: Pick<AuditData, "before" | "after">,
  { by, requestId, newId, now }: Occasion,
): NewEvent {
  const data: AuditData = { actor: by, action, target, before, after, requestId, at: now };
  return { id: `audit-${newId()}`, type: "audit", data };
}

/** Ends the tokens that this name got until now: an account's as their subject, a client's and those got through it. */
export function tokensEnd(
  kind: AccountKind,
  name: string,
  { by, issuer, longestTokenMs, newId, now }: Occasion,
): NewEvent {
  const target = kind === "account" ? { subject: name } : { client: name };
  const endsAt = now + longestTokenMs + afterLastTokenMs;
  const data = { ...target, issuer, issuedBefore: now, endsAt, by, since: now, isFinal: true };
  return { id: `revocation-${newId()}`, type: "revocation", data };
}

/** Ends what isolates have kept of a key; whoever asks from now on hears that there is none. */
export function keyEnds(id: string, { by, issuer, newId, now }: Occasion): NewEvent {
  const data = { jti: id, issuer, endsAt: now + 2 * longestKeyCacheMs, by, since: now, isFinal: true };
  return { id: `revocation-${newId()}`, type: "revocation", data };
}
