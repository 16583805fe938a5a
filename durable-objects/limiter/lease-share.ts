/**
 * How many of a window's tokens one asker may lease.
 *
 * Where everybody's wishes fit into what is left, each gets its wish. Where they do not, each gets a share of what is
 * left in proportion to its wish: most of that share at the first asking, more of the rest at the second, then all of
 * it, so that a wrong guess is corrected by whoever really comes back. Three answers use up a share, and the last one
 * says that nothing is left. The parts were found by simulation: fewer strand tokens, more cost calls.
 */

/** Below this many tokens for each asker leases would only strand them: each token is asked for. */
const leastQuotaAHolder = 50;

/** Wishes that fit into this part of what is left are granted as they are. */
const plentyPart = 0.9;

/** The last tokens, so many times the quota's part, go to whoever comes: a share of them is not worth a call. */
const lastPart = 25;

export interface Wish {
  /** Tokens wanted until the window ends, those that are waited for included. */
  readonly tokens: number;
  /** How often this asker has asked in this window: 1 for the first time. */
  readonly nth: number;
}

/** What was wished for in one window, as if each had asked at its beginning. */
interface Wishes {
  holders: number;
  tokens: number;
}

/** Where a window stood: which part of it was still to come, and how many tokens were left. */
interface Round {
  readonly rest: number;
  readonly left: number;
}

/** So many times askers are expected to come at about the same time, within such a part of the window. */
const mostRounds = 3;
const roundPart = 1 / 4;

export class LeaseShare {
  #before: Wishes = { holders: 0, tokens: 0 };
  #now: Wishes = { holders: 0, tokens: 0 };
  /** By how often an asker has asked: where the window stood when the first of them did so. */
  #rounds: Round[] = [];

  /** `isNext`: the window before this one was the last that was counted; else nothing is known of the askers. */
  windowBegins(isNext: boolean): void {
    this.#before = isNext ? this.#now : { holders: 0, tokens: 0 };
    this.#now = { holders: 0, tokens: 0 };
    this.#rounds = [];
  }

  /** `rest`: which part of the window is still to come, above 0 and up to 1; `left`: how many tokens, before this one. */
  hear({ tokens, nth }: Wish, rest: number, left: number): void {
    if (nth <= mostRounds && this.#roundOf(nth, rest) === undefined) this.#rounds[nth] = { rest, left };
    if (nth > 1) return;
    this.#now.holders += 1;
    this.#now.tokens += tokens / rest;
  }

  /** How many tokens, of `left`, this asker may have in all, if leases are worth it at this quota; 0 if not. */
  of({ tokens, nth }: Wish, left: number, quota: number, rest: number): number {
    const holders = this.#holders(nth);
    if (quota < leastQuotaAHolder * holders) return 0;
    const others = Math.max(0, this.#everybody() * rest - tokens);
    const wanted = tokens + others;
    if (wanted <= left * plentyPart || left * lastPart <= quota) return Math.min(tokens, left);
    const shared = Math.min(tokens, ((this.#roundOf(nth, rest)?.left ?? left) * tokens) / wanted);
    return Math.floor(Math.min(left, shared * leasePart(nth)));
  }

  /** Whether so little is wished for that tokens can be set aside for windows to come. */
  isQuiet(quota: number): boolean {
    return this.#everybody() * 2 <= quota;
  }

  /** What all wish for in a whole window. */
  #everybody(): number {
    return Math.max(this.#before.tokens, this.#now.tokens);
  }

  /** Those who ask one after another share the same: else each would find less than the one before, and ask once more. */
  #roundOf(nth: number, rest: number): Round | undefined {
    const round = this.#rounds[nth];
    return round !== undefined && round.rest - rest <= roundPart ? round : undefined;
  }

  #holders(nth: number): number {
    return Math.max(1, this.#before.holders, this.#now.holders + (nth === 1 ? 1 : 0));
  }
}

/** Which part of its share is leased to one who asks for the nth time: of what was left when the first one did so. */
function leasePart(nth: number): number {
  return [0.6, 0.8][nth - 1] ?? 1;
}
