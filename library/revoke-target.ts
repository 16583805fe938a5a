/** What a revocation names, as a program says it. Whatever it says wrong is thrown back before anything is done. */
import type { RevocationTarget } from "../durable-objects/revocations/contract.ts";

/** All that are given must fit a token (AND). */
export interface TokensNamed {
  readonly jti?: string;
  readonly subject?: string;
  /** `client_id`, or what the rules say. */
  readonly client?: string;
  readonly tenant?: string;
  /** `sid`: all tokens that came of one login. */
  readonly family?: string;
  /** The key that signed them. */
  readonly kid?: string;
  /** The issuer of the verifier, alone: all of its tokens. */
  readonly issuer?: string;
}

/** One token by its text, which its issuer must have signed; or all that are named so. */
export type RevokeTarget = { readonly token: string } | TokensNamed;

const names = ["jti", "subject", "client", "tenant", "family", "kid", "issuer"] as const;
/** No token is longer. */
const longestName = 8_192;

/** Always of one issuer: the others' tokens are none of its business. */
export function targetOf(target: TokensNamed, issuer: string): RevocationTarget {
  const given = Object.entries(target);
  if (given.length === 0) throw mistake(`one of token, ${names.join(", ")}`, "none of them");
  for (const [name, value] of given) {
    if (!(names as readonly string[]).includes(name)) throw mistake(`one of token, ${names.join(", ")}`, name);
    // A name that is not there would make one condition less, and end the tokens of many instead of one's.
    const isName = typeof value === "string" && value !== "" && value.length <= longestName;
    if (!isName) throw mistake(`${name}, a text of 1 to ${longestName} characters`, receivedOf(value));
  }
  const { issuer: named = issuer } = target;
  if (named !== issuer) throw mistake(`the issuer ${issuer}`, named);
  return { ...target, issuer };
}

export function tokenText(target: { readonly token: string }): string {
  const { token, ...more } = target;
  const [other] = Object.keys(more);
  if (other !== undefined) throw mistake("a token alone", other);
  // Its text is shown nowhere.
  if (typeof token !== "string") throw mistake("token, a text", typeof token);
  return token;
}

export function mistake(expected: string, received: string): TypeError {
  return new TypeError(`cannot revoke: expected ${expected}: received ${received}`);
}

function receivedOf(value: unknown): string {
  return typeof value === "string" ? `${value.length} characters` : typeof value;
}
