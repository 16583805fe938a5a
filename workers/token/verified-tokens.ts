/**
 * Tokens that were verified already, by their own text. It changes no verdict: an entry counts only while time alone
 * cannot change it, and while its issuer's keys are of the generation that verified it.
 *
 * What is dropped is chosen by a clock with a second chance: a hit sets one flag, and the hand takes the first entry that
 * was not asked for since it last came by. It keeps what a true LRU keeps; that one moves an entry at every hit, for
 * several times the price. Two halves that take turns are as cheap, but hold little more than half of their bound.
 */
import type { Verdict } from "./identity.ts";
import type { IssuerKeys } from "./issuer-keys.ts";
import type { KeySet } from "./key-set.ts";

export interface VerifiedToken {
  readonly verdict: Verdict;
  readonly goodFrom: number;
  readonly goodUntil: number;
  readonly keys: IssuerKeys;
  readonly generation: KeySet;
}

/** Entries at most, and characters of tokens at most: long tokens must not fill an isolate's 128 MB. */
export interface VerifiedTokensSize {
  readonly entries: number;
  readonly characters: number;
}

interface Slot {
  readonly token: string;
  entry: VerifiedToken;
  /** Asked for since the hand came by. */
  isUsed: boolean;
}

export class VerifiedTokens {
  readonly #size: VerifiedTokensSize;
  readonly #slots: Slot[] = [];
  readonly #slotOf = new Map<string, Slot>();
  #hand = 0;
  #characters = 0;

  constructor(size: VerifiedTokensSize = { entries: 10_000, characters: 8_388_608 }) {
    this.#size = size;
  }

  get count(): number {
    return this.#slots.length;
  }

  get characters(): number {
    return this.#characters;
  }

  find(token: string, now: number): VerifiedToken | undefined {
    const slot = this.#slotOf.get(token);
    if (slot === undefined) return undefined;
    const { entry } = slot;
    if (now < entry.goodFrom || now >= entry.goodUntil || entry.keys.current(now) !== entry.generation)
      return undefined;
    slot.isUsed = true;
    return entry;
  }

  keep(token: string, entry: VerifiedToken): void {
    const known = this.#slotOf.get(token);
    if (known !== undefined) {
      known.entry = entry;
      return;
    }
    const { entries, characters } = this.#size;
    if (token.length > characters) return;
    while (this.#slots.length >= entries || this.#characters + token.length > characters) this.#drop();
    const slot: Slot = { token, entry, isUsed: false };
    this.#slots.push(slot);
    this.#slotOf.set(token, slot);
    this.#characters += token.length;
  }

  /** Drops one entry; the last one takes its place, so that the ring has no holes. */
  #drop(): void {
    for (;;) {
      if (this.#hand >= this.#slots.length) this.#hand = 0;
      const slot = this.#slots[this.#hand];
      if (slot === undefined) return;
      if (!slot.isUsed) {
        const last = this.#slots.pop();
        if (last !== undefined && last !== slot) this.#slots[this.#hand] = last;
        this.#slotOf.delete(slot.token);
        this.#characters -= slot.token.length;
        this.#hand += 1;
        return;
      }
      slot.isUsed = false;
      this.#hand += 1;
    }
  }
}
