/** The Log object's shell, in virtual time: appends, pushes, sends to the queue, looks after who is behind, waits for acks. */
import type {
  AppliedReport,
  BroadcastMessage,
  Cursor,
  Page,
  RenewAnswer,
  RenewRequest,
} from "../../durable-objects/log/contract.ts";
import { LogCore } from "../../durable-objects/log/log-core.ts";
import { pageBounds } from "../../durable-objects/log/pages.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import { entries } from "../support/log-parts.ts";
import { MemoryLogLedger } from "../support/memory-ledgers.ts";
import { regionLeaseMs, type Surroundings } from "./surroundings.ts";
import { HostClock } from "./virtual-time.ts";

interface Waiting {
  readonly seq: number;
  readonly reached: (seq: number) => void;
}

export class LogActor {
  readonly ledger = new MemoryLogLedger();
  core: LogCore;
  readonly #planet: Surroundings;
  readonly #clock: HostClock;
  readonly #regions: readonly RegionName[];
  #waiting: Waiting[] = [];
  #life = 0;
  #published = 0;

  constructor(planet: Surroundings, regions: readonly RegionName[]) {
    this.#planet = planet;
    this.#regions = regions;
    this.#clock = new HostClock(planet.time);
    this.core = this.#begin();
    this.#lookAfter();
  }

  /** The memory is gone: who waited for an ack never hears, and knows nothing. */
  restart(): void {
    this.#life += 1;
    this.#waiting = [];
    this.core = this.#begin();
  }

  publish(key: string, reached: (seq: number) => void): void {
    const id = `${key}:${(this.#published += 1)}`;
    const { newest } = this.core.append(
      entries({ id, type: "invalidation", data: { tags: [key], mode: "purge" } }),
      this.#clock.now,
    );
    if (newest === null) return;
    this.#waiting.push({ seq: newest.seq, reached });
    this.#send();
    for (const region of this.core.silentAbout(newest.seq, "everywhere", this.#clock.now)) this.#push(region);
    this.#look();
  }

  receiptsOf(key: string, _version: number) {
    const newest = [...this.ledger.events.values()].findLast(({ id }) => id.startsWith(`${key}:`));
    const acked = newest !== undefined && this.core.reachedThrough("everywhere", this.#clock.now) >= newest.seq;
    return newest === undefined || !acked ? [] : this.core.receipts(newest, this.#clock.now);
  }

  renew(request: RenewRequest): RenewAnswer {
    const answer = this.core.renew(request, this.#clock.now, "never");
    this.#look();
    return answer;
  }

  read(cursor: Cursor | null): Page {
    return this.core.read(cursor);
  }

  heard(report: AppliedReport | null): void {
    if (report === null) return;
    this.core.report([report], this.#clock.now);
    this.#look();
  }

  #begin(): LogCore {
    const { guardOf } = this.#planet;
    const rules = { regions: this.#regions, regionLeaseMs, retentionMs: 86_400_000, guardOf };
    return new LogCore(this.ledger, rules, this.#clock.now, "epoch");
  }

  #push(region: RegionName): void {
    const life = this.#life;
    this.#planet.deliver(region, this.core.messageFor(region, this.#clock.now), `log>${region}`, (report) => {
      if (life === this.#life) this.heard(report);
    });
  }

  /** Through the queue: loses nothing by itself, but is late, doubles, and its consumer's calls may fail. */
  #send(): void {
    const message = this.core.nextMessage(this.core.queuedSeq, this.core.leased(this.#clock.now), pageBounds);
    if (message === null) return;
    this.core.queued(message.to);
    const { time, network } = this.#planet;
    time.after(time.between(2, 100), () => network.send("queue", () => this.#broadcast(message)));
  }

  #broadcast(message: BroadcastMessage): void {
    for (const region of message.regions) {
      this.#planet.deliver(region, message, `queue>${region}`, (report) => this.heard(report));
    }
  }

  /** The alarm. */
  #lookAfter(): void {
    for (const region of this.core.silentAbout(this.core.head, "regions", this.#clock.now)) this.#push(region);
    this.#look();
    this.#planet.time.after(1_000, () => this.#lookAfter());
  }

  /** Tells those whose ack was reached, and looks again when time alone can change the answer. */
  #look(): void {
    if (this.#waiting.length === 0) return;
    const now = this.#clock.now;
    const through = this.core.reachedThrough("everywhere", now);
    const reached = this.#waiting.filter(({ seq }) => seq <= through);
    this.#waiting = this.#waiting.filter(({ seq }) => seq > through);
    for (const waiting of reached) waiting.reached(waiting.seq);
    const changesAt = this.core.changesAt(now);
    const life = this.#life;
    if (this.#waiting.length > 0 && Number.isFinite(changesAt)) {
      this.#planet.time.after(Math.max(1, (changesAt - now) / 1.05), () => {
        if (life === this.#life) this.#look();
      });
    }
  }
}
