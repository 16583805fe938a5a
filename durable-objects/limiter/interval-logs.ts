/**
 * What sliding windows have counted: a log for each length that was asked by lately. Rules of two lengths are asked by in
 * turns while a deploy changes a limit's window, and each of them counts whatever goes, whoever lets it go. A log of its
 * own for each, because one that reaches far back knows little of the last moments.
 */
import { guardOf } from "../platform/lease.ts";
import { isDatedTokens, withTokens, type DatedTokens } from "./dated-tokens.ts";

export interface IntervalLog {
  readonly windowMs: number;
  /** What was let go by it may count until then. */
  readonly until: number;
  readonly counted: readonly DatedTokens[];
}

/** A lease lives this part of the window: about as much of the quota is lost to not knowing when it is spent. */
const livesInWindow = 50;
/** More are never asked by in turns: one change of the configuration has two. */
const mostLogs = 4;

export function lifeOf({ windowMs }: { readonly windowMs: number }): number {
  return Math.floor(windowMs / livesInWindow);
}

/** Asked by `windowMs`: its log comes last, and begins with what the one that reaches back farthest knows. */
export function askedBy(logs: readonly IntervalLog[], windowMs: number, now: number): readonly IntervalLog[] {
  const counted = logOf(logs, windowMs)?.counted ?? [];
  const until = countsUntil(windowMs, now);
  const others = logs.filter((log) => log.windowMs !== windowMs && now < log.until);
  return [...atMost(mostLogs - 1, others), { windowMs, until, counted }];
}

/** Of this length, or else the one that reaches back farthest. */
export function logOf(logs: readonly IntervalLog[], windowMs: number): IntervalLog | undefined {
  return logs.find((log) => log.windowMs === windowMs) ?? farthestOf(logs);
}

export function farthestOf(logs: readonly IntervalLog[]): IntervalLog | undefined {
  return logs.toSorted((one, other) => other.windowMs - one.windowMs)[0];
}

/** At `now` all of them forget what has gone from them. */
export function logged(logs: readonly IntervalLog[], at: number, tokens: number, now: number): readonly IntervalLog[] {
  return logs.map((log) => {
    const counted = countedAt(log.counted, log.windowMs, now);
    return { ...log, counted: tokens > 0 ? withTokens(counted, at, tokens) : counted };
  });
}

/** Tokens that nobody knows of: let go at `at` at the latest, and spent by `stamp`. */
export function withUnknown(log: IntervalLog, stamp: number, tokens: number, at: number): IntervalLog {
  const counted = withTokens(log.counted, stamp, tokens);
  return { ...log, counted, until: Math.max(log.until, countsUntil(log.windowMs, at)) };
}

/** What is let go at `at` may be spent from a lease, and counts for a window from then on. */
function countsUntil(windowMs: number, at: number): number {
  return at + guardOf(lifeOf({ windowMs })) + windowMs;
}

export function countedAt(counted: readonly DatedTokens[], windowMs: number, now: number): readonly DatedTokens[] {
  const gone = counted.findLastIndex(({ at }) => now - at >= windowMs) + 1;
  return gone === 0 ? counted : counted.slice(gone);
}

export function isIntervalLog(value: unknown): value is IntervalLog {
  const { windowMs, until, counted } = (value ?? {}) as Partial<IntervalLog>;
  return Number.isFinite(windowMs) && Number.isFinite(until) && isDatedTokens(counted);
}

/** Of too many the one that reaches back least goes: the others know what it knew. */
function atMost(most: number, logs: readonly IntervalLog[]): readonly IntervalLog[] {
  if (logs.length <= most) return logs;
  const least = logs.toSorted((one, other) => one.windowMs - other.windowMs)[0];
  return logs.filter((log) => log !== least);
}
