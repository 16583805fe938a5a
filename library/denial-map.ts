/** Refusals in a plain map, for one Worker's few thousand keys: when it is full it begins anew. */
import type { Denial, Denials, HeardDenial } from "../workers/limit/denials.ts";

const mostEntries = 10_000;

export class DenialMap implements Denials {
  readonly #denials = new Map<string, HeardDenial>();

  get entries(): number {
    return this.#denials.size;
  }

  find(key: string, cost: number, now: number): Denial | null {
    const denial = this.#denials.get(key);
    // A clock that reads earlier than the sending has stepped backward: the denial proves nothing any more.
    return denial !== undefined && cost > denial.remaining && now >= denial.sentAt && now < denial.endsAt
      ? denial
      : null;
  }

  learn(key: string, denial: HeardDenial): void {
    if (this.#denials.size >= mostEntries) this.#denials.clear();
    this.#denials.set(key, denial);
  }

  forget(key: string): void {
    this.#denials.delete(key);
  }
}
