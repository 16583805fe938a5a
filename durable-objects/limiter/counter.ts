/**
 * One budget's counting under one algorithm: what every algorithm answers to. Pure: `now` is an argument and only
 * grows; a counter changes nothing but itself, and is written as text.
 *
 * What of a counter is lost in a crash is *assumed*: so many tokens, gone at the latest moment at which they can have
 * gone. So a crash takes tokens away and never gives any back, whatever the algorithm.
 */
import type { TokenLease } from "./contract.ts";

/** What a budget may use; of a rule only what counting needs. */
export interface Terms {
  readonly quota: number;
  readonly windowMs: number;
  readonly burst: number;
}

export interface Ask {
  /** The least that helps. */
  readonly cost: number;
  /** What all who wait need: at least `cost`. */
  readonly demand: number;
  /** Wished for beyond `demand`. */
  readonly lease: number;
  /** Wished for in every window's length of the next ten seconds. */
  readonly paced: number;
  /** How often this asker has asked in this window: 1 for the first time. */
  readonly nth: number;
  /** Charged even where too little is left. */
  readonly isDebt: boolean;
}

export type Grant =
  | {
      readonly kind: "granted";
      /** Of `demand`. */
      readonly tokens: number;
      readonly lease: TokenLease | null;
      /** What the counter now counts as gone for `tokens` and the lease together, at once. */
      readonly moved: number;
      /** Names what was moved, for putting it back. */
      readonly stamp: number;
      /** With a paced lease: what is set aside of each window that begins before `until`, all such leases together. */
      readonly ahead?: { readonly tokens: number; readonly until: number };
    }
  | {
      readonly kind: "refused";
      /** When the cost may be covered, ms; null for never. */
      readonly retryMs: number | null;
      /** Until any token more than `remaining` can be there, ms by this clock. */
      readonly sameForMs: number;
    };

export interface Standing {
  readonly used: number;
  /** Never negative, never over the quota (a bucket: the burst). */
  readonly remaining: number;
  /** Until the counter is as good as new if nobody asks, ms. */
  readonly resetMs: number;
  /** With nothing remaining: until there is a token again, ms. */
  readonly sameForMs: number;
}

export interface Counter {
  /**
   * From here on it is counted under these terms; what went before went under the old ones. Tells whether they are
   * others than before and something that is counted depends on them.
   */
  adopt(terms: Terms, now: number): boolean;
  /** Decides, without moving anything yet. `ask` under a quota of 0 is refused, also at no cost. */
  offer(ask: Ask, terms: Terms, now: number): Grant;
  /** Moves what was offered, in the same moment. */
  take(grant: Grant & { readonly kind: "granted" }, ask: Ask, terms: Terms, now: number): void;
  /**
   * Tokens of a grant that were not spent come back, at most as many as it moved under these terms; where its time is
   * over, none do.
   */
  putBack(stamp: number, tokens: number, terms: Terms, now: number): number;
  /** `tokens` may have gone at any moment up to `at`, by whichever terms, and nothing is known of them. */
  assume(tokens: number, at: number, terms: Terms): void;
  /** The same of tokens that can have gone by these terms alone, which have been adopted: others do not count them. */
  lose(tokens: number, at: number, terms: Terms): void;
  standing(terms: Terms, now: number): Standing;
  /** Charged beyond all that the terms admit, and not forgotten with the rest: what no assumption of a loss covers. */
  owed(terms: Terms, now: number): number;
  /** From here on nothing that was counted matters any more, under these terms. */
  endsAt(terms: Terms): number;
  /** Until when tokens that were written ahead now may go, under these terms: a fixed window's end, for instance. */
  allowanceEndsAt(terms: Terms, now: number): number;
  /** How it is written; `restore` of the same algorithm reads it. */
  image(): string;
}
