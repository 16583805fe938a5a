/**
 * Everything that a Region decides, without the platform: its storage is a ledger, its clock an argument.
 *
 * Two promises meet here. The Region answers views only while it holds a region lease that brought it everything; and
 * it keeps account of the views that it handed out, so that the Log can know when the last one without an event ends.
 */
import { guardOf, isLive, leaseFrom, restOf, type Lease } from "../platform/lease.ts";
import type { BroadcastMessage, Cursor, Page, RenewAnswer, RenewRequest } from "../log/contract.ts";
import type { RegionName } from "../names.ts";
import type { ViewAnswer } from "./contract.ts";
import { EventCopy } from "./event-copy.ts";
import type { RegionLedger } from "./ledger.ts";
import { RevocationTable } from "./revocation-table.ts";

export interface RegionRules {
  readonly viewLeaseMs: number;
  readonly viewEvents: number;
  /** How long the giver of a lease keeps it, ms; only a test of the guard itself gives another. */
  readonly guardOf?: (leaseMs: number) => number;
}

/** What must happen before a view can be answered. */
export type Need = "nothing" | "renewal" | "events";

export type Renewal = "granted" | "behind" | "not_taken" | "refused";

export class RegionCore {
  readonly revocations: RevocationTable;
  readonly #copy: EventCopy;
  readonly #viewLeaseMs: number;
  readonly #guardOf: (leaseMs: number) => number;
  readonly #begunAt: number;
  #lease: Lease | null = null;
  /** When the last view that was handed out has surely ended. */
  #viewsEndAt: number;
  /** The newest reading of the clock. */
  #readAt: number;
  /** How often it stepped backward, now and when the last request for a lease was made. */
  #steps = 0;
  #stepsAtRequest = 0;

  constructor(ledger: RegionLedger, rules: RegionRules, now: number) {
    this.revocations = new RevocationTable(ledger.revocations);
    this.#copy = new EventCopy(ledger, this.revocations, rules);
    this.#viewLeaseMs = rules.viewLeaseMs;
    this.#guardOf = rules.guardOf ?? guardOf;
    this.#begunAt = now;
    this.#readAt = now;
    // What was handed out before a restart is not known: the longest view, a moment ago.
    this.#viewsEndAt = now + this.#guardOf(this.#copy.longestViewLeaseMs);
  }

  get cursor(): Cursor | null {
    return this.#copy.cursor;
  }

  get applied(): number {
    return this.#copy.applied;
  }

  get epoch(): string | null {
    return this.#copy.epoch;
  }

  leaseEndsInMs(now: number): number {
    this.#observe(now);
    return restOf(this.#lease, now);
  }

  /** Time to renew beside the answers, so that no asker waits for it. */
  isPastHalf(now: number): boolean {
    const lease = this.#lease;
    return lease === null || now - lease.sentAt >= (lease.endsAt - lease.sentAt) / 2;
  }

  /** For how much longer a view handed out before now may live, ms, guard included. */
  viewsEndMs(now: number): number {
    this.#observe(now);
    return Math.max(0, this.#viewsEndAt - now);
  }

  /** One at a time. */
  renewRequest(region: RegionName, now: number): RenewRequest {
    const request = { v: 1 as const, region, cursor: this.cursor, viewsEndMs: this.viewsEndMs(now) };
    this.#stepsAtRequest = this.#steps;
    return request;
  }

  /**
   * `sentAt`: when `request` was sent, by this clock: the lease runs from there. `not_taken`: something came between,
   * and the answer proves nothing of what the copy is now.
   */
  takeRenewal(request: RenewRequest, sentAt: number, answer: RenewAnswer, now: number): Renewal {
    this.#observe(now);
    if (answer.kind === "refused") return "refused";
    if (!this.takePage(answer.page, request.cursor)) return "not_taken";
    if (answer.kind === "behind") return "behind";
    if (this.#steps !== this.#stepsAtRequest || now < sentAt) return "not_taken";
    const lease = leaseFrom(sentAt, answer.leaseMs);
    // The Log keeps the older lease, too: whichever ends later holds.
    if (!isLive(this.#lease, now) || lease.endsAt > this.#lease.endsAt) this.#lease = lease;
    this.#shorten(now);
    return "granted";
  }

  /** `asked`: the cursor that the page answers. */
  takePage(page: Page, asked: Cursor | null): boolean {
    const before = this.epoch;
    const isTaken = this.#copy.take(page, asked?.epoch ?? null);
    // A lease of another epoch is in no account of this one.
    if (this.epoch !== before) this.#lease = null;
    return isTaken;
  }

  /** Whether nothing up to the message's end is missing now; if not, the Log must be read. */
  takeMessage(message: BroadcastMessage): boolean {
    const { events } = message;
    if (message.epoch === this.epoch && message.to <= this.applied) return true;
    return events !== undefined && this.#copy.take({ ...message, events });
  }

  needs(cursor: Cursor | null, now: number): Need {
    this.#observe(now);
    if (!isLive(this.#lease, now)) return "renewal";
    if (cursor === null) return "nothing";
    // Which of two epochs is the newer one, only the Log knows.
    if (cursor.epoch !== this.epoch) return "renewal";
    return cursor.seq > this.applied ? "events" : "nothing";
  }

  /** A view for an isolate at `cursor`; never events that it has, never less than it has. */
  view(cursor: Cursor | null, now: number): ViewAnswer {
    this.#observe(now);
    const leaseMs = Math.min(this.#viewLeaseMs, Math.floor(restOf(this.#lease, now)));
    const isAhead = cursor !== null && cursor.epoch === this.epoch && cursor.seq > this.applied;
    const page = leaseMs <= 0 || isAhead ? null : this.#copy.pageAfter(cursor);
    if (page === null) return { v: 1, kind: "not_current" };
    this.#viewsEndAt = Math.max(this.#viewsEndAt, now + this.#guardOf(leaseMs));
    this.revocations.sweep(now);
    const filter = page.reset === undefined ? null : this.revocations.smallFilter();
    return { v: 1, kind: "view", leaseMs, page, ...(filter === null ? {} : { filter }) };
  }

  /**
   * Up to where an answer about revocations proves something to an isolate at `cursor`: to all that has been applied;
   * null when it proves nothing. One at a cursor of another epoch is answered by this one's: revocations outlive epochs.
   */
  provedThrough(cursor: Cursor | null, now: number): Cursor | null {
    this.#observe(now);
    const isBehind = cursor !== null && cursor.epoch === this.epoch && cursor.seq > this.applied;
    return isBehind || !isLive(this.#lease, now) ? null : this.cursor;
  }

  /** A clock that steps backward ends the lease, and the views that were handed out keep the rest of their time. */
  #observe(now: number): void {
    if (now < this.#readAt) {
      this.#lease = null;
      this.#steps += 1;
      this.#viewsEndAt += now - this.#readAt;
    }
    this.#readAt = now;
  }

  #shorten(now: number): void {
    if (now > this.#begunAt + this.#guardOf(this.#copy.longestViewLeaseMs)) this.#copy.shorten(this.#viewLeaseMs);
  }
}
