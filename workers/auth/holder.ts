/** Whether what a login began may go on: the account is read again, and held against what was changed or revoked since. */
import type { Grant } from "../../durable-objects/grants/contract.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";
import { namedBy } from "./issue.ts";
import { notCurrent, notGiven, unreachable, type AuthParts, type NotGiven, type Person } from "./parts.ts";

export type Holder =
  | { readonly kind: "holds"; readonly who: Person }
  /** The account is gone or has another password. */
  | { readonly kind: "ended" }
  | { readonly kind: "revoked" }
  | NotGiven;

/** What is held against the account and the revocations of now. */
export type Held = Pick<Grant, "subject" | "client" | "family" | "startedAt">;

export async function holderOf(parts: AuthParts, held: Held): Promise<Holder> {
  const found = await parts.people.read(held.subject);
  if (found.kind === "unreachable") return unreachable;
  return found.kind === "missing" ? { kind: "ended" } : holderAs(parts, found.who, held);
}

/** The same of an account that was read a moment ago. */
export async function holderAs(parts: AuthParts, who: Person, held: Held): Promise<Holder> {
  const { subject, client, family, startedAt } = held;
  if (who.proofChangedAt > startedAt) return { kind: "ended" };
  const until = await parts.revokedUntil(namedBy({ name: subject, client, tenant: who.tenant, family }), startedAt);
  if (until === "unknown") return notCurrent;
  return until === null ? { kind: "holds", who } : { kind: "revoked" };
}

/** For a token that was signed late; null: it may be given. */
export async function endedMeanwhile(parts: AuthParts, held: Held): Promise<NotGiven | null> {
  const holder = await holderOf(parts, held);
  if (holder.kind === "not_given") return holder;
  return holder.kind === "holds" ? null : notGiven("token_invalid", "invalid_grant", "revoked");
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
