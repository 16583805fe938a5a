/**
 * What a token is for (RFC 8707): the resources that were asked for, if all of them may be; else all that its client is
 * bound to, under the mesh's usual audience. Pure.
 */
import type { Identity } from "../token/identity.ts";
import { boundOf, isCovered, resourceForm } from "../token/resources.ts";
import type { AuthParts, Client, NotGiven } from "./parts.ts";

export interface Target {
  /** null: bound to nothing. */
  readonly resources: readonly string[] | null;
  /** Asked for: then they are the token's audience, too. */
  readonly isChosen: boolean;
}

export interface TargetBounds {
  /** null where none asks. */
  readonly client: Pick<Client, "resources"> | null;
  /** What was chosen before: nothing that comes of it is for more. */
  readonly granted: readonly string[] | null;
}

export const wrongTarget = {
  kind: "not_given",
  code: "malformed_request",
  error: "invalid_target",
  detail: "resource: expected resources of the client, and no more than before",
} as const satisfies NotGiven;

/** What a client without resources of its own may choose from. */
const ofMesh = /^(?:service:(.+)|(?:lock|limit):.+)$/;
const mostAsked = 20;

/** null: one of them is unknown, or not for this client. */
export function targetOf(
  asked: readonly string[],
  { client, granted }: TargetBounds,
  { settings, services }: Pick<AuthParts, "settings" | "services">,
): Target | null {
  const bound = client?.resources ?? [];
  // The mesh by its own name is what a token is for when nothing is said.
  const isWhole = granted === null && (asked.length === 0 || asked.includes(settings.audience));
  const wanted = asked.length === 0 ? (granted ?? []) : asked.filter((one) => !isWhole || one !== settings.audience);
  const isFor = (one: string): boolean =>
    resourceForm.test(one) &&
    (granted === null ? isKnown(one, services, bound) : isCovered(one, granted)) &&
    (bound.length === 0 || isCovered(one, bound));
  if (asked.length > mostAsked || !wanted.every(isFor)) return null;
  if (isWhole) return { resources: bound.length === 0 ? null : bound, isChosen: false };
  return { resources: [...new Set(wanted)], isChosen: true };
}

/** What a verified token of the mesh's own is for. */
export function targetOfToken(identity: Identity, { settings }: Pick<AuthParts, "settings">): Target {
  const resources = boundOf(identity, settings.issuer);
  return { resources, isChosen: resources !== null && identity.claims["aud"] !== settings.audience };
}

/** Kinds that the mesh does not know are known by a client that is bound to them. */
function isKnown(resource: string, services: AuthParts["services"], bound: readonly string[]): boolean {
  const found = ofMesh.exec(resource);
  if (found === null) return bound.length > 0;
  const [, service] = found;
  return service === undefined || service.endsWith("*") || services.has(service);
}
