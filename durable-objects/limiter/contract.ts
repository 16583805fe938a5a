/**
 * A Limiter: the single writer of many budgets of one limit (a shard of it, by hash of the budget).
 *
 * A charge moves tokens from a budget to the caller: those that its waiting requests need, and a token lease beyond
 * them, which the caller may spend without asking. The budget counts all of them as gone already, so the quota holds
 * whatever is lost, doubled or late. How a lease fits the algorithm is decided here alone; a caller only learns how
 * many tokens it has and for how long.
 *
 * Decisions are values; messages carry `v`.
 */

/** Tokens of one cost. */
export const maxTokens = 1_000_000_000;
/** A budget's length, in bytes of UTF-8. */
export const maxBudgetBytes = 512;
/** The longest that a charge may wait at the object for a refusal's end, ms. */
export const maxWaitMs = 350;

export type Algorithm = "fixed-window" | "sliding-window" | "token-bucket" | "concurrency";

/** How one budget is counted: the rule of its limit, with the quota that is the budget's own. */
export interface Rule {
  readonly algorithm: Algorithm;
  /** The limit's name. */
  readonly name: string;
  /** The newest that an object has seen wins. */
  readonly version: RuleVersion;
  /** Tokens a window, or permits at once; a whole number from 0. */
  readonly quota: number;
  /**
   * Fixed windows begin at the multiples of this, by the object's clock; in every interval of this length a sliding
   * window admits the quota; a bucket gains the quota in this time; permits live this long unless they are renewed.
   */
  readonly windowMs: number;
  /** Token bucket: the most that it holds. */
  readonly burst: number;
}

/** Which of a limit's rules: the file's, or the one that a live change made. */
export type RuleVersion = null | { readonly epoch: string; readonly seq: number; readonly change: LimitChange };

/** What a plan's holder may use. */
export type QuotaAmount = number | "unlimited";
/** The same for everybody, or by the value of a claim of the asker's token. */
export type Quota =
  | QuotaAmount
  | { readonly claim: string; readonly of: Readonly<Record<string, QuotaAmount>>; readonly else: QuotaAmount };

/** A live change of a limit, as its event carries it. What it does not name is the file's. */
export interface LimitChange {
  readonly limit: string;
  /** True: back to the file's; then nothing else is named. */
  readonly removed?: boolean;
  readonly quota?: Quota;
  readonly windowMs?: number;
  readonly burst?: number;
  readonly mode?: "enforce" | "shadow";
  /** ms since 1970: from then on the file's rule holds again. */
  readonly expiresAt?: number;
  /** Who changed it. */
  readonly by: string;
  /** When, ms since 1970. */
  readonly since: number;
}

/** What happened at an edge since it last told, for one limit. */
export interface Counts {
  readonly allowed: number;
  readonly refused: number;
  /** Allowed, with at most a fifth of the quota left. */
  readonly nearLimit: number;
}

export interface ChargeRequest {
  readonly v: 1;
  /**
   * The same id gets the same answer, for a minute or the newest few thousand ids: a retry after a lost reply moves
   * tokens once. An object that crashed in between has forgotten the id, not the tokens: the retry is charged again,
   * and too little is admitted rather than too much.
   */
  readonly requestId: string;
  readonly rule: Rule;
  /** Which budget: 1-512 bytes, compared bytewise. */
  readonly budget: string;
  /** The least that helps: what the first waiting request costs. A whole number from 0 to `maxTokens`. */
  readonly cost: number;
  /** What all waiting requests cost together: at least `cost`. Granted as far as it goes. */
  readonly demand: number;
  /** Tokens wished for beyond `demand`, to be spent later without a call: what the caller expects to need. 0 for none. */
  readonly lease: number;
  /** Tokens wished for in every window's length of the next ten seconds, by a caller that needs few. 0 for none. */
  readonly paced: number;
  /** How often this caller has asked for this budget in `window`, this time included. */
  readonly nth: number;
  /** The window that the last answer named; 0 without one. In another window the caller asks for the first time. */
  readonly window: number;
  /** The work is done already, at a cost that is known only now: it is charged even where too little is left. */
  readonly isDebt?: boolean;
  /** A refusal that ends within this time is waited for here, and then decided. At most `maxWaitMs`; 0 for none. */
  readonly waitMs: number;
  readonly counts?: Counts;
}

/** Tokens that an edge may spend without asking. */
export interface TokenLease {
  readonly tokens: number;
  /** How long, by the taker's clock, from when it *sent* its request. The giver has allowed for clocks that differ. */
  readonly lifeMs: number;
  /** null: `tokens` in all. Else in every interval of this length, by the taker's clock, at most `tokens`. */
  readonly everyMs: number | null;
}

export type ChargeAnswer =
  | {
      readonly v: 1;
      readonly kind: "granted";
      /** Of `demand`; at least `cost`. Spent at any time: the charge is their instant. */
      readonly tokens: number;
      readonly lease: TokenLease | null;
      /** What the budget still has for anybody. */
      readonly remaining: number;
      /** Until the budget is as good as new if nobody asks, in ms from the answer. */
      readonly resetMs: number;
      readonly quota: number;
      readonly window: number;
      /** With `remaining` 0: for how long, from sending, nobody will be granted anything. Else 0. */
      readonly denyMs: number;
    }
  | {
      readonly v: 1;
      readonly kind: "refused";
      /** A smaller cost would have been granted up to this. */
      readonly remaining: number;
      readonly resetMs: number;
      readonly quota: number;
      readonly window: number;
      /** When the cost may be covered, in ms from the answer; null when it never is: it lies over the quota. */
      readonly retryMs: number | null;
      /** For how long, from sending, any cost over `remaining` will be refused: the taker may do so by itself. */
      readonly denyMs: number;
    }
  /** The rule was changed since: nothing was charged. The taker asks again under the newer rule. */
  | { readonly v: 1; readonly kind: "outdated"; readonly version: NonNullable<RuleVersion> };

export interface GiveBackRequest {
  readonly v: 1;
  /**
   * The id of the charge that moved the tokens. No more is given back than it moved; of one that the object no longer
   * remembers nothing is, because a second time could not be told from the first.
   */
  readonly requestId: string;
  readonly budget: string;
  /** Tokens of this charge that are given back in all: each message says a larger number, and one that is late or doubled says nothing new. */
  readonly returned: number;
  /** With the first of them alone. */
  readonly counts?: Counts;
}

/** A budget, and the rule under which it is looked at. */
export interface BudgetRequest {
  readonly v: 1;
  readonly rule: Rule;
  readonly budget: string;
}

export interface PeekAnswer {
  readonly v: 1;
  readonly used: number;
  readonly remaining: number;
  readonly resetMs: number;
  readonly quota: number;
}

/** An isolate says how many permits it wants to hold in all, and gets at most that: its requests share them. */
export interface HoldRequest extends BudgetRequest {
  /** One isolate. */
  readonly holder: string;
  /** Permits in use now: they are kept if they are still held. */
  readonly inUse: number;
  /** Permits wanted in all: at least `inUse`; 0 lets all go. */
  readonly wanted: number;
  /** Grows with every request of this holder: one that comes late, or twice, changes nothing. */
  readonly turn: number;
  readonly counts?: Counts;
}

export type HoldAnswer =
  | {
      readonly v: 1;
      readonly kind: "held";
      /** Permits that this holder has in all. */
      readonly permits: number;
      /** How long, by the taker's clock, from when it sent its request. */
      readonly lifeMs: number;
      /** What is left for others. */
      readonly remaining: number;
      readonly quota: number;
      /** With fewer permits than wanted: when there may be more, at the latest, ms from the answer. */
      readonly retryMs: number;
    }
  | { readonly v: 1; readonly kind: "outdated"; readonly version: NonNullable<RuleVersion> };

/** Tokens for work whose cost is known only at its end. */
export interface ReserveRequest extends BudgetRequest {
  /** Names the reservation; the same id gets the same answer. */
  readonly reservation: string;
  readonly cost: number;
  /** Unsettled by then, the reserved cost is what was used. 1 000 to 86 400 000. */
  readonly ttlMs: number;
}

export interface SettleRequest extends BudgetRequest {
  readonly reservation: string;
  /** What the work cost in the end. 0 cancels. */
  readonly cost: number;
}

export type SettleAnswer =
  | {
      readonly v: 1;
      readonly kind: "settled";
      /** Tokens that came back, or that were charged beyond the reserved ones. One of them is 0. */
      readonly returned: number;
      readonly charged: number;
      readonly remaining: number;
    }
  /** Never made, settled at another cost, or expired. */
  | { readonly v: 1; readonly kind: "unknown" | "conflict" | "expired" };

export interface LimiterContract {
  /** All of the cost or none of it. A refused charge costs nothing. */
  charge(request: ChargeRequest): Promise<ChargeAnswer>;
  /** Unspent tokens come back; never into another window, never more than was charged, once per charge. */
  giveBack(request: GiveBackRequest): Promise<void>;
  /** Concurrency: permits for one isolate, for a time. */
  hold(request: HoldRequest): Promise<HoldAnswer>;
  reserve(request: ReserveRequest): Promise<ChargeAnswer>;
  settle(request: SettleRequest): Promise<SettleAnswer>;
  /** Looks, and changes nothing. */
  peek(request: BudgetRequest): Promise<PeekAnswer>;
  /** The budget is as good as new. What is leased stays leased: it is spent beside the new quota. */
  reset(request: BudgetRequest): Promise<PeekAnswer>;
  /** Of this object, since it began; nothing is stored for asking. */
  counts(request: { readonly v: 1 }): Promise<Counts & { readonly v: 1 }>;
}
