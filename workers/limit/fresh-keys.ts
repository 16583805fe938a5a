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

export class FreshKeys {
  readonly #counts = new Map<string, number>();
  #cellEndsAt = 0;

  /** How long to refuse, ms; 0 when it may pass. */
  brake(neighbourhood: string, now: number): number {
    if (now >= this.#cellEndsAt || this.#cellEndsAt - now > cellMs) {
      this.#counts.clear();
      this.#cellEndsAt = now + cellMs;
    }
    const count = (this.#counts.get(neighbourhood) ?? 0) + 1;
    if (count > mostFresh) return this.#cellEndsAt - now;
    if (count === 1 && this.#counts.size >= mostNeighbourhoods) this.#counts.clear();
    this.#counts.set(neighbourhood, count);
    return 0;
  }
}
