/** A real Region and the real Log in virtual time: the calls for views and for the Region's own lease are counted. */
import { LogCore } from "../../durable-objects/log/log-core.ts";
import type { LogFacts, RegionRow } from "../../durable-objects/log/ledger.ts";
import type { RegionFacts } from "../../durable-objects/region/ledger.ts";
import type { ViewAnswer, ViewRequest } from "../../durable-objects/region/contract.ts";
import { RegionCore } from "../../durable-objects/region/region-core.ts";
import { MemoryLogLedger, MemoryRegionLedger } from "../../test/support/memory-ledgers.ts";
import { nothing, type Usage } from "../cost.ts";
import { workMs, type Send } from "./counted-limiters.ts";

/** What a mesh has unless its configuration says otherwise. */
const viewLeaseMs = 1_000;
const regionLeaseMs = 10_000;
const viewEvents = 1_000;
const dayMs = 86_400_000;
const region = "weur";

export class CountedViews {
  readonly #clock: () => number;
  /** From the Region to the Log: it may be far away. */
  readonly #send: Send;
  readonly #logLedger = new CountedLogLedger();
  readonly #regionLedger = new CountedRegionLedger();
  readonly #log: LogCore;
  readonly #region: RegionCore;
  #renewal: Promise<void> | null = null;
  #views = 0;
  #renewals = 0;
  /** While it waits for the Log an object is charged. */
  #waitedMs = 0;

  constructor(clock: () => number, send: Send) {
    const rules = { regions: [region], regionLeaseMs, retentionMs: 7 * dayMs } as const;
    this.#clock = clock;
    this.#send = send;
    this.#log = new LogCore(this.#logLedger, rules, clock(), "epoch");
    this.#region = new RegionCore(this.#regionLedger, { viewLeaseMs, viewEvents }, clock());
  }

  get usage(): Usage {
    const calls = this.#views + this.#renewals;
    return {
      ...nothing,
      objectRequests: calls,
      objectMs: calls * workMs + this.#waitedMs,
      rowsWritten: this.#logLedger.writes + this.#regionLedger.writes,
    };
  }

  /** As the Region's shell does it. */
  async view({ cursor }: ViewRequest): Promise<ViewAnswer> {
    this.#views += 1;
    if (this.#region.needs(cursor, this.#clock()) === "renewal") await this.#renew();
    const now = this.#clock();
    const answer = this.#region.view(cursor, now);
    if (answer.kind === "view" && this.#region.isPastHalf(now)) void this.#renew();
    return answer;
  }

  #renew(): Promise<void> {
    this.#renewal ??= this.#renewOnce().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renewOnce(): Promise<void> {
    this.#renewals += 1;
    const sentAt = this.#clock();
    const request = this.#region.renewRequest(region, sentAt);
    const answer = await this.#send(() => this.#log.renew(request, this.#clock(), "next"));
    this.#waitedMs += this.#clock() - sentAt;
    this.#region.takeRenewal(request, sentAt, answer, this.#clock());
  }
}

class CountedLogLedger extends MemoryLogLedger {
  writes = 0;

  override saveFacts(facts: LogFacts): void {
    this.writes += 1;
    super.saveFacts(facts);
  }

  override saveRegion(row: RegionRow): void {
    this.writes += 1;
    super.saveRegion(row);
  }
}

class CountedRegionLedger extends MemoryRegionLedger {
  writes = 0;

  override saveFacts(facts: RegionFacts): void {
    this.writes += 1;
    super.saveFacts(facts);
  }
}
