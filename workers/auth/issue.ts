/** An access token for whoever has proved who they are, and what is said with it. */
import { ownClient } from "../token/admin-client.ts";
import { cannotSign, notGiven, unreachable, type AuthParts, type Named, type NotGiven } from "./parts.ts";
import type { Target } from "./target.ts";

export interface Subject {
  readonly name: string;
  readonly roles: readonly string[];
  readonly tenant: string | null;
  /** Further claims of its account or client. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** null for an account that asks by itself. */
  readonly client: string | null;
  readonly scopes: readonly string[];
  readonly target: Target;
  /** null for what cannot be refreshed, and was not begun by a login. */
  readonly family: string | null;
}

export interface Given {
  readonly kind: "given";
  readonly token: string;
  /** ms since 1970. */
  readonly expiresAt: number;
  readonly ttlSeconds: number;
  readonly refreshToken: string | null;
  readonly subject: Subject;
}

/** What no account's own claims stand in for (RFC 9068 section 2.2, RFC 7519 section 4.1). */
const kept = new Set([
  "iss",
  "sub",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "client_id",
  "resources",
  "scope",
  "roles",
  "tenant",
  "sid",
  "cnf",
  "act",
]);

/** Nobody takes a longer one. */
const longestToken = 8_192;
/** A cut-off ends what is issued up to a second later, and clocks of two hosts may be 250 ms apart. */
const freshMs = 750;

/** What a token rests on. */
export interface Ground {
  /** What was changed or revoked by then is known, ms since 1970. */
  readonly lookedAt: number;
  /** null: it still holds. */
  readonly lookAgain: () => Promise<NotGiven | null>;
}

/** A token that nobody has yet: thrown away it harms nobody. */
export type Signed = { readonly kind: "signed" } & Pick<Given, "token" | "expiresAt" | "subject">;

/** For what uses nothing up. */
export async function issue(parts: AuthParts, subject: Subject, ground: Ground): Promise<Given | NotGiven> {
  const signed = await signFor(parts, subject, ground);
  return signed.kind === "signed" ? handOut(parts, signed, null) : signed;
}

/** Whether a token of now would be dated past a cut-off that was not known at `lookedAt`, and outlive it. */
export function isLate({ now }: Pick<AuthParts, "now">, lookedAt: number): boolean {
  return now() - lookedAt > freshMs;
}

/**
 * All that can fail comes here, before a code or a refresh token is used up for the token: what fails later loses a
 * login. It is dated here, too: a cut-off that comes until it is handed out ends it.
 */
export async function signFor(
  parts: AuthParts,
  subject: Subject,
  { lookedAt, lookAgain }: Ground,
): Promise<Signed | NotGiven> {
  const signed = await askKeyring(parts, subject);
  if (signed === null) return { ...unreachable, detail: "the Keyring could not be asked" };
  if (signed.kind === "refused") return cannotSign;
  const ended = isLate(parts, lookedAt) ? await lookAgain() : null;
  if (ended !== null) return ended;
  const { token, expiresAt } = signed;
  if (token.length > longestToken) {
    return notGiven(
      "malformed_request",
      "invalid_request",
      `the token would be longer than ${longestToken} characters`,
    );
  }
  return { kind: "signed", token, expiresAt, subject };
}

export function handOut(
  { settings }: Pick<AuthParts, "settings">,
  { token, expiresAt, subject }: Signed,
  refreshToken: string | null,
): Given {
  return { kind: "given", token, expiresAt, ttlSeconds: settings.ttlSeconds, refreshToken, subject };
}

async function askKeyring({ sign, settings }: AuthParts, subject: Subject) {
  const { audience, ttlSeconds } = settings;
  try {
    return await sign({ v: 1, type: "at+jwt", claims: claimsOf(subject, audience), ttlSeconds });
  } catch (error) {
    console.warn({ event: "keyring_unreachable", error: error instanceof Error ? error.message : "unknown" });
    return null;
  }
}

function claimsOf(subject: Subject, audience: string): Readonly<Record<string, unknown>> {
  const { name, client, roles, tenant, scopes, target, family } = subject;
  const own = Object.entries(subject.claims).filter(([claim]) => !kept.has(claim));
  return {
    ...Object.fromEntries(own),
    aud: target.isChosen ? target.resources : audience,
    ...(target.resources === null ? {} : { resources: target.resources }),
    sub: name,
    client_id: client ?? ownClient,
    roles,
    scope: scopes.join(" "),
    ...(tenant === null ? {} : { tenant }),
    ...(family === null ? {} : { sid: family }),
  };
}

/** What its tokens will say: by these a revocation names them. */
export function namedBy({
  name,
  client,
  tenant,
  family,
}: Pick<Subject, "name" | "client" | "tenant" | "family">): Named {
  return { subject: name, client: client ?? ownClient, tenant, family };
}
