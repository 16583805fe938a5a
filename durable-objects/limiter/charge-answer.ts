/** A charge as a counter reads it, and what a counter decides as its taker reads it. */
import type { ChargeAnswer, ChargeRequest, Rule } from "./contract.ts";
import type { Ask, Grant, Standing } from "./counter.ts";

/** Clock rates differ by up to 5 % either way: 1.05 / 0.95 < 1.11. */
const drift = 1.11;
/** By how much the distance of two hosts' clocks changes at most while one waits for the other, with a rest for standstill, ms. */
const apartMs = 300;

export function askOf(
  { rule, cost, demand, lease, paced, nth, window, isDebt = false }: ChargeRequest,
  now: number,
): Ask {
  return { cost, demand, lease, paced, nth: window === windowAt(rule, now) ? nth : 1, isDebt };
}

/** Which window it is, for those that count in windows; else there is but one. */
function windowAt({ algorithm, windowMs }: Rule, now: number): number {
  return algorithm === "fixed-window" ? Math.floor(now / windowMs) * windowMs : 0;
}

export function answerOf(
  offered: Grant,
  standing: Standing,
  rule: Rule,
  { now, waitedMs }: { readonly now: number; readonly waitedMs: number },
): ChargeAnswer {
  const { remaining, resetMs, sameForMs } = standing;
  const known = { v: 1, remaining, resetMs, quota: rule.quota, window: windowAt(rule, now) } as const;
  if (offered.kind === "granted") {
    const { tokens, lease } = offered;
    return { ...known, kind: "granted", tokens, lease, denyMs: remaining > 0 ? 0 : denyOf(sameForMs, waitedMs) };
  }
  const { retryMs } = offered;
  return { ...known, kind: "refused", retryMs, denyMs: denyOf(offered.sameForMs, waitedMs) };
}

/**
 * How long the taker may refuse by its own clock, from sending, before there can be a token again here: by the rates of
 * the two clocks, or by how far hosts' clocks are ever apart, whichever allows more. What the request waited here has run
 * at the taker, too.
 */
function denyOf(sameForMs: number, waitedMs: number): number {
  const wholeMs = sameForMs <= 0 ? 0 : sameForMs + waitedMs;
  return Math.max(0, Math.floor(wholeMs / drift), Math.floor(wholeMs - apartMs));
}

/** The same answer, told again some time after. What runs at the taker runs from when it sent its request, as before. */
export function later(answer: ChargeAnswer, tookMs: number): ChargeAnswer {
  if (answer.kind === "outdated") return answer;
  const resetMs = Math.max(0, answer.resetMs - tookMs);
  if (answer.kind === "granted" || answer.retryMs === null) return { ...answer, resetMs };
  return { ...answer, resetMs, retryMs: Math.max(0, answer.retryMs - tookMs) };
}
