/**
 * What an isolate believes about the mesh: the outcome of all events up to its cursor. Pure: pages in, beliefs changed.
 *
 * A page is taken when it continues the cursor, or resets it; one that leaves a hole is not. What was taken before is
 * skipped, so any multiset of pages in any order gives the same beliefs.
 */
import type { KeysData } from "../../durable-objects/keyring/contract.ts";
import type { Cursor, MeshEvent, Page } from "../../durable-objects/log/contract.ts";
import type { FilterData } from "../../durable-objects/revocations/contract.ts";
import { Invalidations } from "./invalidations.ts";
import { readInvalidation } from "./invalidation-data.ts";
import { LimitChanges, type LimitChanged } from "./limit-changes.ts";
import type { EntryVerdict, Marked } from "./marked.ts";
import { Revocations } from "./revocations.ts";

export class Beliefs {
  readonly revocations: Revocations;
  readonly #invalidations: Invalidations;
  readonly #keys = new Map<string, KeysData>();
  readonly #limits = new LimitChanges();
  #cursor: Cursor | null = null;

  constructor(mostInvalidations?: number, mostRevocations?: number) {
    this.#invalidations = new Invalidations(mostInvalidations);
    this.revocations = new Revocations(mostRevocations);
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  /** `asked`: the cursor that the page answers. False when the page does not fit what is known: nothing was changed. */
  take(page: Page, asked: Cursor | null = this.#cursor): boolean {
    const { reset } = page;
    if (reset === undefined) {
      if (this.#cursor?.epoch !== page.epoch || page.after > this.#cursor.seq) return false;
    } else {
      // Another numbering came in since it was asked for: which of the two is the older one cannot be told.
      if (this.#cursor?.epoch !== asked?.epoch && this.#cursor?.epoch !== page.epoch) return false;
      // Late, and of the same numbering: a reset that knows less than is known here would bring back the past.
      if (this.#cursor?.epoch === page.epoch && page.to < this.#cursor.seq) return true;
      this.#invalidations.reset(reset.floor);
      this.#keys.clear();
      this.#limits.reset(reset.floor);
      this.revocations.reset(reset.floor);
      this.#cursor = { epoch: page.epoch, seq: reset.floor };
      // What is retained from before the floor says how things stand, not what was changed since.
      for (const event of reset.retained) this.#learnStanding(page.epoch, event);
    }
    const known = this.#cursor.seq;
    for (const event of page.events) if (event.seq > known) this.#learn(page.epoch, event);
    this.#cursor = { epoch: page.epoch, seq: Math.max(known, page.to) };
    return true;
  }

  /** `through`: the newest event that it has in it. Of another epoch it says nothing here. */
  takeFilter(through: Cursor, filter: FilterData): void {
    if (through.epoch === this.#cursor?.epoch) this.revocations.takeFilter(through.seq, filter);
  }

  verdictOn(entry: Marked): EntryVerdict {
    return entry.epoch === this.#cursor?.epoch ? this.#invalidations.verdictOn(entry) : "purged";
  }

  keysOf(issuer: string): KeysData | undefined {
    return this.#keys.get(issuer);
  }

  /** The newest live change of a limit, also one that is taken back or over. */
  limitChange(limit: string): LimitChanged | undefined {
    return this.#limits.changeOf(limit);
  }

  /** The newest event that may have reset a budget of this limit; 0 for none. */
  lastReset(limit: string): number {
    return this.#limits.lastReset(limit);
  }

  #learn(epoch: string, event: MeshEvent): void {
    if (event.type === "invalidation") this.#invalidations.add(event.seq, readInvalidation(event.data));
    else this.#learnStanding(epoch, event);
    // Those that stand since before the floor are in the filter, or asked about.
    this.revocations.learn(event);
  }

  /** A type that this version does not know is an event for others, or for a newer version: skipped, and counted by the cursor. */
  #learnStanding(epoch: string, event: MeshEvent): void {
    if (event.type === "keys") this.#learnKeys(event);
    else this.#limits.learn(epoch, event);
  }

  #learnKeys(event: MeshEvent): void {
    const data = event.data as Partial<KeysData> | null;
    if (typeof data?.issuer === "string" && Array.isArray(data.keys)) this.#keys.set(data.issuer, data as KeysData);
    // A form of a newer version may have removed any key: all are asked for again.
    else this.#keys.clear();
  }
}
