/**
 * Since when a login counts, and whether what it began may go on: the account is read again, and held against what was
 * changed or revoked since.
 */
import type { Grant } from "../../durable-objects/grants/contract.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";
import { namedBy } from "./issue.ts";
import { notCurrent, unreachable, type AuthParts, type NotGiven, type Person } from "./parts.ts";

export type Holder =
  | { readonly kind: "holds"; readonly who: Person }
  /** The account is gone or has another password. */
  | { readonly kind: "ended" }
  | { readonly kind: "revoked" }
  | NotGiven;

/** Of a login that has just been right: never before its proof was made, by whatever clock. */
export function loggedInAt(parts: Pick<AuthParts, "now">, { proofChangedAt }: Pick<Person, "proofChangedAt">): number {
  return Math.max(parts.now(), proofChangedAt);
}

export async function holderOf(parts: AuthParts, grant: Grant): Promise<Holder> {
  const { subject, client, family, startedAt } = grant;
  const found = await parts.people.read(subject);
  if (found.kind === "unreachable") return unreachable;
  if (found.kind === "missing" || found.who.proofChangedAt > startedAt) return { kind: "ended" };
  const named = namedBy({ name: subject, client, tenant: found.who.tenant, family });
  const until = await parts.revokedUntil(named, startedAt);
  if (until === "unknown") return notCurrent;
  return until === null ? { kind: "holds", who: found.who } : { kind: "revoked" };
}

/** One call to a Grants object, ms. */
const callMs = 3_000;

/** Null when no answer came in time. */
export async function asked<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  try {
    const ended = await inTime(answer, callMs);
    return ended.kind === "answered" ? ended.answer : null;
  } catch (error) {
    console.warn({ event: "grants_unreachable", error: error instanceof Error ? error.message : "unknown" });
    return null;
  }
}
