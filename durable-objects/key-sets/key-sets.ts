/** The KeySets object: one outside issuer's keys, fetched once for the whole mesh. */
import { DurableObject } from "cloudflare:workers";
import { keySetsName } from "../names.ts";
import { Outbox, outboxTable } from "../platform/outbox.ts";
import { migrate } from "../platform/schema.ts";
import { logStub } from "../stubs.ts";
import type {
  KeySetDescription,
  KeySetsAnswer,
  KeySetsContract,
  KeySetSource,
  KeySetsRequest,
  KeySetsSettings,
} from "./contract.ts";
import {
  afterFetch,
  answerFrom,
  describeKept,
  stateOf,
  wantsFetch,
  withStaleUses,
  type Fetched,
  type Kept,
} from "./key-set-book.ts";
import { fetchKeySet, type FetchOutcome, type Get } from "./key-set-fetch.ts";
import { keySetColumns, keySetTable, load, save } from "./kept-set.ts";

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
    migrate(state.storage, [keySetTable, outboxTable, ...keySetColumns]);
    this.#kept = load(state.storage.sql);
    this.#outbox = new Outbox({
      storage: state.storage,
      publish: (events) => logStub(env, settings.environment).publish({ v: 1, events, ack: "none", timeoutMs: 0 }),
      random: Math.random,
      now: Date.now,
    });
    void state.blockConcurrencyWhile(() => this.#outbox.rearm());
  }

  async keys(request: KeySetsRequest): Promise<KeySetsAnswer> {
    const { source } = request;
    this.#checkName(source);
    const wasStale = stateOf(this.#kept, source, Date.now()) === "stale";
    if (this.#flight !== null || wantsFetch(this.#kept, request, Date.now())) await this.#fetch(source);
    // Written with the next fetch: a row for each report would cost more than the count is worth.
    this.#kept = withStaleUses(this.#kept, request, wasStale, Date.now());
    return answerFrom(this.#kept, source, Date.now());
  }

  async describe({ source }: { readonly source: KeySetSource }): Promise<KeySetDescription> {
    this.#checkName(source);
    return describeKept(this.#kept, source, Date.now());
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
    const startedAt = Date.now();
    const outcome = await fetchKeySet(source, get, AbortSignal.timeout(fetchTimeoutMs));
    const before = this.#kept;
    const fetched = afterFetch(before, source, outcome, { startedAt, endedAt: Date.now(), random: Math.random() });
    this.#keep(source, fetched);
    this.#report(source, outcome, before);
    // Not waited for: the set is good without the Log, and the alarm sends what this does not.
    this.ctx.waitUntil(this.#outbox.drain());
  }

  #keep({ issuer }: KeySetSource, { kept, told }: Fetched): void {
    const { storage } = this.ctx;
    storage.transactionSync(() => {
      save(storage.sql, kept);
      if (told !== null) {
        this.#outbox.add({ id: `keys-${crypto.randomUUID()}`, type: "keys", data: told, retain: `keys:${issuer}` });
      }
    });
    this.#kept = kept;
  }

  /** One line a backoff step while the issuer is down, and one when it publishes other keys that cannot be taken. */
  #report(source: KeySetSource, outcome: FetchOutcome, before: Kept): void {
    const { issuer } = source;
    if (outcome.kind === "failed") {
      const { state, failures, staleUses, endsAt } = describeKept(this.#kept, source, Date.now());
      const { reason, detail } = outcome;
      console.warn({ event: "key_set_not_fetched", issuer, reason, detail, failures, state, staleUses, endsAt });
      return;
    }
    const { leftOut } = outcome;
    if (leftOut.length > 0 && JSON.stringify(leftOut) !== JSON.stringify(before.leftOut)) {
      console.warn({ event: "keys_left_out", issuer, leftOut });
    }
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
