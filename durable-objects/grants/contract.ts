/**
 * Grants: authorization codes and families of refresh tokens, a shard of them by the hash of the family's id. The single
 * place that decides who uses a code or a refresh token first (T7).
 *
 * Neither is kept here as text: a code names its family, a refresh token its family and its number in it, and both carry
 * a MAC that the edge checks before it asks. So a made-up one costs no call, and a lost answer can be given again.
 */
import type { NewEvent } from "../log/contract.ts";

/** What came of a login, and is carried from token to token. */
export interface Grant {
  /** Random, 128 bits in base64url; the `sid` of its access tokens. */
  readonly family: string;
  readonly subject: string;
  /** null where the token endpoint was asked by nobody but the account itself (RESTHeart's way). */
  readonly client: string | null;
  readonly scopes: readonly string[];
  /** Those that were asked for (RFC 8707): nothing that comes of it is for more. null, or absent, for none. */
  readonly resources?: readonly string[] | null;
  /** ms since 1970: when whoever it is proved who they are. What was revoked or changed since then holds for it. */
  readonly startedAt: number;
  /** ms since 1970: no refresh token of it is good any more. */
  readonly endsAt: number;
}

export interface CodeGrant extends Grant {
  readonly redirectUri: string;
  /** RFC 7636: base64url of the SHA-256 of the verifier. */
  readonly codeChallenge: string;
  /** ms since 1970: the code itself is good no longer than this. */
  readonly codeEndsAt: number;
}

export type Redeemed =
  | { readonly kind: "redeemed"; readonly grant: Grant }
  /** Unknown, past its end, another client's, another redirect, or a wrong verifier. */
  | { readonly kind: "refused" }
  /** It was used before: the family is ended, and `events` are owed to the Log. */
  | { readonly kind: "reused"; readonly events: readonly NewEvent[] };

export type Refreshed =
  /** `generation` is the number of the refresh token to hand out: for a retry within `graceMs` the one of before. */
  | { readonly kind: "refreshed"; readonly grant: Grant; readonly generation: number }
  | { readonly kind: "refused" }
  | { readonly kind: "reused"; readonly events: readonly NewEvent[] };

export interface CodeUse {
  readonly family: string;
  readonly client: string;
  readonly redirectUri: string;
  /** base64url of the SHA-256 of the verifier that was sent. */
  readonly codeChallenge: string;
  /** The family begins with it, at generation 1. */
  readonly keepsFamily: boolean;
}

export interface RefreshUse {
  readonly family: string;
  readonly generation: number;
  readonly client: string | null;
  readonly graceMs: number;
}

/** What a use would come to, were it made now. */
export type Would = "good" | "refused" | "reused";

export type Peeked =
  | {
      readonly kind: "live";
      readonly grant: Grant;
      /** Of the refresh token that is good now, 0 while there is none. */
      readonly generation: number;
      /** Absent where no use was named, and where older code answers. */
      readonly would?: Would;
    }
  /** `events` told of its end: none where it is unknown or past its time, and where older code answers. */
  | { readonly kind: "ended"; readonly events?: readonly NewEvent[] };

export interface GrantsContract {
  /** Keeps a code that was not handed out yet. */
  keepCode(request: { readonly v: 1; readonly code: CodeGrant }): Promise<{ readonly kind: "kept" | "conflict" }>;
  redeemCode(request: CodeUse & { readonly v: 1 }): Promise<Redeemed>;
  /** Begins a family, at generation 1. */
  begin(request: { readonly v: 1; readonly grant: Grant }): Promise<{ readonly kind: "begun" | "conflict" }>;
  refresh(request: RefreshUse & { readonly v: 1 }): Promise<Refreshed>;
  /** Uses nothing, and says what `use` would come to. */
  peek(request: { readonly v: 1; readonly family: string; readonly use?: CodeUse | RefreshUse }): Promise<Peeked>;
  /** Ends it: idempotent. `events` say so to the mesh, for the access tokens that came of it. */
  end(request: {
    readonly v: 1;
    readonly family: string;
    readonly by: string;
  }): Promise<{ readonly events: readonly NewEvent[] }>;
}

export interface GrantsSettings {
  readonly environment: string;
  /** Whose access tokens end with a family. */
  readonly issuer: string;
  readonly longestTokenMs: number;
}
