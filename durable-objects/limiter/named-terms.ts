/** Every request brings terms of its own: the budgets of an object, which are many, keep one of those that are alike. */
import type { Terms } from "./counter.ts";

export interface NamedTerms extends Terms {
  readonly name: string;
  /** The list that has this name alone. */
  readonly alone: readonly string[];
}

/** A limit has a few, and one whose quota is a claim's as many as there are plans. */
const mostKept = 1_000;

export class TermsInUse {
  readonly #known = new Map<string, NamedTerms>();

  find({ quota, windowMs, burst }: Terms): NamedTerms {
    const name = `${quota}/${windowMs}/${burst}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= mostKept) this.#known.clear();
    const terms = { quota, windowMs, burst, name, alone: [name] };
    this.#known.set(name, terms);
    return terms;
  }
}
