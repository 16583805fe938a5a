/** An edge isolate in virtual time: the real beliefs under a lease, and a cache whose fills take their time. */
import type { Cursor } from "../../durable-objects/log/contract.ts";
import { isLive, leaseFrom, type Lease } from "../../durable-objects/platform/lease.ts";
import { Beliefs } from "../../workers/view/beliefs.ts";
import type { Marked } from "../../workers/view/marked.ts";
import type { RegionHost, Surroundings } from "./surroundings.ts";
import { HostClock } from "./virtual-time.ts";

interface Kept extends Marked {
  readonly version: number;
}

export class IsolateActor {
  readonly region: RegionHost;
  readonly #planet: Surroundings;
  readonly #clock: HostClock;
  #beliefs = new Beliefs(30);
  #kept = new Map<string, Kept>();
  #lease: Lease | null = null;
  #life = 0;
  #pulling: (() => void)[] | null = null;

  constructor(planet: Surroundings, region: RegionHost) {
    this.#planet = planet;
    this.region = region;
    this.#clock = new HostClock(planet.time);
  }

  /** Another isolate takes its place. */
  restart(): void {
    this.#life += 1;
    this.#beliefs = new Beliefs(30);
    this.#kept = new Map();
    this.#lease = null;
    this.#pulling = null;
  }

  /** The number that it acts at; null when it may not act. */
  liveCursor(): number | null {
    return isLive(this.#lease, this.#clock.now) ? (this.#beliefs.cursor?.seq ?? null) : null;
  }

  read(key: string, done: (version: number, isHit: boolean) => void): void {
    const now = this.#clock.now;
    if (!isLive(this.#lease, now)) return this.#pull(() => this.#lookUp(key, done));
    if (now - this.#lease.sentAt > (this.#lease.endsAt - this.#lease.sentAt) / 2) this.#pull(() => undefined);
    this.#lookUp(key, done);
  }

  #lookUp(key: string, done: (version: number, isHit: boolean) => void): void {
    const isCurrent = isLive(this.#lease, this.#clock.now);
    const kept = this.#kept.get(key);
    if (isCurrent && kept !== undefined && this.#beliefs.verdictOn(kept) === "valid") return done(kept.version, true);
    this.#fill(key, isCurrent ? this.#beliefs.cursor : null, done);
  }

  /** The cursor is read before the origin is; the answer may be kept long after it was read. */
  #fill(key: string, cursor: Cursor | null, done: (version: number, isHit: boolean) => void): void {
    const { time, written } = this.#planet;
    const life = this.#life;
    time.after(time.between(1, 80), () => {
      const version = written.get(key) ?? 0;
      time.after(time.chance(0.1) ? time.between(100, 1_500) : time.between(1, 80), () => {
        if (cursor !== null && life === this.#life) {
          this.#kept.set(key, {
            ...cursor,
            host: "api.example",
            path: `/${key}`,
            tags: [key],
            checkedThrough: cursor.seq,
            version,
          });
        }
        done(version, false);
      });
    });
  }

  #pull(done: () => void): void {
    if (this.#pulling !== null) {
      this.#pulling.push(done);
      return;
    }
    this.#pulling = [done];
    const { naive, regions, time } = this.#planet;
    // Mostly its own Region; now and then another, as when the own one is silent.
    const other = regions[Math.floor(time.random() * regions.length)];
    const from = time.chance(0.9) || other === undefined ? this.region : other;
    const life = this.#life;
    const sentAt = this.#clock.now;
    const asked = this.#beliefs.cursor;
    this.#planet.askView(from, asked, (answer) => {
      if (life !== this.#life) return;
      if (answer?.kind === "view" && this.#beliefs.take(answer.page, asked)) {
        this.#lease = leaseFrom(naive === "lease_from_reply" ? this.#clock.now : sentAt, answer.leaseMs);
      }
      const waiting = this.#pulling ?? [];
      this.#pulling = null;
      for (const each of waiting) each();
    });
  }
}
