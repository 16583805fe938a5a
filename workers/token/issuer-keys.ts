/**
 * What this isolate knows of one issuer's keys: the set of the view, or a newer one that it asked for itself until the
 * view catches up. Calls are bounded by time and not by tokens: a flood of unknown key ids makes one call in seconds.
 */
import type { KeysData } from "../../durable-objects/keyring/contract.ts";
import { KeySet, type VerificationKey } from "./key-set.ts";
import type { RefusalReason } from "./reasons.ts";

/** The request that something is done for: `waitUntil` lets that end in peace when the request goes away. */
export type Lifetime = Pick<ExecutionContext, "waitUntil">;

/** What this needs of the view. `keysOf` gives the same object until the view has another set. */
export interface KeysView {
  readonly cursor: { readonly epoch: string } | null | undefined;
  keysOf(issuer: string): KeysData | undefined;
}

export type AskedKeys =
  | ({ readonly kind: "keys" } & KeysData)
  | { readonly kind: "unavailable"; readonly retryAfterMs: number };

export interface IssuerKeysSource {
  readonly issuer: string;
  /** A set older than this is asked for again beside the request; ms. */
  readonly ttlMs: number;
  /** A set older than this is not used; ms. */
  readonly maxStaleMs: number;
  /** Asks the object that has the set; `missing` is a key id that is unknown here, `staleUses` what is to be told. */
  readonly ask: (missing: string | null, staleUses: number) => Promise<AskedKeys>;
}

export type KeyAnswer =
  | { readonly kind: "found"; readonly key: VerificationKey; readonly generation: KeySet }
  | {
      readonly kind: "refused";
      readonly reason: Extract<RefusalReason, "key_unknown" | "key_ambiguous" | "keys_unavailable">;
    };

/** The least time between two calls about one issuer, and the longest that one is waited for; ms. */
export const askIntervalMs = 5_000;
const leastRetryMs = 1_000;
const waitMs = 7_000;

/** One issuer's keys, wherever they come from. */
export interface KeysOfIssuer {
  /** The newest set known here; null when there is none that may still be used. */
  current(now: number): KeySet | null;
  /** The newest set as it was published. */
  data(now: number): KeysData | null;
  find(keyId: string | null, algorithm: string, context: Lifetime, now: number): KeyAnswer | Promise<KeyAnswer>;
  /** Asks, or joins who is asking, or does nothing because it was asked a moment ago. */
  ask(missing: string | null, context: Lifetime, now: number): Promise<void>;
  /** For each verification by the current set: counts one by a set past its TTL, and asks for a newer one beside it. */
  keepFresh(context: Lifetime, now: number): void;
}

export class IssuerKeys implements KeysOfIssuer {
  readonly #source: IssuerKeysSource;
  readonly #view: KeysView;
  /** The view's set as it was looked at last. */
  #seen: KeysData | undefined;
  #epoch: string | undefined;
  /** A set that was asked for and is newer than the view's. */
  #asked: KeysData | undefined;
  #used: { readonly data: KeysData; readonly generation: KeySet } | null = null;
  #flight: { readonly startedAt: number; readonly done: Promise<void> } | null = null;
  #quietUntil = 0;
  /** How often a set past its TTL was used since the object was last told. */
  #staleUses = 0;

  constructor(source: IssuerKeysSource, view: KeysView) {
    this.#source = source;
    this.#view = view;
  }

  /** The newest set known here; null when there is none that may still be used. */
  current(now: number): KeySet | null {
    const used = this.#newest();
    return used === null || now - used.data.fetchedAt > this.#source.maxStaleMs ? null : used.generation;
  }

  /** The newest set as it was published. */
  data(now: number): KeysData | null {
    return this.current(now) === null ? null : (this.#used?.data ?? null);
  }

  find(keyId: string | null, algorithm: string, context: Lifetime, now: number): KeyAnswer | Promise<KeyAnswer> {
    const generation = this.current(now);
    if (generation === null) return this.#findAnew(keyId, algorithm, context, now);
    const answer = keyIn(generation, keyId, algorithm);
    if (answer.kind === "found") this.keepFresh(context, now);
    const mayBeNew = answer.kind === "refused" && answer.reason === "key_unknown" && keyId !== null;
    return mayBeNew ? this.#findAnew(keyId, algorithm, context, now) : answer;
  }

  /** For each verification by the set of now: counts one by a set past its TTL, and asks for a newer one beside it. */
  keepFresh(context: Lifetime, now: number): void {
    if (!this.#isOld(now)) return;
    this.#staleUses += 1;
    if (!this.#isAsking(now) && !this.#isQuiet(now)) void this.ask(null, context, now);
  }

  async #findAnew(keyId: string | null, algorithm: string, context: Lifetime, now: number): Promise<KeyAnswer> {
    await this.ask(keyId, context, now);
    const generation = this.current(now);
    if (generation === null) return { kind: "refused", reason: "keys_unavailable" };
    const answer = keyIn(generation, keyId, algorithm);
    if (answer.kind === "found" && this.#isOld(now)) this.#staleUses += 1;
    return answer;
  }

  /** Asks, or joins who is asking, or does nothing because it was asked a moment ago. */
  ask(missing: string | null, context: Lifetime, now: number): Promise<void> {
    const flight = this.#flight;
    if (flight !== null && this.#isAsking(now)) return waitFor(flight.done);
    if (this.#isQuiet(now)) return Promise.resolve();
    this.#quietUntil = now + askIntervalMs;
    const done = this.#takeAnswer(missing, now);
    this.#flight = { startedAt: now, done };
    // Without this, everyone who waits hangs when the request that began it goes away.
    context.waitUntil(done);
    return waitFor(done);
  }

  async #takeAnswer(missing: string | null, now: number): Promise<void> {
    const staleUses = this.#staleUses;
    this.#staleUses = 0;
    try {
      const answer = await this.#source.ask(missing, staleUses);
      if (answer.kind === "keys") {
        this.#asked = answer;
        this.#choose();
      } else {
        this.#quietUntil = now + Math.min(askIntervalMs, Math.max(leastRetryMs, answer.retryAfterMs));
      }
    } catch (error) {
      // What is known stays in use, and is told next time; the next try is after the usual interval.
      this.#staleUses += staleUses;
      console.warn({ event: "keys_not_asked", issuer: this.#source.issuer, error: String(error) });
      this.#quietUntil = now + leastRetryMs;
    } finally {
      this.#flight = null;
    }
  }

  #newest(): { readonly data: KeysData; readonly generation: KeySet } | null {
    const seen = this.#view.keysOf(this.#source.issuer);
    const epoch = this.#view.cursor?.epoch;
    if (seen !== this.#seen || epoch !== this.#epoch) {
      // In another epoch the event that would end an asked set may be lost.
      if (epoch !== this.#epoch) this.#asked = undefined;
      this.#seen = seen;
      this.#epoch = epoch;
      this.#choose();
    }
    return this.#used;
  }

  #choose(): void {
    if (this.#asked !== undefined && this.#seen !== undefined && this.#seen.fetchedAt >= this.#asked.fetchedAt) {
      this.#asked = undefined;
    }
    const data = this.#asked ?? this.#seen;
    if (data === undefined) this.#used = null;
    else if (this.#used?.generation.holds(data) === true) this.#used = { data, generation: this.#used.generation };
    else this.#used = { data, generation: new KeySet(data) };
  }

  #isAsking(now: number): boolean {
    return this.#flight !== null && now - this.#flight.startedAt < waitMs;
  }

  /** A clock that was set back must not make this quiet for longer. */
  #isQuiet(now: number): boolean {
    return now < this.#quietUntil && this.#quietUntil - now <= askIntervalMs;
  }

  #isOld(now: number): boolean {
    return this.#used !== null && now - this.#used.data.fetchedAt > this.#source.ttlMs;
  }
}

function keyIn(generation: KeySet, keyId: string | null, algorithm: string): KeyAnswer {
  const finding = generation.find(keyId, algorithm);
  if (finding.kind === "found") return { kind: "found", key: finding.key, generation };
  return { kind: "refused", reason: finding.kind === "missing" ? "key_unknown" : "key_ambiguous" };
}

/** A joiner keeps its own time: the request that began the flight may be gone. */
async function waitFor(flight: Promise<void>): Promise<void> {
  let stop = () => {};
  const timeout = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    stop = () => clearTimeout(timer);
  });
  await Promise.race([flight, timeout]);
  stop();
}
