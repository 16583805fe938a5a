/**
 * Isolates with the real keys of an outside issuer around the real decisions of its KeySets object, in virtual time:
 * calls, fetches and events take as long as the world says, and every timer runs on it.
 */
import type { KeySetsAnswer, KeySetsRequest, KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import {
  afterFetch,
  answerFrom,
  describeKept,
  nothingKept,
  stateOf,
  wantsFetch,
  withStaleUses,
  type Kept,
} from "../../durable-objects/key-sets/key-set-book.ts";
import type { FetchOutcome } from "../../durable-objects/key-sets/key-set-fetch.ts";
import type { KeysData, PublicKey } from "../../durable-objects/keyring/contract.ts";
import { IssuerKeys } from "../../workers/token/issuer-keys.ts";
import { settled, takeOverTimers } from "./limit-timers.ts";
import { VirtualTime } from "./virtual-time.ts";

/** A token that comes to an isolate: only its key counts here. `at` in ms from the beginning. */
export interface Arrival {
  readonly at: number;
  readonly isolate: number;
  readonly kid: string;
}

export type Verdict = "accepted" | "key_unknown" | "key_ambiguous" | "keys_unavailable";

export interface Judged extends Arrival {
  readonly verdict: Verdict;
}

export const beginAt = 1_795_000_000_000;
const fetchTimeoutMs = 5_000;

interface Isolate {
  keys: IssuerKeys;
  /** What events have brought; a new isolate gets what is retained. */
  view: KeysData | undefined;
}

export class IssuerPlanet implements Disposable {
  readonly time: VirtualTime;
  readonly source: KeySetSource;
  /** What the issuer publishes; null while it is down. */
  published: readonly PublicKey[] | null = [];
  /** When it was asked, and whether it answered. */
  readonly fetches: { readonly at: number; readonly isGood: boolean }[] = [];
  readonly judged: Judged[] = [];
  /** Questions of isolates to the object. */
  calls = 0;
  kept: Kept = nothingKept;
  readonly #isolates: Isolate[];
  readonly #restore: () => void;
  #retained: KeysData | undefined;
  #flight: Promise<void> | null = null;

  constructor(seed: number, isolates: number, source: KeySetSource) {
    this.time = new VirtualTime(seed);
    this.source = source;
    this.#restore = takeOverTimers(this.time);
    this.#isolates = Array.from({ length: isolates }, () => this.#made());
  }

  get now(): number {
    return Math.floor(beginAt + this.time.now);
  }

  async run(forMs: number): Promise<void> {
    const end = this.time.now + forMs;
    while (this.time.step(end)) await settled();
    this.time.runUntil(end);
    await settled();
  }

  arrive(arrivals: readonly Arrival[]): void {
    for (const arrival of arrivals) this.time.after(arrival.at - this.time.now, () => void this.#judge(arrival));
  }

  /** Another isolate takes its place. */
  restart(isolate: number): void {
    this.#isolates[isolate] = this.#made();
  }

  describe() {
    return describeKept(this.kept, this.source, this.now);
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  async #judge(arrival: Arrival): Promise<void> {
    const isolate = this.#isolates[arrival.isolate];
    if (isolate === undefined) throw new Error(`expected an isolate: received ${arrival.isolate}`);
    const answer = await isolate.keys.find(arrival.kid, "ES256", { waitUntil: (work) => void work }, this.now);
    this.judged.push({ ...arrival, verdict: answer.kind === "found" ? "accepted" : answer.reason });
  }

  #made(): Isolate {
    const isolate: { -readonly [Key in keyof Isolate]: Isolate[Key] } = {
      view: this.#retained,
      keys: undefined as unknown as IssuerKeys,
    };
    const { issuer, ttlMs, maxStaleMs = 0 } = this.source;
    const ask = (missing: string | null, staleUses: number) =>
      this.#far(() => this.#answer({ v: 1, source: this.source, missing, staleUses }));
    const view = { cursor: { epoch: "e1" }, keysOf: () => isolate.view };
    isolate.keys = new IssuerKeys({ issuer, ttlMs, maxStaleMs, ask }, view);
    return isolate;
  }

  /** The object's shell: one fetch at a time, then the answer. */
  async #answer(request: KeySetsRequest): Promise<KeySetsAnswer> {
    this.calls += 1;
    const { source } = this;
    const wasStale = stateOf(this.kept, source, this.now) === "stale";
    if (this.#flight !== null || wantsFetch(this.kept, request, this.now)) {
      this.#flight ??= this.#fetch().finally(() => {
        this.#flight = null;
      });
      await this.#flight;
    }
    this.kept = withStaleUses(this.kept, request, wasStale, this.now);
    return answerFrom(this.kept, source, this.now);
  }

  async #fetch(): Promise<void> {
    const startedAt = this.now;
    const outcome = await this.#ask();
    this.fetches.push({ at: startedAt, isGood: outcome.kind === "fetched" });
    const random = this.time.random();
    const { kept, told } = afterFetch(this.kept, this.source, outcome, { startedAt, endedAt: this.now, random });
    this.kept = kept;
    if (told !== null) this.#tell(told);
  }

  /** An issuer that is down refuses, answers with an error, or hangs until the deadline. */
  async #ask(): Promise<FetchOutcome> {
    const isHanging = this.published === null && this.time.chance(0.3);
    await this.#pass(isHanging ? fetchTimeoutMs : this.time.between(5, 200));
    const keys = this.published;
    if (keys !== null && !isHanging) return { kind: "fetched", keys, leftOut: [] };
    return { kind: "failed", reason: "unreachable", detail: "down" };
  }

  /** An event: retained for isolates to come, and with each of the others when its next pull has brought it. */
  #tell(data: KeysData): void {
    this.time.after(this.time.between(20, 200), () => {
      this.#retained = data;
      for (const isolate of this.#isolates) this.time.after(this.time.between(0, 1_000), () => (isolate.view = data));
    });
  }

  async #far<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    await this.#pass(this.time.between(1, 80));
    const answer = await act();
    await this.#pass(this.time.between(1, 80));
    return answer;
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.time.after(ms, resolve);
    });
  }
}
