/**
 * A Limiter: the single writer of many budgets of one limit (a shard of it, by hash of the budget).
 *
 * A charge moves tokens from a budget to the caller. With `lease` the caller asks for more than it needs now, and may
 * spend the rest without asking: the budget counts them as gone already, so the quota holds whatever is lost.
 * Decisions are values; messages carry `v`.
 */

/** Charges in one request. */
export const maxCharges = 100;
/** Tokens of one cost, and of one lease. */
export const maxTokens = 1_000_000_000;
/** A budget's length, in bytes of UTF-8. */
export const maxBudgetBytes = 512;

export interface FixedWindowRule {
  readonly algorithm: "fixed-window";
  /** The limit's name. */
  readonly name: string;
  /** The newest that an object has seen wins. 0 is the file's. */
  readonly version: number;
  /** Tokens a window; a whole number from 0. */
  readonly quota: number;
  /** Windows begin at the multiples of this, by the object's clock. */
  readonly windowMs: number;
}

export type Rule = FixedWindowRule;

export interface Charge {
  /** Which budget: 1-512 bytes, compared bytewise. */
  readonly budget: string;
  /** Tokens needed now: a whole number from 0 to `maxTokens`. All or none. */
  readonly cost: number;
  /** Tokens wished for beyond `cost`, to be spent later in the same window without a call; 0 for none. */
  readonly lease: number;
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
  /** 1 to `maxCharges`. */
  readonly charges: readonly Charge[];
}

export type ChargeAnswer =
  | {
      readonly kind: "granted";
      /** Tokens charged beyond the cost, to be spent until `resetMs` counted from when the request was sent. */
      readonly leased: number;
      /** What the budget still has for anybody. */
      readonly remaining: number;
      /** Until the window ends, in ms from the answer. */
      readonly resetMs: number;
      /** Names the window, for giving back. */
      readonly window: number;
      readonly quota: number;
    }
  | { readonly kind: "refused"; readonly remaining: number; readonly resetMs: number; readonly quota: number };

export interface GiveBackRequest {
  readonly v: 1;
  /**
   * The id of the charge that moved the tokens. A charge is given back once, and only what it moved; one that the
   * object no longer remembers is not given back at all, because a second time could not be told from the first.
   */
  readonly requestId: string;
  readonly returns: readonly { readonly budget: string; readonly window: number; readonly tokens: number }[];
}

export interface PeekAnswer {
  readonly v: 1;
  readonly used: number;
  readonly remaining: number;
  readonly resetMs: number;
  readonly quota: number;
}

export interface LimiterContract {
  /** Each charge by itself: all of its cost or none of it. A refused charge costs nothing. */
  charge(request: ChargeRequest): Promise<{ readonly v: 1; readonly answers: readonly ChargeAnswer[] }>;
  /** Unspent tokens come back; never into another window, never more than was charged, once per charge. */
  giveBack(request: GiveBackRequest): Promise<void>;
  /** Looks, and changes nothing. */
  peek(request: { readonly v: 1; readonly rule: Rule; readonly budget: string }): Promise<PeekAnswer>;
}
