/**
 * Tokens that were verified already, by their own text. It changes no verdict: an entry counts only while time alone
 * cannot change it, while its issuer's keys are of the generation that verified it, and while no revocation that came
 * since names it. A revoked token is kept as such: a flood of it asks nobody.
 *
 * What is dropped is chosen by a clock with a second chance: a hit sets one flag, and the hand takes the first entry that
 * was not asked for since it last came by. It keeps what a true LRU keeps; that one moves an entry at every hit, for
 * several times the price. Two halves that take turns are as cheap, but hold little more than half of their bound.
 */
import type { Verdict } from "./identity.ts";
import type { KeysOfIssuer } from "./issuer-keys.ts";
import type { KeySet } from "./key-set.ts";
import { refusalOf } from "./refusals.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";

export interface VerifiedToken {
  readonly verdict: Verdict;
  readonly goodFrom: number;
  readonly goodUntil: number;
  readonly keys: KeysOfIssuer;
  readonly generation: KeySet;
  readonly names: TokenNames;
  /** What was known of revocations when it was held against them. */
  readonly revision: number;
}

/** What this needs of the isolate's revocations. */
export interface RevocationsKnown {
  /** Grows with everything that is learned: an entry checked at it needs no look. */
  readonly revision: number;
  /** A token that was revoked at this revision or later still is. */
  readonly liftedRevision: number;
  since(names: TokenNames, revision: number): "clear" | "revoked" | "unknown";
}

/** Entries at most, and characters of tokens at most: long tokens must not fill an isolate's 128 MB. */
export interface VerifiedTokensSize {
  readonly entries: number;
  readonly characters: number;
}

interface Slot {
  readonly token: string;
  entry: VerifiedToken;
  /** The newest one at which the entry was looked at. */
  revision: number;
  /** Asked for since the hand came by. */
  isUsed: boolean;
}

export class VerifiedTokens {
  readonly #revocations: RevocationsKnown;
  readonly #size: VerifiedTokensSize;
  readonly #slots: Slot[] = [];
  readonly #slotOf = new Map<string, Slot>();
  #hand = 0;
  #characters = 0;

  constructor(revocations: RevocationsKnown, size: VerifiedTokensSize = { entries: 10_000, characters: 8_388_608 }) {
    this.#revocations = revocations;
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
    if (slot.revision !== this.#revocations.revision && !this.#isCheckedOn(slot)) return undefined;
    slot.isUsed = true;
    return slot.entry;
  }

  keep(token: string, entry: VerifiedToken): void {
    const known = this.#slotOf.get(token);
    if (known !== undefined) {
      known.entry = entry;
      known.revision = entry.revision;
      return;
    }
    const { entries, characters } = this.#size;
    if (token.length > characters) return;
    while (this.#slots.length >= entries || this.#characters + token.length > characters) this.#drop();
    const slot: Slot = { token, entry, revision: entry.revision, isUsed: false };
    this.#slots.push(slot);
    this.#slotOf.set(token, slot);
    this.#characters += token.length;
  }

  /** Holds the slot against what has come since, which may revoke it; false when only a new verification can tell. */
  #isCheckedOn(slot: Slot): boolean {
    const { revision, liftedRevision } = this.#revocations;
    const { names, verdict } = slot.entry;
    if (verdict.kind === "refused") {
      if (slot.revision < liftedRevision) return false;
    } else {
      const since = this.#revocations.since(names, slot.revision);
      if (since === "unknown") return false;
      if (since === "revoked") slot.entry = { ...slot.entry, verdict: refusalOf("revoked") };
    }
    slot.revision = revision;
    return true;
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
