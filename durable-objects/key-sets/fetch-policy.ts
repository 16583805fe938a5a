/**
 * When an issuer may be asked for its keys (rule T5): bounded by time alone, whatever tokens say and however many ask.
 * Once per TTL; once per cooldown because of an unknown key id; once per backoff step while the issuer fails.
 */
import type { KeySetSource } from "./contract.ts";

export interface FetchRecord {
  /** When the last good fetch began, ms since 1970; null before the first. */
  readonly fetchedAt: number | null;
  /** When the last fetch began, good or not. */
  readonly triedAt: number | null;
  /** Failures in a row. */
  readonly failures: number;
  /** Not before this, because of failures. */
  readonly retryAt: number;
}

export const newRecord: FetchRecord = { fetchedAt: null, triedAt: null, failures: 0, retryAt: 0 };

const firstBackoffMs = 1_000;
const longestBackoffMs = 300_000;

/** `isMissing`: the asker named a key id that the set here has not. */
export function mayFetch(record: FetchRecord, source: KeySetSource, isMissing: boolean, now: number): boolean {
  if (now < record.retryAt) return false;
  if (record.fetchedAt === null) return true;
  // A clock that was set back makes a set neither fresh nor old; asking again is the safe reading.
  const ageMs = now - record.fetchedAt;
  if (ageMs >= source.ttlMs || ageMs < -source.ttlMs) return true;
  return isMissing && now - (record.triedAt ?? 0) >= source.cooldownMs;
}

/** Instants of good fetches only grow: by them an edge tells the newer of two sets. */
export function afterSuccess(record: FetchRecord, now: number): FetchRecord & { readonly fetchedAt: number } {
  const fetchedAt = Math.max(now, (record.fetchedAt ?? 0) + 1);
  return { fetchedAt, triedAt: now, failures: 0, retryAt: 0 };
}

/** Doubled each time, at most five minutes; jitter takes up to a half, so that issuers do not get all askers at once. */
export function afterFailure(record: FetchRecord, now: number, random: number): FetchRecord {
  const wholeMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(record.failures, 20));
  return {
    ...record,
    triedAt: now,
    failures: record.failures + 1,
    retryAt: now + Math.ceil(wholeMs * (1 - random / 2)),
  };
}

/** How long an asker without a set may wait before it asks again, ms. */
export function retryAfterMs(record: FetchRecord, now: number): number {
  return Math.max(1_000, record.retryAt - now);
}
