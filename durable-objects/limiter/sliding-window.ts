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
import { isDatedTokens, sumOf, withoutTokens, type DatedTokens } from "./dated-tokens.ts";
import { askedBy, countedAt, farthestOf, isIntervalLog, lifeOf, logged, logOf, withUnknown } from "./interval-logs.ts";
import type { IntervalLog } from "./interval-logs.ts";
import { grantOf, spentBy, type Granted } from "./timed-lease.ts";

class SlidingWindow implements Counter {
  /** Under whose length it was counted last comes last. */
  #logs: readonly IntervalLog[];

  constructor(logs: readonly IntervalLog[] = []) {
    this.#logs = logs;
  }

  adopt({ windowMs }: Terms, now: number): boolean {
    if (windowMs === this.#logs.at(-1)?.windowMs) return false;
    this.#logs = askedBy(this.#logs, windowMs, now);
    return this.#logs.some(({ counted }) => counted.length > 0);
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
    this.#logs = logged(askedBy(this.#logs, windowMs, now), stamp, moved, now);
  }

  putBack(stamp: number, tokens: number, { windowMs }: Terms, now: number): number {
    const own = logOf(this.#logs, windowMs);
    if (own === undefined || now - stamp >= windowMs) return 0;
    const { taken } = withoutTokens(own.counted, stamp, tokens);
    this.#logs = this.#logs.map((log) => ({ ...log, counted: withoutTokens(log.counted, stamp, taken).dated }));
    return taken;
  }

  assume(tokens: number, at: number, { windowMs }: Terms): void {
    if (tokens === 0) return;
    const logs = this.#logs.length > 0 ? this.#logs : askedBy([], windowMs, at);
    // They may have been leased under other terms than these, for longer.
    const lifeMs = Math.max(lifeOf({ windowMs }), ...logs.map(lifeOf));
    this.#logs = logs.map((log) => withUnknown(log, spentBy(at, lifeMs), tokens, at));
  }

  lose(tokens: number, at: number, terms: Terms): void {
    const stamp = spentBy(at, lifeOf(terms));
    this.#logs = this.#logs.map((log) => (log.windowMs === terms.windowMs ? withUnknown(log, stamp, tokens, at) : log));
  }

  standing(terms: Terms, now: number): Standing {
    const counted = this.#countedAt(terms.windowMs, now);
    const remaining = leftOf(counted, terms.quota);
    const resetMs = Math.max(0, (counted.at(-1)?.at ?? 0) + terms.windowMs - now);
    return { used: sumOf(counted), remaining, resetMs, sameForMs: sameForMs(counted, remaining, terms, now) };
  }

  /** All of it has left a window after the last of it, whatever it was. */
  owed(): number {
    return 0;
  }

  endsAt({ windowMs }: Terms): number {
    const ends = this.#logs.map((log) => (log.counted.at(-1)?.at ?? -Infinity) + Math.max(windowMs, log.windowMs));
    return Math.max(0, ...ends);
  }

  allowanceEndsAt({ windowMs }: Terms, now: number): number {
    return now + windowMs;
  }

  image(): string {
    const windowMs = this.#logs.at(-1)?.windowMs ?? 0;
    const farthest = farthestOf(this.#logs);
    const logs = this.#logs.map((log) => (log === farthest ? { ...log, counted: [] } : log));
    return JSON.stringify({ v: 1, counted: farthest?.counted ?? [], windowMs, logs } satisfies Image);
  }

  #countedAt(windowMs: number, now: number): readonly DatedTokens[] {
    return countedAt(logOf(this.#logs, windowMs)?.counted ?? [], windowMs, now);
  }
}

interface Image {
  readonly v: 1;
  /** Of the log that reaches back farthest, which has none beside the others. */
  readonly counted: readonly DatedTokens[];
  readonly windowMs: number;
  /** Not written by the version before. */
  readonly logs?: readonly IntervalLog[];
}

export function freshSlidingWindow(): Counter {
  return new SlidingWindow();
}

export function restoreSlidingWindow(image: string): Counter | null {
  const { v, counted, windowMs = 0, logs = [] } = (JSON.parse(image) ?? {}) as Partial<Record<keyof Image, unknown>>;
  if (v !== 1 || !isDatedTokens(counted) || typeof windowMs !== "number") return null;
  if (!Array.isArray(logs) || !logs.every(isIntervalLog)) return null;
  const farthest = farthestOf(logs);
  if (farthest !== undefined)
    return new SlidingWindow(logs.map((log) => (log === farthest ? { ...log, counted } : log)));
  const last = counted.at(-1);
  return new SlidingWindow(windowMs === 0 ? [] : [{ windowMs, until: (last?.at ?? 0) + windowMs, counted }]);
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
