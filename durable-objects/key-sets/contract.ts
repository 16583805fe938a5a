/**
 * KeySets: one object per outside issuer fetches its key set for the whole mesh, at most once per TTL, and once per
 * cooldown when a token names an unknown key. The set travels as an event `keys`, retained per issuer.
 * Nothing in a token ever chooses a URL.
 */
import type { KeysData } from "../keyring/contract.ts";

/** A set that was fetched longer ago than this is not used any more, ms: until then an issuer may be down. */
export const maxStaleMs = 86_400_000;

export interface KeySetSource {
  readonly issuer: string;
  /** Where the keys are; null means by discovery from the issuer (RFC 8414, OpenID Connect Discovery). */
  readonly jwksUri: string | null;
  /** How long a fetched set is used without asking again, ms. */
  readonly ttlMs: number;
  /** The least time between two fetches because of an unknown key id, ms. */
  readonly cooldownMs: number;
}

export interface KeySetsRequest {
  readonly v: 1;
  readonly source: KeySetSource;
  /** The key id a token named that the asker does not know; null when the asker's set is merely old. */
  readonly missing: string | null;
}

export type KeySetsAnswer =
  | ({ readonly v: 1; readonly kind: "keys" } & KeysData)
  /** The issuer could not be asked, and there is no set that may still be used. */
  | { readonly v: 1; readonly kind: "unavailable"; readonly retryAfterMs: number };

export interface KeySetsSettings {
  readonly environment: string;
}

export interface KeySetsContract {
  keys(request: KeySetsRequest): Promise<KeySetsAnswer>;
}
