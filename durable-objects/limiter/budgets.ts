/**
 * Many budgets of one limit: the whole decision, without a runtime.
 *
 * Everything here is synchronous: what a call writes to the ledger and what it answers belong together, and no other
 * call comes between. The clock only moves forward: one that steps backward stands still here, so that no window which
 * was left is ever entered again.
 */
import { AccountShelf } from "./account-shelf.ts";
import type {
  BudgetRequest,
  ChargeAnswer,
  ChargeRequest,
  Counts,
  GiveBackRequest,
  HoldAnswer,
  HoldRequest,
  PeekAnswer,
  ReserveRequest,
  Rule,
  RuleVersion,
  SettleAnswer,
  SettleRequest,
} from "./contract.ts";
import { answerOf, askOf, later } from "./charge-answer.ts";
import type { Ask, Grant } from "./counter.ts";
import type { Counting } from "./counters.ts";
import { isPaced } from "./paced-spans.ts";
import { Horizon } from "./horizon.ts";
import type { Ledger, ReservationRow } from "./ledger.ts";
import { RecentCharges, type Decision } from "./recent-charges.ts";
import { RuleBook } from "./rule-book.ts";
import { Permits } from "./permits.ts";
import { Tally } from "./tally.ts";
import { aheadOf, blockOf, mattersMs, mayGoUnwritten, type Account } from "./write-ahead.ts";

/** Nothing is forgotten for good until this long after the last window, ms: further back than any clock is ever corrected. */
const idleMs = 20 * 60_000;
/** Where tokens move, under which rule, and when. */
interface At {
  readonly budget: string;
  readonly account: Account;
  readonly rule: Rule;
  readonly now: number;
}

type Granted = Grant & { readonly kind: "granted" };

export class Budgets {
  readonly #ledger: Ledger;
  readonly #rules: RuleBook;
  readonly #horizon: Horizon;
  readonly #shelf: AccountShelf;
  readonly #permits: Permits;
  readonly #tally: Tally;
  readonly #recent = new RecentCharges();
  /** The latest time seen. */
  #clock: number;

  /** `notBefore`: what the clock is known to have read, when an object begins again within one life. */
  constructor(ledger: Ledger, notBefore = 0) {
    this.#ledger = ledger;
    this.#rules = new RuleBook(ledger);
    this.#horizon = new Horizon(ledger);
    this.#shelf = new AccountShelf(ledger, this.#horizon);
    this.#permits = new Permits(ledger);
    this.#tally = new Tally(ledger);
    this.#clock = Math.max(notBefore, ledger.fact("floor") ?? 0);
  }

  get clock(): number {
    return this.#clock;
  }

  /** Before this nothing may be forgotten for good. */
  get idleAt(): number {
    return Math.max(this.#horizon.endsAt, this.#permits.latest, this.#ledger.fact("floor") ?? 0) + idleMs;
  }

  get counts(): Counts {
    return this.#tally.counts;
  }

  /** `waitedMs`: how long it was waited for here, as `patienceFor` said. */
  charge(request: ChargeRequest, at: number, waitedMs = 0): ChargeAnswer {
    const now = this.#tick(at);
    const { requestId, rule, budget } = request;
    const earlier = this.#recent.find(requestId);
    if (earlier !== null) {
      if (earlier.budget !== budget)
        throw new Error("cannot charge: the request id was used before for another budget");
      return later(earlier.answer, now - earlier.at);
    }
    const version = this.#newerThan(rule, now);
    if (version !== null) return { v: 1, kind: "outdated", version };
    this.#tally.add(request.counts);
    this.#shelf.makeRoom(now);
    const account = this.#shelf.find(budget, countingOf(rule), rule, now);
    this.#shelf.adopt(budget, account, rule, now);
    const ask = askOf(request, now);
    const offered = account.counter.offer(ask, rule, now);
    if (offered.kind === "granted") this.#move({ budget, account, rule, now }, offered, ask);
    const answer = answerOf(offered, account.counter.standing(rule, now), rule, { now, waitedMs });
    const { moved, stamp } = offered.kind === "granted" ? offered : { moved: 0, stamp: 0 };
    const returnable = offered.kind === "granted" && isPaced(offered.lease) ? offered.tokens : moved;
    const terms = this.#shelf.termsOf(account);
    const decision = { budget, answer, at: now, stamp, terms, returnable, returned: 0, isTold: false };
    this.#recent.keep(requestId, decision);
    return answer;
  }

  /** How long to wait before charging, ms: a refusal that ends within the request's patience is waited for. */
  patienceFor(request: ChargeRequest, at: number): number {
    const now = this.#tick(at);
    const { rule, budget, waitMs } = request;
    if (waitMs === 0 || this.#recent.find(request.requestId) !== null) return 0;
    if (this.#newerThan(rule, now) !== null) return 0;
    const offered = this.#shelf.find(budget, countingOf(rule), rule, now).counter.offer(askOf(request, now), rule, now);
    if (offered.kind === "granted" || offered.retryMs === null || offered.retryMs > waitMs) return 0;
    return offered.retryMs;
  }

  giveBack({ requestId, budget, returned, counts }: GiveBackRequest, at: number): void {
    const now = this.#tick(at);
    const decision = this.#recent.find(requestId);
    if (decision?.isTold !== true) this.#tally.add(counts);
    const account = this.#shelf.held(budget);
    if (decision === null || decision.budget !== budget) return;
    decision.isTold ||= counts !== undefined;
    const more = Math.min(returned, decision.returnable) - decision.returned;
    if (more <= 0 || account === null) return;
    decision.returned += more;
    this.#putBack(budget, account, decision, more, now);
  }

  /** Asked again, also after a crash, it is the same reservation. */
  reserve({ v, reservation, rule, budget, cost, ttlMs }: ReserveRequest, at: number): ChargeAnswer {
    const now = this.#tick(at);
    const row = this.#ledger.reservation(reservation);
    if (row !== null && row.budget === budget && this.#recent.find(reservation) === null) {
      return this.#reservedBefore(row, rule, now);
    }
    const single = { demand: cost, lease: 0, paced: 0, nth: 1, window: 0, waitMs: 0 };
    const answer = this.charge({ v, requestId: reservation, rule, budget, cost, ...single }, at);
    const decision = this.#recent.find(reservation);
    if (answer.kind !== "granted" || row !== null || decision === null) return answer;
    // It is settled, and so given back, by its row alone.
    decision.returnable = 0;
    const { stamp } = decision;
    const open = { settled: null, returned: 0, endsAt: now + ttlMs };
    this.#ledger.saveReservation(reservation, { budget, reserved: cost, stamp, ...open });
    return answer;
  }

  settle({ reservation, rule, budget, cost }: SettleRequest, at: number): SettleAnswer {
    const now = this.#tick(at);
    const row = this.#ledger.reservation(reservation);
    if (row === null || row.budget !== budget) return { v: 1, kind: "unknown" };
    if (row.settled !== null && row.settled !== cost) return { v: 1, kind: "conflict" };
    if (row.settled === null && now >= row.endsAt) return { v: 1, kind: "expired" };
    const account = this.#shelf.find(budget, countingOf(rule), rule, now);
    const more = cost - row.reserved;
    let { returned } = row;
    if (row.settled === null) {
      if (more < 0) returned = this.#putBack(budget, account, { stamp: row.stamp, terms: rule }, -more, now);
      else if (more > 0) this.#owe(budget, account, more, rule, now);
      this.#ledger.saveReservation(reservation, { ...row, settled: cost, returned });
    }
    const { remaining } = account.counter.standing(rule, now);
    return { v: 1, kind: "settled", returned, charged: Math.max(0, more), remaining };
  }

  hold(request: HoldRequest, at: number): HoldAnswer {
    const now = this.#tick(at);
    const version = this.#newerThan(request.rule, now);
    if (version !== null) return { v: 1, kind: "outdated", version };
    this.#tally.add(request.counts);
    return this.#permits.hold(request, now);
  }

  peek({ rule, budget }: BudgetRequest, at: number): PeekAnswer {
    const now = this.#tick(at);
    const { quota } = rule;
    if (rule.algorithm === "concurrency") {
      const { used, resetMs } = this.#permits.standing(budget, quota, now);
      return { v: 1, used, remaining: Math.max(0, quota - used), resetMs, quota };
    }
    const { used, remaining, resetMs } = this.#shelf
      .find(budget, countingOf(rule), rule, now)
      .counter.standing(rule, now);
    return { v: 1, used, remaining, resetMs, quota };
  }

  /** Also what was assumed after a crash is forgotten: the operator has decided. */
  reset(request: BudgetRequest, at: number): PeekAnswer {
    const now = this.#tick(at);
    const { rule, budget } = request;
    this.#recent.forget(budget);
    this.#ledger.voidReservations(budget);
    if (rule.algorithm === "concurrency") this.#permits.reset(budget);
    else this.#shelf.renew(budget, rule.algorithm, rule, now);
    return this.peek(request, at);
  }

  /**
   * Forgets what has ended, at most `most` of the ledger's. `more`: there is other to forget.
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
    this.#permits.forgetEnded(now);
    if (ends.length === most) return "more";
    // By the clock as it reads, not as it was read: one that has stepped back is given time to come again.
    return this.#shelf.isEmpty() && this.#permits.isEmpty && at >= this.idleAt ? "idle" : "live";
  }

  #newerThan(rule: Rule, now: number): NonNullable<RuleVersion> | null {
    const { turns } = this.#rules;
    const newer = this.#rules.newerThan(rule, now);
    if (this.#rules.turns !== turns) this.#shelf.writeUnwritten(now);
    return newer;
  }

  #move({ budget, account, rule, now }: At, granted: Granted, ask: Ask): void {
    if (granted.moved > 0) this.#writeAhead(budget, account, granted.moved, rule, now);
    if (granted.ahead !== undefined) this.#horizon.paced.reach(granted.ahead, now);
    account.counter.take(granted, ask, rule, now);
    // Beyond the quota nothing could be assumed: a debt is on record as it stands.
    if (ask.isDebt && account.counter.owed(rule, now) > 0) this.#shelf.write(budget, account, 0, now);
    if (granted.moved > 0) this.#shelf.hold(budget, account);
  }

  /** The ledger knows of tokens before they go. */
  #writeAhead(budget: string, account: Account, moved: number, rule: Rule, now: number): void {
    if (mayGoUnwritten(account, moved, rule, now)) {
      if (this.#horizon.reach(now, rule.windowMs, mattersMs(rule))) this.#tally.save();
      if (account.hasRow) this.#shelf.unwrite(budget, account);
    } else if (moved > account.allowance || now >= account.allowedUntil || endsLater(account, rule, now)) {
      this.#shelf.write(budget, account, aheadOf(moved, rule), now);
    }
    account.allowance -= moved;
  }

  #reservedBefore({ budget, reserved }: ReservationRow, rule: Rule, now: number): ChargeAnswer {
    const standing = this.#shelf.find(budget, countingOf(rule), rule, now).counter.standing(rule, now);
    const granted = { kind: "granted", tokens: reserved, lease: null, moved: 0, stamp: 0 } as const;
    return answerOf(granted, standing, rule, { now, waitedMs: 0 });
  }

  /** What is on record follows down, so that a crash still costs one block at most. */
  #putBack(
    budget: string,
    account: Account,
    { stamp, terms }: Pick<Decision, "stamp" | "terms">,
    tokens: number,
    now: number,
  ): number {
    const back = account.counter.putBack(stamp, tokens, terms, now);
    account.allowance += back;
    const block = blockOf(this.#shelf.termsOf(account).quota);
    if (account.hasRow && account.allowance > block) this.#shelf.write(budget, account, block, now);
    return back;
  }

  #owe(budget: string, account: Account, tokens: number, rule: Rule, now: number): void {
    this.#shelf.adopt(budget, account, rule, now);
    const ask: Ask = { cost: tokens, demand: tokens, lease: 0, paced: 0, nth: 2, isDebt: true };
    const granted = account.counter.offer(ask, rule, now);
    if (granted.kind === "granted") this.#move({ budget, account, rule, now }, granted, ask);
  }

  #tick(at: number): number {
    this.#clock = Math.max(this.#clock, at);
    return this.#clock;
  }
}

/** A row that another rule wrote ahead may end before the window of this one. */
function endsLater({ counter, hasRow, allowedUntil }: Account, rule: Rule, now: number): boolean {
  return hasRow && rule.algorithm === "fixed-window" && counter.allowanceEndsAt(rule, now) > allowedUntil;
}

function countingOf({ algorithm }: Rule): Counting {
  if (algorithm === "concurrency") throw new Error("cannot charge: permits are held, not charged");
  return algorithm;
}
