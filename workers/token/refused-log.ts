/**
 * Says in the log why tokens that name a configured issuer are refused, which no client is told: nothing of a token, and
 * each reason of an issuer once in a while, so that a flood of bad ones writes little.
 */
import type { RefusalReason } from "./reasons.ts";

const everyMs = 10_000;

export class RefusedLog {
  readonly #clock: () => number;
  /** By issuer and reason: as many as the configuration has issuers, times the reasons. */
  readonly #saidAt = new Map<string, number>();

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  readonly tell = (issuer: string, reason: RefusalReason): void => {
    const now = this.#clock();
    const what = `${reason} ${issuer}`;
    const saidAt = this.#saidAt.get(what);
    // A clock that was set back must not silence it.
    if (saidAt !== undefined && now >= saidAt && now < saidAt + everyMs) return;
    this.#saidAt.set(what, now);
    console.warn({ event: "token_refused", issuer, reason });
  };
}
