/** The KeySets object: one outside issuer's keys, fetched once for the whole mesh. */
import { DurableObject } from "cloudflare:workers";
import type { KeysData } from "../keyring/contract.ts";
import { keySetsName } from "../names.ts";
import { Outbox, outboxTable } from "../platform/outbox.ts";
import { migrate } from "../platform/schema.ts";
import { logStub } from "../stubs.ts";
import {
  maxStaleMs,
  type KeySetsAnswer,
  type KeySetsContract,
  type KeySetSource,
  type KeySetsRequest,
  type KeySetsSettings,
} from "./contract.ts";
import { afterFailure, afterSuccess, mayFetch, retryAfterMs } from "./fetch-policy.ts";
import { isNews, keySetTable, load, save, type Kept } from "./kept-set.ts";
import { fetchKeySet, type FetchOutcome, type Get } from "./key-set-fetch.ts";

/** For discovery and the set together, ms. */
const fetchTimeoutMs = 5_000;

export class KeySets extends DurableObject<Env> implements KeySetsContract {
  readonly #settings: KeySetsSettings;
  readonly #outbox: Outbox;
  #kept: Kept;
  #flight: Promise<void> | null = null;

  constructor(state: DurableObjectState, env: Env, settings: KeySetsSettings) {
    super(state, env);
    this.#settings = settings;
    migrate(state.storage, [keySetTable, outboxTable]);
    this.#kept = load(state.storage.sql);
    this.#outbox = new Outbox({
      storage: state.storage,
      publish: (events) => logStub(env, settings.environment).publish({ v: 1, events, ack: "none", timeoutMs: 0 }),
      random: Math.random,
      now: Date.now,
    });
    void state.blockConcurrencyWhile(() => this.#outbox.rearm());
  }

  async keys({ source, missing }: KeySetsRequest): Promise<KeySetsAnswer> {
    this.#checkName(source);
    const isMissing = missing !== null && !this.#has(missing);
    if (this.#flight !== null || mayFetch(this.#kept.record, source, isMissing, Date.now())) await this.#fetch(source);
    return this.#answer(source);
  }

  override async alarm(): Promise<void> {
    await this.#outbox.drain();
  }

  /** Everyone who comes while a fetch is under way gets that one. */
  async #fetch(source: KeySetSource): Promise<void> {
    this.#flight ??= this.#fetchOnce(source).finally(() => {
      this.#flight = null;
    });
    await this.#flight;
  }

  async #fetchOnce(source: KeySetSource): Promise<void> {
    const now = Date.now();
    const outcome = await fetchKeySet(source, get, AbortSignal.timeout(fetchTimeoutMs));
    this.#keep(source, outcome, now);
    // Not waited for: the set is good without the Log, and the alarm sends what this does not.
    this.ctx.waitUntil(this.#outbox.drain());
  }

  #keep(source: KeySetSource, outcome: FetchOutcome, now: number): void {
    const { storage } = this.ctx;
    const before = this.#kept;
    if (outcome.kind === "failed") {
      const record = afterFailure(before.record, now, Math.random());
      console.warn({
        event: "key_set_not_fetched",
        issuer: source.issuer,
        reason: outcome.reason,
        detail: outcome.detail,
        failures: record.failures,
      });
      save(storage.sql, { ...before, record });
      this.#kept = { ...before, record };
      return;
    }
    const record = afterSuccess(before.record, now);
    const tell = isNews(before, outcome.keys, now, source.ttlMs);
    const kept: Kept = { record, keys: outcome.keys, publishedAt: tell ? now : before.publishedAt };
    const data: KeysData = { issuer: source.issuer, keys: outcome.keys, fetchedAt: record.fetchedAt };
    storage.transactionSync(() => {
      save(storage.sql, kept);
      if (tell)
        this.#outbox.add({ id: `keys-${crypto.randomUUID()}`, type: "keys", data, retain: `keys:${source.issuer}` });
    });
    this.#kept = kept;
  }

  #answer(source: KeySetSource): KeySetsAnswer {
    const { record, keys } = this.#kept;
    const now = Date.now();
    if (keys === null || record.fetchedAt === null || now - record.fetchedAt > maxStaleMs) {
      return { v: 1, kind: "unavailable", retryAfterMs: retryAfterMs(record, now) };
    }
    return { v: 1, kind: "keys", issuer: source.issuer, keys, fetchedAt: record.fetchedAt };
  }

  #has(keyId: string): boolean {
    return this.#kept.keys?.some((key) => key.kid === keyId) ?? false;
  }

  /** The name is made of the configured issuer: another source here would be a defect, and would mix two issuers' keys. */
  #checkName(source: KeySetSource): void {
    const expected = keySetsName(this.#settings.environment, source.issuer);
    if (this.ctx.id.name !== expected) throw new Error(`cannot give keys: this object is not that of ${source.issuer}`);
  }
}

/** A redirect is an answer like another, and not the one that is wanted; the platform's own cache stays out of it. */
const get: Get = (url, { signal }) =>
  fetch(url, { signal, redirect: "manual", cache: "no-store", headers: { Accept: "application/json" } });
