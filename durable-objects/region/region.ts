/** The Region object: takes calls, asks the core, gets from the Log what is missing. */
import { DurableObject } from "cloudflare:workers";
import type { AppliedReport, BroadcastMessage, Cursor, LogContract } from "../log/contract.ts";
import { regionOfObject, type RegionName } from "../names.ts";
import { withinTime } from "../platform/deadline.ts";
import { migrate } from "../platform/schema.ts";
import { logStub } from "../stubs.ts";
import type {
  ApplyAnswer,
  NotCurrent,
  RegionContract,
  RegionSettings,
  RegionStatus,
  RevocationAnswer,
  RevocationFilterAnswer,
  RevocationFilterRequest,
  RevocationListAnswer,
  RevocationListRequest,
  RevokedAnswer,
  RevokedRequest,
  ViewAnswer,
  ViewRequest,
} from "./contract.ts";
import { RegionCore, type Renewal } from "./region-core.ts";
import { regionSchema, SqlRegionLedger } from "./sql-ledger.ts";

/** One call to the Log, ms. */
const callMs = 2_000;
/** Pages in one go; what is longer goes on at the next call. */
const mostPages = 100;
const notCurrent: NotCurrent = { v: 1, kind: "not_current" };

export class Region extends DurableObject<Env> implements RegionContract {
  readonly #region: RegionName;
  readonly #settings: RegionSettings;
  readonly #core: RegionCore;
  /** Everyone who needs the same gets the one that is under way. */
  #renewal: Promise<void> | null = null;
  #reading: Promise<boolean> | null = null;

  constructor(state: DurableObjectState, env: Env, settings: RegionSettings) {
    super(state, env);
    const region = regionOfObject(state.id.name);
    if (region === undefined) throw new Error("cannot be a Region: expected a name that ends in a region's");
    migrate(state.storage, regionSchema);
    this.#region = region;
    this.#settings = settings;
    this.#core = new RegionCore(new SqlRegionLedger(state.storage), settings, Date.now());
  }

  async view({ cursor }: ViewRequest): Promise<ViewAnswer> {
    if (this.#core.needs(cursor, Date.now()) === "renewal") await this.#renew();
    if (this.#core.needs(cursor, Date.now()) === "events") await this.#readOn();
    const now = Date.now();
    const answer = this.#core.view(cursor, now);
    // Past half time beside the answers; a Region that nobody asks makes no calls.
    if (answer.kind === "view" && this.#core.isPastHalf(now)) this.ctx.waitUntil(this.#renew());
    return answer;
  }

  async apply(message: BroadcastMessage): Promise<ApplyAnswer> {
    const isWhole = this.#core.takeMessage(message) || (await this.#readFor(message));
    const { epoch, applied } = this.#core;
    if (!isWhole || epoch === null) return { v: 1, kind: "behind", epoch, applied };
    return { v: 1, kind: "applied", epoch, applied, viewsEndMs: this.#core.viewsEndMs(Date.now()) };
  }

  async status(): Promise<RegionStatus> {
    const { epoch, applied } = this.#core;
    const leaseEndsInMs = this.#core.leaseEndsInMs(Date.now());
    return { v: 1, region: this.#region, epoch, applied, leaseEndsInMs };
  }

  async revoked({ cursor, names }: RevokedRequest): Promise<RevokedAnswer> {
    const through = await this.#provedThrough(cursor);
    if (through === null) return notCurrent;
    const found = this.#core.revocations.match(names);
    if (found === null) return { v: 1, kind: "clear", through };
    return { v: 1, kind: "revoked", through, issuedBefore: found.data.issuedBefore ?? null };
  }

  async revocationFilter({ cursor }: RevocationFilterRequest): Promise<RevocationFilterAnswer> {
    for (;;) {
      const through = await this.#provedThrough(cursor);
      if (through === null) return notCurrent;
      const filter = this.#core.revocations.filterStep();
      if (filter !== null) return { v: 1, kind: "filter", through, filter };
      // It is made in steps: others get their answers in between.
      await scheduler.wait(0);
    }
  }

  async revocations({ cursor, after, limit }: RevocationListRequest): Promise<RevocationListAnswer> {
    if ((await this.#provedThrough(cursor)) === null) return notCurrent;
    return { v: 1, kind: "page", ...this.#core.revocations.list(after, limit, Date.now()) };
  }

  async revocation(request: {
    readonly v: 1;
    readonly cursor: Cursor | null;
    readonly id: string;
  }): Promise<RevocationAnswer> {
    if ((await this.#provedThrough(request.cursor)) === null) return notCurrent;
    const revocation = this.#core.revocations.find(request.id, Date.now());
    return revocation === null ? { v: 1, kind: "unknown" } : { v: 1, kind: "found", revocation };
  }

  /** What was read right before the answer holds for the answer: nothing comes in between without an await. */
  async #provedThrough(cursor: Cursor | null): Promise<Cursor | null> {
    if (this.#core.needs(cursor, Date.now()) === "renewal") await this.#renew();
    if (this.#core.needs(cursor, Date.now()) === "events") await this.#readOn();
    return this.#core.provedThrough(cursor, Date.now());
  }

  /** Asks for a lease; never rejects: without one the core answers that it is not current. */
  async #renew(): Promise<void> {
    this.#renewal ??= this.#renewAll().finally(() => {
      this.#renewal = null;
    });
    await this.#renewal;
  }

  async #renewAll(): Promise<void> {
    const before = this.#core.cursor;
    try {
      for (let page = 0; page < mostPages; page += 1) if ((await this.#renewOnce()) !== "behind") break;
    } catch (error) {
      console.warn({ event: "lease_not_renewed", region: this.#region, error: String(error) });
    }
    const after = this.#core.cursor;
    if (after === null || (before?.epoch === after.epoch && before.seq === after.seq)) return;
    const report = {
      region: this.#region,
      epoch: after.epoch,
      applied: after.seq,
      viewsEndMs: this.#core.viewsEndMs(Date.now()),
    };
    // Beside the answers: publishers who wait for this region hear of it now and not at the next renewal.
    this.ctx.waitUntil(this.#confirm(report));
  }

  async #renewOnce(): Promise<Renewal> {
    const sentAt = Date.now();
    const request = this.#core.renewRequest(this.#region, sentAt);
    const answer = await withinTime(this.#log().renew(request), callMs, "the Log");
    const taken = this.#core.takeRenewal(request, sentAt, answer, Date.now());
    if (taken === "refused") console.error({ event: "region_unknown", region: this.#region });
    return taken;
  }

  async #confirm(report: AppliedReport): Promise<void> {
    try {
      await withinTime(this.#log().applied({ v: 1, reports: [report] }), callMs, "the Log");
    } catch (error) {
      // The next renewal says the same.
      console.warn({ event: "report_lost", region: this.#region, error: String(error) });
    }
  }

  /** Whether the Log, asked after the message came, left nothing of it missing. */
  async #readFor(message: BroadcastMessage): Promise<boolean> {
    // One that was under way before may have been answered before the message's events were inserted.
    const joins = this.#reading !== null;
    let isRead = await this.#readOn();
    if (joins && !this.#core.takeMessage(message)) isRead = await this.#readOn();
    // A message of another epoch is an old one when the Log still counts in this one.
    return isRead && (message.epoch !== this.#core.epoch || this.#core.applied >= message.to);
  }

  /** Reads the Log from where the copy ends up to its head; whether that came to its end. Never rejects. */
  async #readOn(): Promise<boolean> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readAll(): Promise<boolean> {
    try {
      for (let pages = 0; pages < mostPages; pages += 1) {
        const { cursor } = this.#core;
        const page = await withinTime(this.#log().read({ v: 1, cursor }), callMs, "the Log");
        if (!this.#core.takePage(page, cursor)) return false;
        if (page.to === page.head) return true;
      }
    } catch (error) {
      // Whoever asked is told that this Region is behind, or not current.
      console.warn({ event: "log_not_read", region: this.#region, error: String(error) });
    }
    return false;
  }

  /** After an exception a stub is dead: a fresh one for each call. */
  #log(): LogContract {
    return logStub(this.env, this.#settings.environment);
  }
}
