/** A revocation as an event: what it names, from when, and until when it must be known. */
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import type { RevocationData, RevocationTarget } from "../../durable-objects/revocations/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import { afterExpiryMs, loginLifeMs, tokenLifeMs } from "./revocation-life.ts";

export interface RevocationTerms {
  /** Who revokes: the client's or subject's name. */
  readonly by: string;
  /** Of the event, and so of the revocation; random by default. */
  readonly id?: string;
  /**
   * ms since 1970. By default now for what names logins (subject, client, tenant, issuer), so that the next login is a
   * good one; whenever they were issued (null) for what names a token, a family or a key.
   */
  readonly issuedBefore?: number | null;
  /** When the last token that it names expires by its own word, ms since 1970; by default as late as any token may. */
  readonly endsAt?: number;
  /** Nobody lifts it. */
  readonly isFinal?: true;
}

/** The end of the year 9999. */
const never = 253_402_300_799_000;

/** `target` names something; `now` in ms since 1970. */
export function revocationEvent(
  mesh: Pick<Mesh, "tokens" | "issuers">,
  target: RevocationTarget,
  terms: RevocationTerms & { readonly now: number },
): NewEvent & { readonly data: RevocationData } {
  const { by, now, id = crypto.randomUUID(), issuedBefore = cutOffOf(target, now), isFinal } = terms;
  const endsAt =
    terms.endsAt === undefined
      ? endOf(mesh, target, issuedBefore, now)
      : Math.min(never, terms.endsAt + afterExpiryMs(mesh, target.issuer ?? null));
  const cutOff = issuedBefore === null ? {} : { issuedBefore };
  const final = isFinal === undefined ? {} : { isFinal };
  const event = { id, type: "revocation", data: { ...target, ...cutOff, endsAt, by, since: now, ...final } };
  return endsAt >= never ? { ...event, retain: retainOf(id) } : event;
}

/** `revocation`: what it lifts. */
export function liftedEvent(id: string, revocation: RevocationData): NewEvent {
  const event = { id: crypto.randomUUID(), type: "revocation_lifted", data: { id } };
  return revocation.endsAt >= never ? { ...event, retain: retainOf(id) } : event;
}

function cutOffOf(target: RevocationTarget, now: number): number | null {
  const { token, jti, family, kid } = target;
  return [token, jti, family, kid].every((name) => name === undefined) ? now : null;
}

function endOf(
  mesh: Pick<Mesh, "tokens" | "issuers">,
  target: RevocationTarget,
  issuedBefore: number | null,
  now: number,
): number {
  const { token, jti, family, issuer = null } = target;
  const from = Math.max(now, issuedBefore ?? now);
  if (token !== undefined || jti !== undefined) return from + tokenLifeMs(mesh, issuer);
  // Whoever has a key goes on signing with it: without a cut-off nothing of it is ever good again.
  if (issuedBefore === null && family === undefined) return never;
  return from + loginLifeMs(mesh, issuer);
}

/** What never ends is kept by the Log for whoever comes late, until it is lifted. */
function retainOf(id: string): string {
  return `revocation/${id}`;
}
