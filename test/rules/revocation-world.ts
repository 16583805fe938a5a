/**
 * One Log, one Region and one isolate with their real cores, and a slow model of what is revoked: a list of all that
 * holds after each event. Answers of the Region are on their way for as long as the history says.
 */
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import type { LogCore } from "../../durable-objects/log/log-core.ts";
import type { RevocationFilterAnswer, RevokedAnswer } from "../../durable-objects/region/contract.ts";
import type { RegionCore } from "../../durable-objects/region/region-core.ts";
import type { RevocationData, TokenNames } from "../../durable-objects/revocations/contract.ts";
import { IssuerKeys } from "../../workers/token/issuer-keys.ts";
import { refusalOf } from "../../workers/token/refusals.ts";
import { VerifiedTokens, type RevocationsKnown } from "../../workers/token/verified-tokens.ts";
import { Beliefs } from "../../workers/view/beliefs.ts";
import { RevocationChecks } from "../../workers/view/revocation-checks.ts";
import { entries, makeLog, makeRegion, renew, start } from "../support/log-parts.ts";
import { MemoryRegionLedger } from "../support/memory-ledgers.ts";

export type Target = Omit<RevocationData, "endsAt" | "by" | "since">;
type Holding = ReadonlyMap<string, Target>;

const accepted = { kind: "accepted", identity: { issuer: "", subject: "" } } as never;
const keysView = { cursor: { epoch: "k" }, keysOf: () => ({ issuer: "i", keys: [], fetchedAt: start }) };

export class RevocationWorld {
  /** What holds after each event of any epoch, the last is what holds now. */
  readonly #holding: Holding[] = [new Map()];
  /** `EPOCH.SEQ` to its place among these. */
  readonly #placeOf = new Map<string, number>();
  readonly #ledger = new MemoryRegionLedger();
  readonly #naive: boolean;
  readonly #viewEvents: number;
  readonly #mostHeld: number;
  readonly #onTheirWay: (() => void)[] = [];
  readonly #loading: Promise<unknown>[] = [];
  #log: LogCore;
  #region: RegionCore;
  #epochs = 1;
  #events = 0;
  #beliefs: Beliefs;
  #checks: RevocationChecks;
  #verified: VerifiedTokens;
  asked = 0;
  readonly violations: string[] = [];
  readonly seen = { clear: 0, revoked: 0, unknown: 0 };

  constructor({ naive = false, viewEvents = 6, mostHeld = 4 } = {}) {
    this.#naive = naive;
    this.#viewEvents = viewEvents;
    this.#mostHeld = mostHeld;
    this.#log = makeLog({}, undefined, start, "e1").log;
    this.#region = makeRegion(this.#ledger, start, viewEvents).region;
    this.#placeOf.set("e1.0", 0);
    this.#beliefs = new Beliefs(undefined, mostHeld);
    this.#checks = this.#newChecks();
    this.#verified = this.#newCache();
    this.applyAll();
    this.pull();
  }

  revoke(id: string, target: Target): void {
    if (this.#holding.at(-1)?.has(id) === true) return;
    const data = { ...target, endsAt: start + 3_600_000, by: "test", since: start };
    if (this.#publish({ id: `${id}-${this.#events}`, type: "revocation", data })) {
      this.#hold((holding) => holding.set(`${id}-${this.#events}`, target));
    }
  }

  lift(index: number): void {
    const ids = [...(this.#holding.at(-1)?.keys() ?? [])];
    const id = ids[index % Math.max(1, ids.length)] ?? "nothing";
    this.#publish({ id: `lift-${this.#events}`, type: "revocation_lifted", data: { id } });
    this.#hold((holding) => holding.delete(id));
  }

  note(): void {
    this.#publish({ id: `note-${this.#events}`, type: "note", data: null });
    this.#hold(() => undefined);
  }

  /** The Region hears of everything. */
  applyAll(): void {
    renew(this.#log, this.#region, "weur", start);
  }

  /** Its memory is gone. */
  restartRegion(): void {
    this.#region = makeRegion(this.#ledger, start, this.#viewEvents).region;
    this.applyAll();
  }

  restartIsolate(): void {
    this.#beliefs = new Beliefs(undefined, this.#mostHeld);
    this.#checks = this.#newChecks();
    this.#verified = this.#newCache();
    this.pull();
  }

  /** The Log's storage is new: what the Region has not heard of is nowhere; what it knows stays. */
  beginEpoch(): void {
    this.#epochs += 1;
    const epoch = `e${this.#epochs}`;
    const kept = new Set(this.#ledger.revocations.rows.keys());
    this.#log = makeLog({}, undefined, start, epoch).log;
    this.#hold((holding) => {
      for (const id of holding.keys()) if (!kept.has(id)) holding.delete(id);
    });
    // What was lifted at the Log and not yet at the Region holds again.
    const last = this.#holding.at(-1) as Map<string, Target>;
    for (const { id, data } of this.#ledger.revocations.rows.values()) {
      const { endsAt: _end, by: _by, since: _since, ...target } = data;
      last.set(id, target);
    }
    this.#placeOf.set(`${epoch}.0`, this.#holding.length - 1);
    this.applyAll();
  }

  /** The isolate's view, as far as the Region is. */
  pull(): void {
    const { cursor } = this.#beliefs;
    const answer = this.#region.view(cursor, start);
    if (answer.kind === "not_current") return;
    this.#beliefs.take(answer.page, cursor);
    const { epoch, to } = answer.page;
    // Small ones go along in truth; here every other time only, so that both ways are walked.
    if (answer.filter !== undefined && to % 2 === 0)
      this.#beliefs.takeFilter({ epoch, seq: to }, copyOf(answer.filter));
  }

  /** A request with this token; its verdict must be what holds at some moment between its view and its end. */
  async ask(token: string, names: TokenNames): Promise<void> {
    const from = this.#place();
    // The isolate of the request, whichever is there when its answer comes.
    const [checks, verified] = [this.#checks, this.#verified];
    const known = verified.find(token, start);
    if (known !== undefined) return this.#judge(names, from, known.verdict.kind === "refused" ? "revoked" : "clear");
    const checked = await checks.check(names, { waitUntil: (work) => void this.#loading.push(work) });
    if (checked === null) {
      this.seen.unknown += 1;
      return;
    }
    this.#judge(names, from, checked.kind);
    const verdict = checked.kind === "revoked" ? refusalOf("revoked") : accepted;
    const keys = new IssuerKeys(
      { issuer: "i", ttlMs: 1, maxStaleMs: 1, ask: () => Promise.reject(new Error()) },
      keysView,
    );
    const generation = keys.current(start);
    if (generation === null) throw new Error("expected a set");
    const { revision } = checked;
    verified.keep(token, { verdict, goodFrom: 0, goodUntil: Infinity, keys, generation, names, revision });
  }

  /** One answer of the Region arrives: the oldest, or the newest. */
  async deliver(isNewest: boolean): Promise<void> {
    const arrive = isNewest ? this.#onTheirWay.pop() : this.#onTheirWay.shift();
    arrive?.();
    await settled();
  }

  /** Until nothing is on its way. */
  async finish(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) {
      while (this.#onTheirWay.length > 0) await this.deliver(false);
      await settled();
    }
    await Promise.all(this.#loading);
  }

  #judge(names: TokenNames, from: number, verdict: "clear" | "revoked"): void {
    this.seen[verdict] += 1;
    const wanted = this.#holding.slice(from).map((holding) => isNamed(holding, names));
    if (!wanted.includes(verdict === "revoked")) {
      this.violations.push(`${verdict} for ${JSON.stringify(names)}, which is ${wanted.join(", ")}`);
    }
  }

  #newChecks(): RevocationChecks {
    const beliefs = this.#beliefs;
    const view = {
      get cursor() {
        return beliefs.cursor;
      },
      revocations: beliefs.revocations,
      takeFilter: beliefs.takeFilter.bind(beliefs),
    };
    const region = () => ({
      revoked: (request: { readonly cursor: typeof beliefs.cursor; readonly names: TokenNames }) => {
        this.asked += 1;
        return this.#later((): RevokedAnswer => {
          const through = this.#region.provedThrough(request.cursor, start);
          if (through === null) return { v: 1, kind: "not_current" };
          const found = this.#region.revocations.match(request.names);
          if (found === null) return { v: 1, kind: "clear", through };
          return { v: 1, kind: "revoked", through, issuedBefore: found.data.issuedBefore ?? null };
        });
      },
      revocationFilter: (request: { readonly cursor: typeof beliefs.cursor }) =>
        this.#later((): RevocationFilterAnswer => {
          const through = this.#region.provedThrough(request.cursor, start);
          const filter = this.#region.revocations.filterStep();
          if (through === null || filter === null) return { v: 1, kind: "not_current" };
          return { v: 1, kind: "filter", through, filter: copyOf(filter) };
        }),
    });
    let now = start;
    // Every look is a while later: a filter may be asked for each time.
    return new RevocationChecks({ view, region, regions: ["weur"], clock: () => (now += 20_000) });
  }

  #newCache(): VerifiedTokens {
    const checks = this.#checks;
    const blind: RevocationsKnown = { revision: 0, liftedRevision: 0, since: () => "clear" };
    return new VerifiedTokens(this.#naive ? blind : checks, { entries: 5, characters: 1_000 });
  }

  /** What the Region says now, heard when it is delivered. */
  #later<Answer>(say: () => Answer): Promise<Answer> {
    const answer = say();
    return new Promise((resolve) => {
      this.#onTheirWay.push(() => resolve(answer));
    });
  }

  #publish(event: NewEvent): boolean {
    return this.#log.append(entries(event), start).newest !== null;
  }

  #hold(change: (holding: Map<string, Target>) => void): void {
    const next = new Map(this.#holding.at(-1));
    change(next);
    this.#events += 1;
    this.#holding.push(next);
    this.#placeOf.set(`${this.#log.epoch}.${this.#log.head}`, this.#holding.length - 1);
  }

  #place(): number {
    const { cursor } = this.#beliefs;
    return this.#placeOf.get(`${cursor?.epoch}.${cursor?.seq}`) ?? 0;
  }
}

/** Written apart from what it checks. */
function isNamed(holding: Holding, names: TokenNames): boolean {
  return [...holding.values()].some(({ issuedBefore, ...target }) => {
    const isMeant = Object.entries(target).every(
      ([name, value]) => (names as unknown as Record<string, unknown>)[name] === value,
    );
    return isMeant && (issuedBefore === undefined || names.issuedFrom === null || names.issuedFrom <= issuedBefore);
  });
}

function copyOf<Filter extends { readonly bytes: Uint8Array }>(filter: Filter): Filter {
  return { ...filter, bytes: filter.bytes.slice() };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
