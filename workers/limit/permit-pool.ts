/**
 * The permits of one budget that this isolate holds, and what runs under them: the whole decision, without a runtime.
 *
 * Permits are leased: used from the sending of the request that brought them, by this isolate's clock, and no longer.
 * What runs has an end of its own, and moves it only by looking in after a renewal: what died without a word is
 * forgotten at its end. While a request to the limiter is unanswered no more run than it has claimed as in use: the
 * limiter may give everything else to others at any moment.
 */
import type { HoldAnswer } from "../../durable-objects/limiter/contract.ts";
import { RecentUse } from "./permit-use.ts";

/** What runs under one permit. */
export interface Run {
  /** By this isolate's clock: when it is ended, a little before its permit. */
  endsAt: number;
  /** Its permit's end. */
  goneAt: number;
  /** When it was found not to have ended by then. */
  missedAt: number | null;
  lease: PermitLease | null;
}

export interface PermitLease {
  readonly permits: number;
  /** The budget's quota under which they were given. */
  readonly quota: number;
  readonly renewAt: number;
  readonly endsAt: number;
  readonly goneAt: number;
  /** How many run under this very lease. */
  covered: number;
}

/** What is said to the limiter; the same in every attempt of one call but for the turn. */
export interface HoldAsked {
  readonly call: number;
  readonly quota: number;
  readonly inUse: number;
  readonly wanted: number;
  /** What runs and who waits. */
  readonly needed: number;
  /**
   * Until then what is claimed is surely held. A limiter that has restarted takes a claim for its proof, so that one
   * which may have arrived later proves nothing: by then the permits may be another's.
   */
  readonly provenUntil: number;
  readonly boundBefore: number;
}

export interface HoldSent {
  readonly asked: HoldAsked;
  readonly turn: number;
  readonly sentAt: number;
}

type Held = HoldAnswer & { readonly kind: "held" };

/** Renewed after this part of a lease's life; asked again after this part while that fails. */
const renewPart = 1 / 3;
const retryPart = 1 / 16;
const shortestRetryMs = 50;
const longestRetryMs = 500;
/** What runs looks in at least so often, ms: a live change may make leases as short as five seconds. */
const longestLookMs = 1_500;
/** What has not ended itself this long after its permit died without a word, ms. */
const longestMissMs = 2_000;
/** What runs is ended this much before its permit, so that the upstream has heard of it by then, ms. */
const shortestCutMs = 50;
const cutPart = 1 / 20;
/** How long a refusal is believed without asking again, ms: at first, and while it goes on. */
const shortestPauseMs = 100;
const longestPauseMs = 1_000;
/** A spare is at most this part of what the budget has left for everybody: where little is left it would be missed. */
const sparePart = 1 / 32;

export class PermitPool {
  readonly #runs = new Set<Run>();
  readonly #use = new RecentUse();
  #lease: PermitLease | null = null;
  /** No run is gone before this. */
  #soonestGone = Infinity;
  #lifeMs = 0;
  /** How much time the clock may have missed when it was set back: what runs looks at it so often. */
  #unseenMs = 0;
  #calls = 0;
  #askedAt = -Infinity;
  #answeredTurn = 0;
  /** The most that may run until the newest call is answered. */
  #bound = Infinity;
  /** The quota was lowered under what is held: what ends is not begun anew before the limiter says that there is room. */
  #isShrinking = false;
  #refusal = { until: -Infinity, quota: 0 };
  #pauseMs = 0;
  /** What the budget had left for anybody, as last heard. */
  #left = 0;
  /** Grows with everything that is admitted. */
  admitted = 0;

  running(now: number): number {
    if (now >= this.#soonestGone) this.#forgetGone(now);
    return this.#runs.size;
  }

  /** Permits that are held and not in use. */
  idle(now: number): number {
    return this.#live(now) === null ? 0 : Math.max(0, this.#permits() - this.running(now));
  }

  /** What is left for somebody else here, as far as is known. */
  remaining(now: number): number {
    return this.#left + this.idle(now);
  }

  /** So many of the idle ones matter to nobody: they may lapse by themselves. */
  isPlenty(now: number): boolean {
    return this.idle(now) * 4 < this.#left;
  }

  /** Takes a permit that is held here; null where there is none that may be used under this quota. */
  admit(quota: number, now: number): Run | null {
    const lease = this.#live(now);
    if (lease === null || quota < lease.quota || this.#isShrinking) return null;
    const running = this.running(now);
    if (running >= this.#permits()) return null;
    const run = { endsAt: lease.endsAt, goneAt: lease.goneAt, missedAt: null, lease };
    lease.covered += 1;
    this.#runs.add(run);
    this.#soonestGone = Math.min(this.#soonestGone, run.goneAt);
    this.#use.see(running + 1, now);
    this.admitted += 1;
    return run;
  }

  /** Its permit is free. A second time, or after its end, changes nothing. */
  end(run: Run): void {
    if (this.#runs.delete(run) && run.lease === this.#lease && run.lease !== null) run.lease.covered -= 1;
  }

  /** Looks in: goes on under a renewed lease if there is one. ms until it must look in again, or that it is over. */
  look(run: Run, now: number): number | "over" {
    this.running(now);
    if (!this.#runs.has(run)) return "over";
    const lease = this.#live(now);
    if (lease !== null) this.#comeUnder(lease, run);
    if (run.endsAt <= now) {
      this.end(run);
      return "over";
    }
    const isRenewed = lease !== null && run.lease === lease && now < lease.renewAt;
    const nextMs = isRenewed ? Math.min(lease.renewAt - now, longestLookMs) : this.#retryMs;
    return Math.max(1, Math.min(run.endsAt - now, nextMs));
  }

  /** A lease that is shorter than the one before shortens what still runs under that one. */
  #comeUnder(lease: PermitLease, run: Run): void {
    const isCovered = run.lease !== lease && lease.covered < lease.permits;
    if (isCovered) {
      lease.covered += 1;
      run.lease = lease;
    }
    run.endsAt = isCovered ? lease.endsAt : Math.min(run.endsAt, lease.endsAt);
    run.goneAt = isCovered ? lease.goneAt : Math.min(run.goneAt, lease.goneAt);
    this.#soonestGone = Math.min(this.#soonestGone, run.goneAt);
  }

  /** Between two attempts to renew, ms. */
  get #retryMs(): number {
    return Math.min(longestRetryMs, Math.max(shortestRetryMs, Math.floor(this.#lifeMs * retryPart)));
  }

  /** What runs here needs the limiter, and it was not asked a moment ago. */
  isDue(now: number): boolean {
    const running = this.running(now);
    if (running === 0 || now - this.#askedAt < this.#retryMs) return false;
    const lease = this.#live(now);
    return lease === null || now >= lease.renewAt || running > lease.permits;
  }

  /** The limiter has just refused one under this quota: it is not asked again so soon. */
  isRefused(quota: number, now: number): boolean {
    return now < this.#refusal.until && quota <= this.#refusal.quota;
  }

  /** What to say to the limiter. `waiting`: who needs a permit beside what runs. `isBare`: nothing is kept to spare. */
  ask(quota: number, waiting: number, isBare: boolean, now: number): HoldAsked {
    const lease = this.#live(now);
    const running = this.running(now);
    const needed = running + waiting;
    this.#use.see(needed, now);
    const wanted = isBare ? needed : needed + this.#spareFor(needed, now);
    // Under a lower quota only what runs is claimed: the rest must not outlive the change.
    const isLower = this.#isShrinking || (lease !== null && quota < lease.quota);
    const claimed = this.#claimed(now);
    const inUse = lease === null || isLower ? claimed : Math.max(claimed, Math.min(this.#permits(), wanted));
    const boundBefore = this.#bound;
    this.#bound = inUse;
    this.#calls += 1;
    this.#askedAt = now;
    const provenUntil = inUse === 0 ? Infinity : this.#heldUntil(lease, now);
    return { call: this.#calls, quota, inUse, wanted: Math.max(wanted, inUse), needed, provenUntil, boundBefore };
  }

  learn({ asked, turn, sentAt }: HoldSent, { permits, lifeMs, quota, remaining }: Held, now: number): void {
    // The limiter has heard something newer already: what it said before holds no more.
    if (turn <= this.#answeredTurn || now >= asked.provenUntil) return;
    this.#answeredTurn = turn;
    if (asked.call === this.#calls) this.#bound = Infinity;
    const isRoom = permits > asked.inUse || remaining > 0;
    this.#isShrinking = !isRoom && (this.#isShrinking || (this.#lease !== null && quota < this.#lease.quota));
    const cutMs = Math.max(shortestCutMs, Math.floor(lifeMs * cutPart));
    const goneAt = sentAt + lifeMs;
    const renewAt = sentAt + Math.floor(lifeMs * renewPart);
    this.#lease = { permits, quota, renewAt, endsAt: goneAt - cutMs, goneAt, covered: 0 };
    this.#lifeMs = lifeMs;
    this.#unseenMs = 0;
    this.#left = remaining;
    this.#pause(permits < asked.needed, quota, now);
  }

  /** The limiter knows of a newer rule: the call has changed nothing there. */
  forgo({ call, boundBefore }: HoldAsked): void {
    if (call === this.#calls) this.#bound = boundBefore;
  }

  /** The clock was set back: nobody knows how long the lease has run. What runs under it has timers of its own. */
  distrust(): void {
    this.#lease = null;
    this.#unseenMs = longestLookMs;
  }

  /** What runs under a permit that has not ended. */
  #claimed(now: number): number {
    let claimed = 0;
    for (const { goneAt } of this.#runs) if (goneAt > now) claimed += 1;
    return claimed;
  }

  #heldUntil(lease: PermitLease | null, now: number): number {
    let until = lease?.goneAt ?? Infinity;
    for (const { goneAt } of this.#runs) if (goneAt > now) until = Math.min(until, goneAt);
    return until - this.#unseenMs;
  }

  #pause(isRefused: boolean, quota: number, now: number): void {
    this.#pauseMs = isRefused ? Math.min(longestPauseMs, Math.max(shortestPauseMs, this.#pauseMs * 2)) : 0;
    this.#refusal = { until: now + this.#pauseMs, quota };
  }

  /** As many as were lately needed, or one in eight more; none where permits are scarce. */
  #spareFor(needed: number, now: number): number {
    const wish = Math.max(Math.ceil(needed / 8), this.#use.peak(now) - needed);
    return Math.min(wish, Math.floor(this.#left * sparePart));
  }

  #permits(): number {
    return Math.min(this.#lease?.permits ?? 0, this.#bound);
  }

  #live(now: number): PermitLease | null {
    return this.#lease !== null && now < this.#lease.endsAt ? this.#lease : null;
  }

  /** A clock that has leapt forward finds as gone what will only now end itself: it has the time to do so. */
  #forgetGone(now: number): void {
    this.#soonestGone = Infinity;
    for (const run of this.#runs) {
      if (run.goneAt <= now) run.missedAt ??= now;
      const forgetAt = run.missedAt === null ? run.goneAt : run.missedAt + longestMissMs;
      if (forgetAt <= now) this.end(run);
      else this.#soonestGone = Math.min(this.#soonestGone, forgetAt);
    }
  }
}
