/**
 * What the Log knows of one region: the leases it may hold, what it has applied, and until when its older views live.
 *
 * Each question about an event has one number for an answer, because it is monotone: a region that is past event s is
 * past every earlier one. For an event s, a region is
 *   applied  when it has reported s or more,
 *   fenced   when no lease lives that was granted before s was inserted. A later grant brought s, or its reply was
 *            lost and the region acts under the older lease until that ends; either way nothing without s outlives it.
 *   settled  when it reported s, and the views that it had handed out before that report have ended.
 * All times are by the Log's clock, in ms.
 */
import type { Receipt } from "./contract.ts";
import type { RegionName } from "../names.ts";

interface Grant {
  /** The newest event when it was granted. */
  readonly head: number;
  readonly endsAt: number;
}

interface Step {
  readonly applied: number;
  /** When the views from before the report end. */
  readonly viewsEndAt: number;
}

/** Before every event: a lease of which nothing is known may lack all of them. */
const beforeAll = -1;
const mostGrants = 64;
const mostSteps = 256;

export class RegionProgress {
  readonly region: RegionName;
  #applied: number;
  #heardAt: number;
  /** In the order of their heads. */
  #grants: Grant[] = [];
  /** Ascending in both: a report that says less, later, says nothing. */
  #steps: Step[] = [];
  /** When the Log came to know of what was applied, ascending in both. */
  readonly #known: { readonly applied: number; readonly at: number }[];
  #settled = 0;
  /** The most that was reported since this object began. */
  #reported = beforeAll;

  /** What storage says of a region, and until when leases and views that storage does not tell of may live. */
  constructor(region: RegionName, applied: number, heardAt: number, unknownUntil: number) {
    this.region = region;
    this.#applied = applied;
    this.#heardAt = heardAt;
    this.#known = [{ applied, at: heardAt }];
    this.#grants.push({ head: beforeAll, endsAt: unknownUntil });
    this.#steps.push({ applied, viewsEndAt: unknownUntil });
  }

  get applied(): number {
    return this.#applied;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  grant(head: number, endsAt: number, now: number): void {
    this.#grants = this.#grants.filter((grant) => grant.head < head || grant.endsAt > endsAt);
    this.#grants.push({ head, endsAt });
    if (this.#grants.length <= mostGrants) return;
    // Which of the two it was is forgotten; what either could lack is not.
    const ended = this.#grants.findIndex((grant) => grant.endsAt <= now);
    const [first, second] = this.#grants;
    if (ended !== -1) this.#grants.splice(ended, 1);
    else if (first !== undefined && second !== undefined) {
      this.#grants.splice(0, 2, { head: first.head, endsAt: Math.max(first.endsAt, second.endsAt) });
    }
  }

  report(applied: number, viewsEndAt: number, now: number): void {
    this.#heardAt = now;
    this.#reported = Math.max(this.#reported, applied);
    if (applied > this.#applied) {
      this.#applied = applied;
      this.#known.push({ applied, at: now });
      if (this.#known.length > mostSteps) this.#known.shift();
    }
    if (this.#steps.some((step) => step.applied >= applied && step.viewsEndAt <= viewsEndAt)) return;
    const lower = this.#steps.filter((step) => step.applied < applied && step.viewsEndAt < viewsEndAt);
    const higher = this.#steps.filter((step) => step.applied > applied);
    // With too many, one is left out: its events then wait for the next one's views.
    if (lower.length >= mostSteps) lower.pop();
    this.#steps = [...lower, { applied, viewsEndAt }, ...higher];
  }

  /** The clock was set by this much: what has ended stays ended, what lives keeps the rest of its time. */
  shift(byMs: number): void {
    this.#grants = this.#grants.map((grant) => ({ ...grant, endsAt: grant.endsAt + byMs }));
    this.#steps = this.#steps.map((step) => ({ ...step, viewsEndAt: step.viewsEndAt + byMs }));
  }

  /** Everything that it had has lost its meaning: another numbering begins. */
  forgetEvents(endsAt: number): void {
    this.#applied = 0;
    this.#settled = 0;
    this.#reported = beforeAll;
    this.#grants = [{ head: beforeAll, endsAt }];
    this.#steps = [];
    this.#known.length = 0;
  }

  mayHoldLease(now: number): boolean {
    return this.leaseEndsInMs(now) > 0;
  }

  leaseEndsInMs(now: number): number {
    return this.#grants.reduce((longest, grant) => Math.max(longest, grant.endsAt - now), 0);
  }

  /** Whether asking it could teach anything about event `seq`: a report of it is missing. */
  isSilentAbout(seq: number): boolean {
    return this.#reported < seq;
  }

  /** The newest event that it has applied, or that it can serve nothing without. */
  regionsThrough(now: number): number {
    return Math.max(this.#applied, this.#fencedThrough(now));
  }

  /** The newest event that no view near it lacks any more. */
  everywhereThrough(now: number): number {
    const ended = this.#steps.findLastIndex((step) => step.viewsEndAt <= now);
    const step = this.#steps[ended];
    if (step !== undefined) {
      this.#settled = Math.max(this.#settled, step.applied);
      this.#steps = this.#steps.slice(ended + 1);
    }
    return Math.max(this.#settled, this.#fencedThrough(now));
  }

  /** When an answer about this region next changes by time alone; Infinity for never. */
  changesAt(now: number): number {
    const ends = [...this.#grants.map((grant) => grant.endsAt), ...this.#steps.map((step) => step.viewsEndAt)];
    return ends.reduce((next, end) => (end > now && end < next ? end : next), Infinity);
  }

  receipt(event: { readonly seq: number; readonly at: number }, now: number): Receipt {
    const { region } = this;
    const { seq } = event;
    if (this.#applied >= seq) {
      const at = this.#known.find((known) => known.applied >= seq)?.at ?? this.#heardAt;
      return { region, state: "applied", seq, at: instant(Math.max(at, event.at)) };
    }
    if (this.#fencedThrough(now) >= seq) {
      const ends = this.#grants.filter((grant) => grant.head < seq).map((grant) => grant.endsAt);
      return { region, state: "fenced", seq, at: instant(Math.max(event.at, ...ends)) };
    }
    return { region, state: "pending", seq: this.#applied, at: instant(this.#heardAt) };
  }

  #fencedThrough(now: number): number {
    return this.#grants.reduce((least, grant) => (grant.endsAt > now ? Math.min(least, grant.head) : least), Infinity);
  }
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
