/**
 * What a KeySets object decides, without storage, network or clock: whether to fetch, what to keep of what came, what
 * to tell the mesh, and what to answer.
 */
import type { KeysData, PublicKey } from "../keyring/contract.ts";
import {
  maxStaleMs,
  type FetchFailure,
  type KeySetDescription,
  type KeySetsAnswer,
  type KeySetSource,
  type KeySetsRequest,
  type KeySetState,
  type LeftOutKey,
} from "./contract.ts";
import { afterFailure, afterSuccess, mayFetch, newRecord, retryAfterMs, type FetchRecord } from "./fetch-policy.ts";
import type { FetchOutcome } from "./key-set-fetch.ts";

export interface Kept {
  readonly record: FetchRecord;
  /** Null before the first good fetch. */
  readonly keys: readonly PublicKey[] | null;
  readonly leftOut: readonly LeftOutKey[];
  /** When the set was last put into an event. */
  readonly publishedAt: number | null;
  readonly lastFailure: FetchFailure | null;
  readonly staleUses: number;
}

export const nothingKept: Kept = {
  record: newRecord,
  keys: null,
  leftOut: [],
  publishedAt: null,
  lastFailure: null,
  staleUses: 0,
};

export interface Fetched {
  readonly kept: Kept;
  /** What everyone must hear of; null when they know it. */
  readonly told: KeysData | null;
}

export function wantsFetch(kept: Kept, { source, missing }: KeySetsRequest, now: number): boolean {
  const isMissing = missing !== null && !(kept.keys?.some(({ kid }) => kid === missing) ?? false);
  return mayFetch(kept.record, source, isMissing, now);
}

/** `startedAt`: when the fetch began, which is how old its answer may be; a backoff runs from its end. */
export function afterFetch(
  kept: Kept,
  source: KeySetSource,
  outcome: FetchOutcome,
  { startedAt, endedAt, random }: { readonly startedAt: number; readonly endedAt: number; readonly random: number },
): Fetched {
  if (outcome.kind === "failed") {
    const record = afterFailure(kept.record, endedAt, random);
    return { kept: { ...kept, record, lastFailure: outcome.reason }, told: null };
  }
  const record = afterSuccess(kept.record, startedAt);
  const { keys, leftOut } = outcome;
  const isTold = isNews(kept, keys, startedAt, source.ttlMs);
  return {
    kept: { ...kept, record, keys, leftOut, publishedAt: isTold ? startedAt : kept.publishedAt },
    told: isTold ? { issuer: source.issuer, keys, fetchedAt: record.fetchedAt } : null,
  };
}

/**
 * Whether a set that was just fetched must be told: when it changed, and else once per TTL, so that every isolate knows
 * that it is fresh and none needs to ask.
 */
function isNews(kept: Kept, keys: readonly PublicKey[], now: number, ttlMs: number): boolean {
  if (kept.keys === null || kept.publishedAt === null) return true;
  return JSON.stringify(kept.keys) !== JSON.stringify(keys) || now - kept.publishedAt >= ttlMs;
}

/**
 * Takes down what the asker has done with a stale set. One that does not count asks for an old set when it has just
 * used it. `wasStale`: before the fetch that it may have caused, because uses of an outage are told when that ends, too.
 */
export function withStaleUses(kept: Kept, request: KeySetsRequest, wasStale: boolean, now: number): Kept {
  if (!wasStale && stateOf(kept, request.source, now) !== "stale") return kept;
  const uses = request.staleUses ?? (request.missing === null ? 1 : 0);
  return uses === 0 ? kept : { ...kept, staleUses: kept.staleUses + uses };
}

export function answerFrom({ record, keys }: Kept, source: KeySetSource, now: number): KeySetsAnswer {
  const { fetchedAt } = record;
  if (keys === null || fetchedAt === null || hasEnded(fetchedAt, source, now)) {
    return { v: 1, kind: "unavailable", retryAfterMs: retryAfterMs(record, now) };
  }
  return { v: 1, kind: "keys", issuer: source.issuer, keys, fetchedAt };
}

export function stateOf({ record, keys }: Kept, source: KeySetSource, now: number): KeySetState {
  const { fetchedAt, failures } = record;
  if (keys === null || fetchedAt === null) return "none";
  if (hasEnded(fetchedAt, source, now)) return "ended";
  if (now - fetchedAt < source.ttlMs) return "fresh";
  return failures > 0 ? "stale" : "due";
}

export function describeKept(kept: Kept, source: KeySetSource, now: number): KeySetDescription {
  const { record, keys, leftOut, lastFailure, staleUses } = kept;
  const { fetchedAt, failures, retryAt } = record;
  return {
    v: 1,
    state: stateOf(kept, source, now),
    keyIds: (keys ?? []).map(({ kid }) => kid),
    leftOut,
    fetchedAt,
    endsAt: fetchedAt === null ? null : endOf(fetchedAt, source),
    failures,
    lastFailure,
    retryAt: retryAt > now ? retryAt : null,
    staleUses,
  };
}

function hasEnded(fetchedAt: number, source: KeySetSource, now: number): boolean {
  return now > endOf(fetchedAt, source);
}

function endOf(fetchedAt: number, source: KeySetSource): number {
  return fetchedAt + (source.maxStaleMs ?? maxStaleMs);
}
