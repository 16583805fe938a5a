/** Why a request is not let by, and the challenge that goes with it (RFC 6750 section 3). */
import type { RefusalReason, RefusedCode } from "../workers/token/reasons.ts";

export interface TokenRefusal {
  readonly code: RefusedCode | "token_missing" | "insufficient_scope" | "forbidden";
  /** Those that the middleware wants. */
  readonly scopes: readonly string[];
  /** Which check of the token failed. For logs: no answer tells it by itself. */
  readonly reason?: RefusalReason;
}

interface Told {
  readonly status: number;
  readonly title: string;
  /** Of the challenge; "" for one without, null for no challenge. */
  readonly error: string | null;
}

const told: Readonly<Record<TokenRefusal["code"], Told>> = {
  token_missing: { status: 401, title: "A token is required", error: "" },
  malformed_token: { status: 400, title: "The credentials are malformed", error: "invalid_request" },
  token_invalid: { status: 401, title: "The token is not accepted", error: "invalid_token" },
  token_expired: { status: 401, title: "The token has expired", error: "invalid_token" },
  token_revoked: { status: 401, title: "The token was revoked", error: "invalid_token" },
  insufficient_scope: { status: 403, title: "Not allowed", error: "insufficient_scope" },
  forbidden: { status: 403, title: "Not allowed", error: null },
  not_current: { status: 503, title: "Nobody can say whether the token holds", error: null },
};

export function toldOf({ code }: TokenRefusal): Told {
  return told[code];
}

/** `realm` and scopes have no character that would end a quoted string. */
export function challengeOf(refusal: TokenRefusal, realm: string): string | null {
  const { error } = toldOf(refusal);
  if (error === null) return null;
  const parameters = [`realm="${realm}"`];
  if (error !== "") parameters.push(`error="${error}"`);
  if (refusal.code === "insufficient_scope") parameters.push(`scope="${refusal.scopes.join(" ")}"`);
  return `Bearer ${parameters.join(", ")}`;
}
