/** An account or a client as it is kept, and when what somebody brings proves it. */
import type { AccountFacts, PasswordParameters, Proof } from "./contract.ts";

export interface AccountRecord {
  readonly facts: AccountFacts;
  /** null: nothing proves it. */
  readonly proof: Proof | null;
  /** How a password became the proof; null for secrets. */
  readonly parameters: PasswordParameters | null;
  /** Clients: the secret before this one. `endsAt` null: until the next rotation. */
  readonly previous: { readonly proof: Proof; readonly endsAt: number | null } | null;
  /** Clients: somebody has logged in with the newest secret, so somebody has it. */
  readonly isProofUsed: boolean;
}

/** What is compared where there is nothing to compare, for as long as a proof would be. It proves nothing. */
const noProof = "-".repeat(43);

export function isUsable(
  { isDisabled, expiresAt }: Pick<AccountFacts, "isDisabled" | "expiresAt">,
  now: number,
): boolean {
  return !isDisabled && (expiresAt === null || now < expiresAt);
}

/** The secret before the newest one, while it holds. */
export function previousOf({ previous }: AccountRecord, now: number): AccountRecord["previous"] {
  return previous === null || (previous.endsAt !== null && now >= previous.endsAt) ? null : previous;
}

/** Which secret one of the proofs fits. The same comparisons are made for everybody, an unknown one included. */
export function secretProven(
  record: AccountRecord | null,
  proofs: readonly Proof[],
  now: number,
): "newest" | "previous" | null {
  const newest = record?.proof ?? noProof;
  const older = record === null ? null : previousOf(record, now);
  const previous = older?.proof ?? noProof;
  let [fitsNewest, fitsPrevious] = [false, false];
  for (const proof of proofs) {
    fitsNewest = isSame(newest, proof) || fitsNewest;
    fitsPrevious = isSame(previous, proof) || fitsPrevious;
  }
  if (record === null || !isUsable(record.facts, now)) return null;
  if (fitsNewest && record.proof !== null) return "newest";
  return fitsPrevious && older !== null ? "previous" : null;
}

/** In the time that the longer of both takes, wherever they differ. */
export function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    difference |= (one.charCodeAt(index) || 0) ^ (other.charCodeAt(index) || 0);
  }
  return difference === 0;
}
