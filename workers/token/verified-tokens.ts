/**
 * Tokens that were verified already, by their own text. It changes no verdict: an entry counts only while time alone
 * cannot change it, and while its issuer's keys are of the generation that verified it.
 *
 * Two halves, a young and an old one: what is asked for again moves to the young half, and when that is full the old one
 * is dropped. That costs a hit nothing to speak of, and keeps what is in use.
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

export class VerifiedTokens {
  readonly #size: VerifiedTokensSize;
  #young = new Map<string, VerifiedToken>();
  #old = new Map<string, VerifiedToken>();
  #youngCharacters = 0;

  constructor(size: VerifiedTokensSize = { entries: 10_000, characters: 8_388_608 }) {
    this.#size = size;
  }

  get count(): number {
    return this.#young.size + this.#old.size;
  }

  find(token: string, now: number): VerifiedToken | undefined {
    let entry = this.#young.get(token);
    if (entry === undefined) {
      entry = this.#old.get(token);
      if (entry === undefined) return undefined;
      this.#old.delete(token);
      this.keep(token, entry);
    }
    if (now >= entry.goodFrom && now < entry.goodUntil && entry.keys.current(now) === entry.generation) return entry;
    return undefined;
  }

  keep(token: string, entry: VerifiedToken): void {
    const isNew = !this.#young.has(token);
    const isFull =
      this.#young.size >= this.#size.entries / 2 || this.#youngCharacters + token.length > this.#size.characters / 2;
    if (isNew && isFull) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngCharacters = 0;
    }
    if (isNew) this.#youngCharacters += token.length;
    this.#young.set(token, entry);
  }
}
