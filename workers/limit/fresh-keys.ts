/**
 * A brake on floods of fresh keys: how many budgets, never asked for before, one neighbourhood of addresses may bring
 * in a while. Whoever owns an IPv6 network can make a new address, and so a new budget, for each request; past the
 * brake they are refused before any call. Refused, never admitted uncounted: no quota depends on it.
 */

/** Fresh budgets of one neighbourhood in one cell of time. A whole IPv4 /24 has fewer addresses. */
const mostFresh = 1_024;
const cellMs = 10_000;
/** Neighbourhoods watched at once: past that the count begins anew, and the flood costs a call each for a while. */
const mostNeighbourhoods = 4_096;

/** How long to refuse a fresh budget of a neighbourhood, ms; 0 when it may pass. */
export type Brake = (neighbourhood: string, now: number) => number;

export function brakeOnFreshKeys(): Brake {
  const counts = new Map<string, number>();
  let cellEndsAt = 0;

  return (neighbourhood, now) => {
    if (now >= cellEndsAt || cellEndsAt - now > cellMs) {
      counts.clear();
      cellEndsAt = now + cellMs;
    }
    const count = (counts.get(neighbourhood) ?? 0) + 1;
    if (count > mostFresh) return cellEndsAt - now;
    if (count === 1 && counts.size >= mostNeighbourhoods) counts.clear();
    counts.set(neighbourhood, count);
    return 0;
  };
}
