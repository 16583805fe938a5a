/** The Region object's shell, in virtual time: renews, pulls, applies, answers views. */
import type { AppliedReport, BroadcastMessage, Cursor, Page, RenewAnswer } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { ViewAnswer } from "../../durable-objects/region/contract.ts";
import { RegionCore } from "../../durable-objects/region/region-core.ts";
import { MemoryRegionLedger } from "../support/memory-ledgers.ts";
import type { Reply } from "./network.ts";
import { type RegionHost, type Surroundings, viewLeaseMs } from "./surroundings.ts";
import { HostClock } from "./virtual-time.ts";

export class RegionActor implements RegionHost {
  readonly name: RegionName;
  readonly ledger = new MemoryRegionLedger();
  core: RegionCore;
  readonly #planet: Surroundings;
  readonly #clock: HostClock;
  #life = 0;
  #renewing: (() => void)[] | null = null;

  constructor(planet: Surroundings, name: RegionName) {
    this.#planet = planet;
    this.name = name;
    this.#clock = new HostClock(planet.time);
    this.core = this.#begin();
  }

  restart(): void {
    this.#life += 1;
    this.#renewing = null;
    this.core = this.#begin();
  }

  view(cursor: Cursor | null, reply: Reply<ViewAnswer>): void {
    if (this.#planet.naive === "no_proof" && this.core.cursor !== null) return reply(this.#unproved(cursor));
    const answer = (): void => {
      const now = this.#clock.now;
      reply(this.core.view(cursor, now));
      if (this.core.isPastHalf(now)) this.#renew(() => undefined);
    };
    const need = this.core.needs(cursor, this.#clock.now);
    if (need === "renewal") this.#renew(answer);
    else if (need === "events") this.#readOn(() => answer());
    else answer();
  }

  apply(message: BroadcastMessage, reply: Reply<AppliedReport | null>): void {
    if (this.core.takeMessage(message)) return reply(this.#report());
    this.#readOn(() => reply(this.core.applied >= message.to ? this.#report() : null));
  }

  #begin(): RegionCore {
    const { guardOf } = this.#planet;
    return new RegionCore(this.ledger, { viewLeaseMs, viewEvents: 50, guardOf }, this.#clock.now);
  }

  #report(): AppliedReport | null {
    const { epoch, applied } = this.core;
    return epoch === null
      ? null
      : { region: this.name, epoch, applied, viewsEndMs: this.core.viewsEndMs(this.#clock.now) };
  }

  #renew(done: () => void): void {
    if (this.#renewing !== null) {
      this.#renewing.push(done);
      return;
    }
    this.#renewing = [done];
    this.#renewOnce(this.#life);
  }

  #renewOnce(life: number): void {
    const sentAt = this.#clock.now;
    const before = this.core.applied;
    const request = this.core.renewRequest(this.name, sentAt);
    const { log, network, naive } = this.#planet;
    network.call<RenewAnswer>(
      `${this.name}>log`,
      1_500,
      (reply) => reply(log.renew(request)),
      (answer) => {
        if (life !== this.#life) return;
        const now = this.#clock.now;
        const from = naive === "lease_from_reply" ? now : sentAt;
        const taken = answer === null ? "refused" : this.core.takeRenewal(request, from, answer, now);
        if (taken === "behind") return this.#renewOnce(life);
        const waiting = this.#renewing ?? [];
        this.#renewing = null;
        for (const each of waiting) each();
        const report = this.#report();
        if (report === null || this.core.applied === before) return;
        network.send(`${this.name}>log`, () => log.heard(report));
      },
    );
  }

  #readOn(done: () => void): void {
    const asked = this.core.cursor;
    const life = this.#life;
    const { log, network } = this.#planet;
    network.call<Page>(
      `${this.name}>log`,
      1_000,
      (reply) => reply(log.read(asked)),
      (page) => {
        if (life !== this.#life) return;
        if (page !== null) this.core.takePage(page, asked);
        done();
      },
    );
  }

  /** What a Region would say that hands on what it has, and does not ask whether that is all. */
  #unproved(cursor: Cursor | null): ViewAnswer {
    const { applied, epoch } = this.core;
    const after = Math.min(cursor?.seq ?? 0, applied);
    const events = [...this.ledger.events.values()].filter(({ seq }) => seq > after && seq <= applied);
    const run = { v: 1 as const, epoch: epoch ?? "", after, to: applied, head: applied, events };
    const page: Page = cursor === null ? { ...run, reset: { floor: after, retained: [] } } : run;
    return { v: 1, kind: "view", leaseMs: viewLeaseMs, page };
  }
}
