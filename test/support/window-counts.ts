/**
 * In which window each request was admitted, as far as its client and its origin can tell: after it was sent, before
 * the origin was asked. Where a window's end lies between, each of the two may be meant, and the reading that fits the
 * quota is taken; if there is none, too many were admitted.
 */

/** Instants in ms since 1970. */
interface Admission {
  readonly sentAt: number;
  readonly arrivedAt: number;
}

interface WindowCounts {
  /** Admitted, by the window's number. */
  readonly admitted: ReadonlyMap<number, number>;
  /** Admissions for which no window that they may belong to has room: more than the quota, whatever the reading. */
  readonly excess: number;
}

/** A clock that stands still while an isolate computes reads so much less than it is, ms. */
const standstillMs = 25;

/** Latest first, each into the latest window that it fits into: no other order finds room for more. */
export function windowCounts(admissions: readonly Admission[], windowMs: number, quota: number): WindowCounts {
  const admitted = new Map<number, number>();
  let excess = 0;
  const latestFirst = admissions.toSorted((one, other) => other.sentAt - one.sentAt);
  for (const { sentAt, arrivedAt } of latestFirst) {
    const first = Math.floor((sentAt - standstillMs) / windowMs);
    let window = Math.floor(arrivedAt / windowMs);
    while (window >= first && (admitted.get(window) ?? 0) >= quota) window -= 1;
    if (window >= first) admitted.set(window, (admitted.get(window) ?? 0) + 1);
    else excess += 1;
  }
  return { admitted, excess };
}

/** The windows that lie wholly between two instants. */
export function wholeWindows(fromAt: number, toAt: number, windowMs: number): readonly number[] {
  const first = Math.ceil(fromAt / windowMs);
  return Array.from({ length: Math.max(0, Math.floor(toAt / windowMs) - first) }, (_, index) => first + index);
}

/** In which order to ask, again and again: each as often as its weight says, spread as evenly as can be. */
export function turnsOf(weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const credit = weights.map(() => 0);
  return Array.from({ length: sum }, () => {
    for (const [index, weight] of weights.entries()) credit[index] = (credit[index] ?? 0) + weight;
    const next = credit.indexOf(Math.max(...credit));
    credit[next] = (credit[next] ?? 0) - sum;
    return next;
  });
}
