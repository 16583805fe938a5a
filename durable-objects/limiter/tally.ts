/** What edges tell of allowed and refused requests, summed. Written beside what is written anyway: counting costs no row. */
import type { Counts } from "./contract.ts";
import type { Ledger } from "./ledger.ts";

export class Tally {
  readonly #ledger: Ledger;
  #counts: Counts;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    const note = ledger.note("counts");
    this.#counts = note === null ? noCounts : (JSON.parse(note) as Counts);
  }

  get counts(): Counts {
    return this.#counts;
  }

  add(told: Counts | undefined): void {
    if (told === undefined) return;
    const { allowed, refused, nearLimit } = this.#counts;
    this.#counts = {
      allowed: allowed + told.allowed,
      refused: refused + told.refused,
      nearLimit: nearLimit + told.nearLimit,
    };
  }

  save(): void {
    this.#ledger.saveNote("counts", JSON.stringify(this.#counts));
  }
}

const noCounts: Counts = { allowed: 0, refused: 0, nearLimit: 0 };
