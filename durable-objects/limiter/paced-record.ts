/**
 * What is on record of paced leases, so that a memory that is lost leaves no more of them unknown than there are: for each
 * life of the object until when some may be spent, and how many tokens they hold at most of a window of any budget. An
 * object that sleeps between two leases of its only client could give it none otherwise: half of the quota would be held
 * to be leased already.
 */
import type { Ledger } from "./ledger.ts";

export interface PacedLife {
  /** Every window that they may be spent in began before it. */
  readonly until: number;
  readonly tokens: number;
}

/** How far ahead a moment is written, ms, where one life gives lease after lease: the most often that it is written. */
const aheadMs = 5_000;
/** The version before knows of one moment for all. */
const aheadForOthersMs = 20_000;
/** What is written of tokens is a power of two, and no less. */
const leastTokens = 8;
const mostLives = 8;

interface Written {
  readonly v: 1;
  /** The one moment that was written with it: another one there is of a version that does not write this. */
  readonly moment: number;
  readonly lives: readonly PacedLife[];
}

export class PacedRecord {
  readonly #ledger: Ledger;
  /** Of the lives before this one, those that end last first. */
  readonly lost: readonly PacedLife[];
  #moment: number;
  #own: PacedLife | null = null;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#moment = ledger.fact("paced") ?? 0;
    const note = ledger.note("paced");
    const { moment, lives } = note === null ? { moment: 0, lives: [] } : (JSON.parse(note) as Written);
    const others = moment === this.#moment ? [] : [{ until: this.#moment, tokens: Infinity }];
    this.lost = [...lives, ...others].toSorted((one, other) => other.until - one.until);
  }

  /** From here on none of them can be spent. */
  get endsAt(): number {
    return Math.max(this.#own?.until ?? 0, this.lost[0]?.until ?? 0);
  }

  /** Before a paced lease is given; its budget's leases of this life hold so many tokens, with it. */
  reach({ until, tokens }: PacedLife, now: number): void {
    const own = this.#own;
    if (own !== null && until <= own.until && tokens <= own.tokens) return;
    this.#own = {
      until: own === null || until <= own.until ? Math.max(until, own?.until ?? 0) : until + aheadMs,
      tokens: Math.max(own?.tokens ?? leastTokens, 2 ** Math.ceil(Math.log2(tokens))),
    };
    if (this.#own.until > this.#moment) {
      this.#moment = this.#own.until + aheadForOthersMs;
      this.#ledger.saveFact("paced", this.#moment);
    }
    const lives = [
      this.#own,
      ...atMost(
        mostLives - 1,
        this.lost.filter((life) => life.until > now),
      ),
    ];
    this.#ledger.saveNote("paced", JSON.stringify({ v: 1, moment: this.#moment, lives } satisfies Written));
  }

  /** What windows of a budget of this quota may be charged with by leases that nobody remembers: never more than half. */
  lostOf(quota: number): readonly PacedLife[] {
    let left = Math.floor(quota / 2);
    return this.lost.map(({ until, tokens }) => {
      const held = Math.min(tokens, left);
      left -= held;
      return { until, tokens: held };
    });
  }
}

/** Of too many, which end in this order, the last ones become one. */
function atMost(most: number, lives: readonly PacedLife[]): readonly PacedLife[] {
  const [first, ...others] = lives.slice(most - 1);
  if (first === undefined || others.length === 0) return lives;
  const tokens = others.reduce((sum, life) => sum + life.tokens, first.tokens);
  return [...lives.slice(0, most - 1), { until: first.until, tokens }];
}
