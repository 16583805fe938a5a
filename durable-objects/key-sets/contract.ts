/**
 * KeySets: one object per outside issuer fetches its key set for the whole mesh, at most once per TTL, and once per
 * cooldown when a token names an unknown key. The set travels as an event `keys`, retained per issuer.
 * Nothing in a token ever chooses a URL.
 */
import type { KeysData } from "../keyring/contract.ts";

/** How long after its fetch a set may be used while its issuer is down, unless the configuration says otherwise, ms. */
export const maxStaleMs = 86_400_000;

export interface KeySetSource {
  readonly issuer: string;
  /** Where the keys are; null means by discovery from the issuer (RFC 8414, OpenID Connect Discovery). */
  readonly jwksUri: string | null;
  /** How long a fetched set is used without asking again, ms. */
  readonly ttlMs: number;
  /** The least time between two fetches because of an unknown key id, ms. */
  readonly cooldownMs: number;
  /** How long after its fetch a set may be used at all, ms. An edge of the version before does not say it. */
  readonly maxStaleMs?: number;
}

export interface KeySetsRequest {
  readonly v: 1;
  readonly source: KeySetSource;
  /** The key id a token named that the asker does not know; null when the asker's set is merely old. */
  readonly missing: string | null;
  /** How often the asker has used a set past its TTL since it last said so; absent when it does not count. */
  readonly staleUses?: number;
}

export type KeySetsAnswer =
  | ({ readonly v: 1; readonly kind: "keys" } & KeysData)
  /** The issuer could not be asked, and there is no set that may still be used. */
  | { readonly v: 1; readonly kind: "unavailable"; readonly retryAfterMs: number };

/**
 * `due` is past its TTL, and asked for at its next use; `stale` is past it because the issuer could not be asked, and
 * still used; `ended` is past `maxStaleMs`, and tokens are refused until a fetch succeeds.
 */
export type KeySetState = "none" | "fresh" | "due" | "stale" | "ended";

export type FetchFailure =
  | "unreachable"
  | "status_unexpected"
  | "answer_too_large"
  | "answer_malformed"
  | "metadata_issuer_wrong"
  | "jwks_uri_refused";

/** Why a published key is not taken. */
export type LeftOutReason =
  | "malformed"
  | "kind_unknown"
  | "not_for_signatures"
  | "symmetric"
  /** Its private half is published with it, or elsewhere in the set. */
  | "private_half_published"
  /** The set has another key under the same id. */
  | "key_id_repeated";

export interface LeftOutKey {
  /** As far as it is readable. */
  readonly kid: string | null;
  readonly reason: LeftOutReason;
}

/** For the operator. Instants in ms since 1970. */
export interface KeySetDescription {
  readonly v: 1;
  readonly state: KeySetState;
  readonly keyIds: readonly string[];
  readonly leftOut: readonly LeftOutKey[];
  readonly fetchedAt: number | null;
  /** When the set is used no more, unless it is fetched again before. */
  readonly endsAt: number | null;
  /** In a row. */
  readonly failures: number;
  readonly lastFailure: FetchFailure | null;
  /** Not before this is the issuer asked again; null when nothing holds it back. */
  readonly retryAt: number | null;
  /** Verifications by a stale set, since there is this object, as far as edges have told them. */
  readonly staleUses: number;
}

export interface KeySetsSettings {
  readonly environment: string;
}

export interface KeySetsContract {
  keys(request: KeySetsRequest): Promise<KeySetsAnswer>;
  /** How things stand. Fetches nothing. */
  describe(request: { readonly v: 1; readonly source: KeySetSource }): Promise<KeySetDescription>;
}
