/**
 * What an isolate believes of revocations. Pure: events and filters in, verdicts out.
 *
 * Those that came as events since the view began are held exactly; of those before, a filter says that a token is surely
 * named by none, or that a Region must be asked. While there is no filter, a Region is asked about every token that was
 * not looked at yet. `revision` grows with everything learned: what was checked at it needs no look.
 */
import type { Cursor, MeshEvent } from "../../durable-objects/log/contract.ts";
import type { FilterData, TokenNames } from "../../durable-objects/revocations/contract.ts";
import { KeyFilter } from "../../durable-objects/revocations/key-filter.ts";
import { keyOfTarget, keysOfToken } from "../../durable-objects/revocations/naming.ts";
import { readLifted, readRevocation } from "../../durable-objects/revocations/reading.ts";
import { HeldRevocations, type HeldRevocation } from "./held-revocations.ts";

export type RevocationFinding =
  | { readonly kind: "clear" }
  /** `issuedBefore`: of the revocation that names it; null when that holds whenever the token was issued. */
  | { readonly kind: "revoked"; readonly issuedBefore: number | null }
  /** A Region must say it. */
  | { readonly kind: "ask" };

/** Held exactly at most: a few MB. */
const defaultBound = 20_000;

export class Revocations {
  readonly #bound: number;
  readonly #held = new HeldRevocations();
  /** All that came after this number is held. */
  #floor = 0;
  /** What was checked before this revision was checked without what the floor hides now. */
  #floorRevision = 0;
  /** Holds everything up to the floor, if there is one. */
  #filter: KeyFilter | null = null;
  #revision = 0;
  #liftedRevision = 0;
  #liftedSeq = 0;

  constructor(bound: number = defaultBound) {
    this.#bound = bound;
  }

  get revision(): number {
    return this.#revision;
  }

  /** A token that was found revoked at this revision or later still is. */
  get liftedRevision(): number {
    return this.#liftedRevision;
  }

  /** A filter should be got: there is none, or it says "perhaps" too often. */
  get wantsFilter(): boolean {
    return this.#filter === null || this.#filter.isOverfull;
  }

  /** What was before `floor`, or in another epoch, is not known. */
  reset(floor: number): void {
    this.#revision += 1;
    this.#held.clear();
    this.#filter = null;
    this.#floor = floor;
    this.#floorRevision = this.#revision;
    this.#liftedRevision = this.#revision;
    this.#liftedSeq = floor;
  }

  /** Events about anything else are none of it. */
  learn({ id, seq, type, data }: MeshEvent): void {
    if (type === "revocation") {
      const revocation = readRevocation(data);
      if (revocation === null) return;
      this.#revision += 1;
      this.#held.add({ id, seq, revision: this.#revision, data: revocation });
      if (this.#held.size > this.#bound) this.#forgetOlderHalf();
    } else if (type === "revocation_lifted") {
      this.#revision += 1;
      this.#liftedRevision = this.#revision;
      this.#liftedSeq = seq;
      const lifted = readLifted(data);
      if (lifted !== null) this.#held.delete(lifted);
    }
  }

  /** `seq`: of the newest event that the filter has in it, in this epoch. Nothing is taken of one that is too old. */
  takeFilter(seq: number, data: FilterData): void {
    if (seq < this.#floor) return;
    this.#filter = KeyFilter.of(data) ?? this.#filter;
  }

  verdictOn(names: TokenNames): RevocationFinding {
    const held = this.#held.match(names, null);
    if (held !== null) return revokedBy(held);
    const filter = this.#filter;
    if (filter === null) return ask;
    if (filter.keys === 0) return clear;
    return keysOfToken(names).some((key) => filter.mayHave(key)) ? ask : clear;
  }

  /** What has come since a look at `revision` found the token clear; `unknown`: it must be looked at anew. */
  verdictSince(names: TokenNames, revision: number): "clear" | "revoked" | "unknown" {
    if (revision < this.#floorRevision) return "unknown";
    return this.#held.match(names, { revision }) === null ? "clear" : "revoked";
  }

  /** What follows of what a Region said at `through`; `ask`: more came meanwhile than can be told here. */
  verdictAfter(names: TokenNames, said: RevocationFinding, through: Pick<Cursor, "seq">): RevocationFinding {
    if (said.kind === "revoked") return this.#liftedSeq > through.seq ? ask : said;
    if (through.seq < this.#floor) return ask;
    const held = this.#held.match(names, { seq: through.seq });
    return held === null ? said : revokedBy(held);
  }

  /** They go into the filter: a Region is asked about what they may name. */
  #forgetOlderHalf(): void {
    for (const { seq, revision, data } of this.#held.takeOlderHalf()) {
      this.#filter?.add(keyOfTarget(data));
      this.#floor = seq;
      this.#floorRevision = revision;
    }
  }
}

const clear: RevocationFinding = { kind: "clear" };
const ask: RevocationFinding = { kind: "ask" };

function revokedBy({ data }: HeldRevocation): RevocationFinding {
  return { kind: "revoked", issuedBefore: data.issuedBefore ?? null };
}
