/**
 * One issuer's keys, fetched by this isolate for itself: what the object KeySets does for all isolates of a Worker, by
 * the same rules of when and how, without its storage and without telling the others.
 */
import type { KeySetsAnswer, KeySetsContract, KeySetsRequest } from "../durable-objects/key-sets/contract.ts";
import {
  afterFetch,
  answerFrom,
  nothingKept,
  wantsFetch,
  type Kept,
} from "../durable-objects/key-sets/key-set-book.ts";
import { fetchKeySet, type Get } from "../durable-objects/key-sets/key-set-fetch.ts";

/** For discovery and the set together, ms. */
const fetchTimeoutMs = 5_000;

export class IsolateKeys implements Pick<KeySetsContract, "keys"> {
  #kept: Kept = nothingKept;

  /** Whoever asks keeps the calls apart. */
  async keys(request: KeySetsRequest): Promise<KeySetsAnswer> {
    const { source } = request;
    const startedAt = Date.now();
    if (wantsFetch(this.#kept, request, startedAt)) {
      const outcome = await fetchKeySet(source, get, AbortSignal.timeout(fetchTimeoutMs));
      const fetched = { startedAt, endedAt: Date.now(), random: Math.random() };
      this.#kept = afterFetch(this.#kept, source, outcome, fetched).kept;
      if (outcome.kind === "failed") {
        const { reason, detail } = outcome;
        console.warn({ event: "key_set_not_fetched", issuer: source.issuer, reason, detail });
      }
    }
    return answerFrom(this.#kept, source, Date.now());
  }
}

/** A redirect is an answer like another, and not the one that is wanted; the platform's own cache stays out of it. */
const get: Get = (url, { signal }) =>
  fetch(url, { signal, redirect: "manual", cache: "no-store", headers: { Accept: "application/json" } });
