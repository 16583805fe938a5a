/** Who is asking: what an accepted token said. An identity is the pair of issuer and subject, everywhere. */
import type { RefusalReason, RefusedCode } from "./reasons.ts";

export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly client: string | null;
  /** Counts within its issuer. */
  readonly tenant: string | null;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** What came of a token. `not_current`: no region could prove that the keys known here are current. */
export type Verdict =
  | { readonly kind: "accepted"; readonly identity: Identity }
  /** `reason` is for logs and counters; a client is told the code alone. */
  | { readonly kind: "refused"; readonly code: RefusedCode; readonly reason?: RefusalReason };
