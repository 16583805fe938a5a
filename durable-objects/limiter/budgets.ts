/**
 * Many budgets of one limit: the whole decision, without a runtime.
 *
 * Everything here is synchronous: what a call writes to the ledger and what it answers belong together, and no other
 * call comes between. The clock only moves forward: one that steps backward stands still here, so that no window which
 * was left is ever entered again.
 */
import type { Charge, ChargeAnswer, ChargeRequest, GiveBackRequest, PeekAnswer, Rule } from "./contract.ts";
import {
  blockOf,
  endUnder,
  horizonAt,
  markFor,
  openWindow,
  remainingOf,
  tokensFor,
  type Window,
} from "./fixed-window.ts";
import type { Ledger } from "./ledger.ts";
import { RecentCharges, type Decision } from "./recent-charges.ts";
import { RuleBook } from "./rule-book.ts";
import { WindowShelf } from "./window-shelf.ts";

/** Nothing is forgotten for good until this long after the last window, ms: further back than any clock is ever corrected. */
const idleMs = 20 * 60_000;

export class Budgets {
  readonly #ledger: Ledger;
  readonly #rules: RuleBook;
  readonly #shelf: WindowShelf;
  readonly #recent = new RecentCharges();
  /** The latest time seen. */
  #clock: number;
  #horizon: number;
  /** Memory-only windows that began before this were counted in a memory that is lost. */
  readonly #lostUpTo: number;

  /** `notBefore`: what the clock is known to have read, when an object begins again within one life. */
  constructor(ledger: Ledger, notBefore = 0) {
    this.#ledger = ledger;
    this.#rules = new RuleBook(ledger);
    this.#shelf = new WindowShelf(ledger);
    this.#clock = Math.max(notBefore, ledger.fact("floor") ?? 0);
    this.#lostUpTo = ledger.fact("horizon") ?? 0;
    this.#horizon = this.#lostUpTo;
  }

  get clock(): number {
    return this.#clock;
  }

  charge(request: ChargeRequest, at: number): readonly ChargeAnswer[] {
    const now = this.#tick(at);
    const earlier = this.#recent.find(request.requestId);
    if (earlier !== null) return replay(earlier, request, now);
    const rule = this.#rules.newest(request.rule);
    this.#shelf.makeRoom(request.charges.length, now);
    const decisions = request.charges.map((charge) => this.#decide(charge, rule, now));
    this.#recent.keep(request.requestId, decisions, now);
    return decisions.map((decision) => answerOf(decision, now));
  }

  giveBack(request: GiveBackRequest, at: number): void {
    const now = this.#tick(at);
    const decisions = this.#recent.find(request.requestId) ?? [];
    for (const { budget, window: startsAt, tokens } of request.returns) {
      const decision = decisions.find((made) => made.budget === budget && made.returnable > 0);
      const window = decision?.window;
      // Only the very window that was charged, in this life: another of the same name has counted other tokens.
      if (decision === undefined || !window || window.startsAt !== startsAt) continue;
      if (this.#shelf.held(budget) !== window || now >= window.endsAt) continue;
      this.#putBack(budget, window, Math.min(tokens, decision.returnable), decision.quota);
      decision.returnable = 0;
    }
    // The whole charge is settled: a second message of it must not find another part of it to return.
    for (const decision of decisions) decision.returnable = 0;
  }

  peek(request: { readonly rule: Rule; readonly budget: string }, at: number): PeekAnswer {
    const now = this.#tick(at);
    const rule = this.#rules.newest(request.rule);
    const { quota } = rule;
    const window = this.#current(request.budget, rule, now);
    if (window === null) return { v: 1, used: quota, remaining: 0, resetMs: this.#foundAgainAt(rule) - now, quota };
    return { v: 1, used: window.charged, remaining: remainingOf(window, quota), resetMs: window.endsAt - now, quota };
  }

  /**
   * Forgets windows that have ended, at most `most` of the ledger's. `more`: there are others to forget.
   * `idle`: nothing here will be missed, and all of the storage may go.
   */
  sweep(at: number, most: number): "more" | "live" | "idle" {
    const now = this.#tick(at);
    const ends = this.#ledger.deleteEnded(now, most);
    if (ends.length > 0) {
      const newest = ends.reduce((latest, end) => Math.max(latest, end));
      this.#ledger.saveFact("floor", Math.max(newest, this.#ledger.fact("floor") ?? 0));
    }
    this.#shelf.forgetEnded(now);
    if (ends.length === most) return "more";
    const quietSince = Math.max(this.#horizon, this.#ledger.fact("floor") ?? 0);
    // By the clock as it reads, not as it was read: one that has stepped back is given time to come again.
    return this.#shelf.isEmpty() && at >= quietSince + idleMs ? "idle" : "live";
  }

  #decide({ budget, cost, lease }: Charge, rule: Rule, now: number): Decision {
    const { quota } = rule;
    const window = this.#current(budget, rule, now);
    const tokens = window === null ? null : tokensFor(window, quota, cost, lease);
    if (window === null || tokens === null) {
      const remaining = window === null ? 0 : remainingOf(window, quota);
      const resetAt = window?.endsAt ?? this.#foundAgainAt(rule);
      return { budget, window: null, leased: 0, remaining, resetAt, quota, returnable: 0 };
    }
    const moved = cost + tokens.leased;
    if (moved > 0) {
      this.#writeAhead(budget, window, rule, moved, now);
      window.charged += moved;
      this.#shelf.hold(budget, window);
    }
    const remaining = remainingOf(window, quota);
    return { budget, window, leased: tokens.leased, remaining, resetAt: window.endsAt, quota, returnable: moved };
  }

  /** The mark follows down, so that a crash still costs one block at most. */
  #putBack(budget: string, window: Window, tokens: number, quota: number): void {
    window.charged -= tokens;
    const highest = window.charged + blockOf(quota);
    if (window.isDurable && window.mark > highest) this.#shelf.mark(budget, window, highest);
  }

  /** The ledger knows of tokens before they go. */
  #writeAhead(budget: string, window: Window, rule: Rule, moved: number, now: number): void {
    if (window.isDurable) {
      if (window.charged + moved > window.mark) this.#shelf.mark(budget, window, markFor(window, rule.quota, moved));
    } else if (window.startsAt >= this.#horizon) {
      this.#horizon = horizonAt(rule.windowMs, now);
      this.#ledger.saveFact("horizon", this.#horizon);
    }
  }

  /** The budget's open window, or a new one; null when its count is lost. */
  #current(budget: string, rule: Rule, now: number): Window | null {
    const held = this.#shelf.find(budget, now);
    if (held !== null) {
      held.endsAt = endUnder(held, rule.windowMs, now);
      return held;
    }
    const opened = openWindow(rule.windowMs, now);
    return !opened.isDurable && opened.startsAt < this.#lostUpTo ? null : opened;
  }

  /** The first window's edge that no lost count can concern. */
  #foundAgainAt({ windowMs }: Rule): number {
    return Math.ceil(this.#lostUpTo / windowMs) * windowMs;
  }

  #tick(at: number): number {
    this.#clock = Math.max(this.#clock, at);
    return this.#clock;
  }
}

function replay(decisions: readonly Decision[], request: ChargeRequest, now: number): readonly ChargeAnswer[] {
  const isSame =
    decisions.length === request.charges.length &&
    decisions.every((decision, index) => decision.budget === request.charges[index]?.budget);
  if (!isSame) throw new Error("cannot charge: the request id was used before for other charges");
  return decisions.map((decision) => answerOf(decision, now));
}

function answerOf(decision: Decision, now: number): ChargeAnswer {
  const { window, leased, remaining, quota } = decision;
  const resetMs = Math.max(0, decision.resetAt - now);
  if (window === null) return { kind: "refused", remaining, resetMs, quota };
  return { kind: "granted", leased, remaining, resetMs, window: window.startsAt, quota };
}
