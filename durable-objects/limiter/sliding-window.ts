/**
 * A sliding window: in every interval of the window's length at most the quota.
 *
 * Each grant is remembered by the moment at which its tokens are spent at the latest. It counts from when it is
 * granted, because it may be spent at once, until a window's length after that moment, because it may be spent then.
 * Weighted neighbouring windows would need less memory, and would admit more than the quota in some interval.
 *
 * Only a charge forgets what has gone: somebody who looks under another rule must not change what is counted.
 */
import type { Ask, Counter, Grant, Standing, Terms } from "./counter.ts";
import { isDatedTokens, sumOf, withoutTokens, withTokens, type DatedTokens } from "./dated-tokens.ts";
import { grantOf, spentBy, type Granted } from "./timed-lease.ts";

/** A lease lives this part of the window: about as much of the quota is lost to not knowing when it is spent. */
const livesInWindow = 50;

class SlidingWindow implements Counter {
  #counted: readonly DatedTokens[];
  /** Under which leases were given last. */
  #windowMs: number;

  constructor(counted: readonly DatedTokens[] = [], windowMs = 0) {
    this.#counted = counted;
    this.#windowMs = windowMs;
  }

  adopt({ windowMs }: Terms): boolean {
    if (windowMs === this.#windowMs) return false;
    this.#windowMs = windowMs;
    return this.#counted.length > 0;
  }

  offer(ask: Ask, terms: Terms, now: number): Grant {
    const { quota, windowMs } = terms;
    const counted = this.#countedAt(windowMs, now);
    const left = leftOf(counted, quota);
    if (ask.isDebt || (quota > 0 && ask.cost <= left)) {
      return grantOf(ask, { left, most: quota, lifeMs: lifeOf(terms) }, now);
    }
    const retryMs = quota > 0 && ask.cost <= quota ? coveredAt(counted, ask.cost, terms) - now : null;
    return { kind: "refused", retryMs, sameForMs: sameForMs(counted, left, terms, now) };
  }

  take({ stamp, moved }: Granted, _ask: Ask, { windowMs }: Terms, now: number): void {
    const counted = this.#countedAt(windowMs, now);
    this.#counted = moved > 0 ? withTokens(counted, stamp, moved) : counted;
  }

  putBack(stamp: number, tokens: number, { windowMs }: Terms, now: number): number {
    if (now - stamp >= windowMs) return 0;
    const { dated, taken } = withoutTokens(this.#counted, stamp, tokens);
    this.#counted = dated;
    return taken;
  }

  assume(tokens: number, at: number, terms: Terms): void {
    if (tokens === 0) return;
    // They may have been leased under the terms before these, for longer.
    const lifeMs = lifeOf({ windowMs: Math.max(terms.windowMs, this.#windowMs) });
    this.#counted = withTokens(this.#counted, spentBy(at, lifeMs), tokens);
  }

  standing(terms: Terms, now: number): Standing {
    const counted = this.#countedAt(terms.windowMs, now);
    const remaining = leftOf(counted, terms.quota);
    const resetMs = Math.max(0, this.endsAt(terms) - now);
    return { used: sumOf(counted), remaining, resetMs, sameForMs: sameForMs(counted, remaining, terms, now) };
  }

  /** All of it has left a window after the last of it, whatever it was. */
  owed(): number {
    return 0;
  }

  endsAt({ windowMs }: Terms): number {
    const last = this.#counted.at(-1);
    return last === undefined ? 0 : last.at + windowMs;
  }

  allowanceEndsAt({ windowMs }: Terms, now: number): number {
    return now + windowMs;
  }

  image(): string {
    return JSON.stringify({ v: 1, counted: this.#counted, windowMs: this.#windowMs } satisfies Image);
  }

  #countedAt(windowMs: number, now: number): readonly DatedTokens[] {
    const gone = this.#counted.findLastIndex(({ at }) => now - at >= windowMs) + 1;
    return gone === 0 ? this.#counted : this.#counted.slice(gone);
  }
}

interface Image {
  readonly v: 1;
  readonly counted: readonly DatedTokens[];
  readonly windowMs: number;
}

export function freshSlidingWindow(): Counter {
  return new SlidingWindow();
}

export function restoreSlidingWindow(image: string): Counter | null {
  const { v, counted, windowMs = 0 } = (JSON.parse(image) ?? {}) as Partial<Record<keyof Image, unknown>>;
  if (v !== 1 || !isDatedTokens(counted) || typeof windowMs !== "number") return null;
  return new SlidingWindow(counted, windowMs);
}

function lifeOf({ windowMs }: Pick<Terms, "windowMs">): number {
  return Math.floor(windowMs / livesInWindow);
}

function leftOf(counted: readonly DatedTokens[], quota: number): number {
  return Math.max(0, quota - sumOf(counted));
}

/** When `tokens`, at most the quota, can be had if nobody else asks. */
function coveredAt(counted: readonly DatedTokens[], tokens: number, { quota, windowMs }: Terms): number {
  let missing = tokens + sumOf(counted) - quota;
  let latest = 0;
  for (const { at, tokens: leaving } of counted) {
    if (missing <= 0) break;
    missing -= leaving;
    latest = at + windowMs;
  }
  return latest;
}

/** Until one token more than `left` can be had; where there never is one, a window's length, after which to ask again. */
function sameForMs(counted: readonly DatedTokens[], left: number, terms: Terms, now: number): number {
  return left < terms.quota ? coveredAt(counted, left + 1, terms) - now : terms.windowMs;
}
