/**
 * What was decided a moment ago, by request id: a retry finds its own answer, and only what is remembered here is ever
 * given back. Bounded in number and in age. Forgetting is harmless: a forgotten charge stays charged.
 */
import type { Window } from "./fixed-window.ts";

const mostKept = 4_096;
/** Longer than any caller goes on trying, ms. */
const keptMs = 60_000;

export interface Decision {
  readonly budget: string;
  /** null: refused. */
  readonly window: Window | null;
  readonly leased: number;
  readonly remaining: number;
  /** When a new window begins, by the object's clock. */
  readonly resetAt: number;
  readonly quota: number;
  /** What may still be given back. */
  returnable: number;
}

interface Kept {
  readonly at: number;
  readonly decisions: readonly Decision[];
}

export class RecentCharges {
  /** In the order of their making. */
  readonly #kept = new Map<string, Kept>();

  find(requestId: string): readonly Decision[] | null {
    return this.#kept.get(requestId)?.decisions ?? null;
  }

  keep(requestId: string, decisions: readonly Decision[], now: number): void {
    this.#kept.set(requestId, { at: now, decisions });
    for (const [oldest, { at }] of this.#kept) {
      if (this.#kept.size <= mostKept && now - at <= keptMs) return;
      this.#kept.delete(oldest);
    }
  }
}
