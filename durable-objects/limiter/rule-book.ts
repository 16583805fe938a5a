/**
 * Which rule holds: the newest version that was ever seen here, whoever brought it. An edge that has not heard of a
 * change is told, and asks again, so that no answer mixes two versions. Rules of the file may differ only while a
 * deploy is under way: each then counts for the one who brings it, over the same tokens.
 */
import type { Rule, RuleVersion } from "./contract.ts";
import type { Ledger } from "./ledger.ts";

type Changed = NonNullable<RuleVersion>;

export class RuleBook {
  readonly #ledger: Ledger;
  #newest: Changed | null;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    const note = ledger.note("rule");
    this.#newest = note === null ? null : (JSON.parse(note) as Changed);
  }

  /** The change that the bringer of this rule has not heard of; null when it holds. */
  newerThan({ version }: Pick<Rule, "version">, now: number): Changed | null {
    const newest = this.#newest;
    if (version !== null && (newest === null || isNewer(version, newest))) {
      this.#newest = version;
      this.#ledger.saveNote("rule", JSON.stringify(version));
      return null;
    }
    if (newest === null || (version?.epoch === newest.epoch && version.seq === newest.seq)) return null;
    // Once a change has expired, the file holds again, and for whoever still brings the change it says the same.
    return (newest.change.expiresAt ?? Infinity) <= now ? null : newest;
  }
}

/** Within one numbering by number; a new numbering is of a Log that began anew, and later. */
function isNewer(one: Changed, other: Changed): boolean {
  return one.epoch === other.epoch ? one.seq > other.seq : one.change.since > other.change.since;
}
