/**
 * Which rule holds: the newest version that was ever seen here, whoever brought it. An edge that has not heard of a
 * change is told, and asks again, so that no answer mixes two versions. Rules of the file may differ only while a
 * deploy is under way: each then counts for the one who brings it, over the same tokens.
 *
 * When a change expires is decided by this clock. An edge whose clock is ahead is told that the change holds, and takes
 * the word for it; one whose clock is behind still brings the change for a moment, and is counted under it.
 */
import type { Rule, RuleVersion } from "./contract.ts";
import type { Ledger } from "./ledger.ts";

type Changed = NonNullable<RuleVersion>;

export class RuleBook {
  readonly #ledger: Ledger;
  #newest: Changed | null;
  #isExpired = false;
  #turns = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    const note = ledger.note("rule");
    this.#newest = note === null ? null : (JSON.parse(note) as Changed);
  }

  /** Grows whenever another rule begins to hold, as far as that is seen here. */
  get turns(): number {
    return this.#turns;
  }

  /** The change that the bringer of this rule has not heard of; null when it holds. */
  newerThan({ version }: Pick<Rule, "version">, now: number): Changed | null {
    const newest = this.#newest;
    if (version !== null && (newest === null || isNewer(version, newest))) {
      this.#newest = version;
      this.#isExpired = false;
      this.#turns += 1;
      this.#ledger.saveNote("rule", JSON.stringify(version));
      return null;
    }
    if (newest === null || (version?.epoch === newest.epoch && version.seq === newest.seq)) return null;
    // Once a change has expired the file holds again: who names no change is right, who names an older one is not.
    const isExpired = (newest.change.expiresAt ?? Infinity) <= now;
    if (isExpired && !this.#isExpired) this.#turns += 1;
    this.#isExpired = isExpired;
    return isExpired && version === null ? null : newest;
  }
}

/** Within one numbering by number; a new numbering is of a Log that began anew, and later. */
function isNewer(one: Changed, other: Changed): boolean {
  return one.epoch === other.epoch ? one.seq > other.seq : one.change.since > other.change.since;
}
