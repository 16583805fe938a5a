/**
 * The view: what this isolate believes about the mesh, and until when it may act on it.
 *
 * Beliefs are pulled from the isolate's Region and held under a lease that runs from when the pull was sent. While the
 * lease lives nothing is asked; past its half one pull runs beside the requests. A Region that is silent for 250 ms has
 * its nearest neighbour asked as well: there is one numbering, so any Region's answer is as good.
 */
import type { KeysData } from "../../durable-objects/keyring/contract.ts";
import type { Cursor } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { FilterData } from "../../durable-objects/revocations/contract.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";
import { isLive, leaseFrom, restOf, type Lease } from "../../durable-objects/platform/lease.ts";
import type { ViewAnswer, ViewRequest } from "../../durable-objects/region/contract.ts";
import { Beliefs } from "./beliefs.ts";
import type { LimitChanged } from "./limit-changes.ts";
import type { EntryVerdict, Marked } from "./marked.ts";
import type { Revocations } from "./revocations.ts";
import { pullView } from "./pull.ts";

export type { EntryVerdict, Marked } from "./marked.ts";

export interface ViewPorts {
  readonly ask: (region: RegionName, request: ViewRequest) => Promise<ViewAnswer>;
  /** The isolate's own region first, then the others by distance. */
  readonly regions: readonly RegionName[];
  /** ms since 1970. */
  readonly clock?: () => number;
}

/** A pull that has not ended by then was cancelled with the request that began it. */
const flightMs = 4_000;
/** How long a request waits for a pull that another one began before it begins its own. */
const joinMs = 1_500;

interface Flight {
  readonly ended: Promise<void>;
  readonly expiresAt: number;
}

export class View {
  readonly #ports: ViewPorts;
  readonly #clock: () => number;
  readonly #beliefs = new Beliefs();
  #lease: Lease | null = null;
  /** The latest instant seen while the lease lived: a clock that reads less has been set back. */
  #seenAt = 0;
  /** How often the clock was seen to step backward. */
  #steps = 0;
  #flight: Flight | null = null;

  constructor(ports: ViewPorts) {
    this.#ports = ports;
    this.#clock = ports.clock ?? Date.now;
  }

  get cursor(): Cursor | null {
    return this.#beliefs.cursor;
  }

  isCurrent(): boolean {
    const now = this.#observe();
    return isLive(this.#lease, now);
  }

  /** Reads the clock; a step backward ends the lease, because nobody can say how long it has run. */
  #observe(): number {
    const now = this.#clock();
    if (now < this.#seenAt) {
      this.#lease = null;
      this.#steps += 1;
    }
    this.#seenAt = now;
    return now;
  }

  /** For people: what is left of the lease, ms. */
  leaseEndsInMs(): number {
    return this.isCurrent() ? restOf(this.#lease, this.#seenAt) : 0;
  }

  /** True at once while the lease lives; else whether a pull could prove that the view is current. */
  current(context: Pick<ExecutionContext, "waitUntil">): true | Promise<boolean> {
    if (!this.isCurrent()) return this.#becomeCurrent(context);
    if (this.#lease !== null && restOf(this.#lease, this.#seenAt) * 2 < this.#lease.endsAt - this.#lease.sentAt) {
      this.#fly(context);
    }
    return true;
  }

  /**
   * Whether a pull that begins now proves it: then all is known here that a Region has said it knows. For what must not
   * be decided by what was known a lease ago.
   */
  async renewed(): Promise<boolean> {
    const pulled = await inTime(this.#pull(), flightMs);
    return pulled.kind === "answered" && pulled.answer && this.isCurrent();
  }

  /** Whether what was kept may be used. Says nothing about the lease. */
  verdictOn(entry: Marked): EntryVerdict {
    return this.#beliefs.verdictOn(entry);
  }

  /** What is known of revocations, up to `cursor`. Says nothing about the lease. */
  get revocations(): Revocations {
    return this.#beliefs.revocations;
  }

  /** A filter that was asked for beside the view. */
  takeFilter(through: Cursor, filter: FilterData): void {
    this.#beliefs.takeFilter(through, filter);
  }

  keysOf(issuer: string): KeysData | undefined {
    return this.#beliefs.keysOf(issuer);
  }

  /** The newest live change of a limit, also one that is taken back or over. Says nothing about the lease. */
  limitChange(limit: string): LimitChanged | undefined {
    return this.#beliefs.limitChange(limit);
  }

  /** The newest event that may have reset a budget of this limit; 0 for none. */
  lastReset(limit: string): number {
    return this.#beliefs.lastReset(limit);
  }

  /**
   * Waits for the pull under way, or its own. A promise of another request may never end (its starter was reset), so
   * each waiter brings a timer of its own, and then asks for itself.
   */
  async #becomeCurrent(context: Pick<ExecutionContext, "waitUntil">): Promise<boolean> {
    const joined = this.#flight;
    if (joined !== null && joined.expiresAt > this.#clock()) {
      await inTime(joined.ended, joinMs);
      if (this.isCurrent()) return true;
      // It ended without a lease, or hangs. What it found out just now holds for this request too.
      if (this.#flight !== joined) return false;
      this.#flight = null;
    }
    await inTime(this.#fly(context).ended, flightMs);
    return this.isCurrent();
  }

  /** One pull at a time, kept alive beyond the request that began it. */
  #fly(context: Pick<ExecutionContext, "waitUntil">): Flight {
    const now = this.#clock();
    if (this.#flight !== null && this.#flight.expiresAt > now) return this.#flight;
    const flight: Flight = { ended: this.#pull().then(() => undefined), expiresAt: now + flightMs };
    this.#flight = flight;
    const cleared = flight.ended.finally(() => {
      if (this.#flight === flight) this.#flight = null;
    });
    context.waitUntil(cleared);
    return flight;
  }

  /** Whether it brought a lease. */
  async #pull(): Promise<boolean> {
    this.#observe();
    const steps = this.#steps;
    const pulled = await pullView({
      ...this.#ports,
      clock: this.#clock,
      beliefs: this.#beliefs,
    });
    this.#observe();
    // A lease runs from its sending, and that moment is not on this clock any more.
    if (pulled === null || this.#steps !== steps) return false;
    const lease = leaseFrom(pulled.sentAt, pulled.leaseMs);
    // Two pulls may cross: the lease that was asked for later is the one that says more.
    if (this.#lease === null || lease.sentAt >= this.#lease.sentAt) this.#lease = lease;
    return true;
  }
}
