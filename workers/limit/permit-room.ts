/**
 * How a request comes by a permit: it takes one that is free here, is refused by what was said a moment ago, or waits
 * for the limiter together with the others of its budget. Each wakes in its own request and takes for itself, so one
 * that was cancelled while it waited holds nothing.
 */
import { inTime } from "../../durable-objects/platform/deadline.ts";
import { admitted, fallback, refusedBy, unlimited } from "./answered.ts";
import { count } from "./counts.ts";
import type { Brake } from "./fresh-keys.ts";
import type { PermitBook, PermitEntry, Wish } from "./permit-book.ts";
import type { PermitLine } from "./permit-line.ts";
import type { Run } from "./permit-pool.ts";
import type { Rules } from "./rules.ts";
import type { Ask, LimitInForce, Taken, Waits } from "./taken.ts";

export interface PermitRoomParts {
  readonly book: PermitBook;
  readonly line: PermitLine;
  readonly rules: Rules;
  readonly enforces: (limit: LimitInForce) => boolean;
  /** Whether one more object call is affordable. */
  readonly affords: (context: Waits) => boolean | Promise<boolean>;
  readonly brake: Brake;
  readonly now: () => number;
}

/** A permit, and for whom. */
export interface Permit {
  readonly ask: Ask;
  readonly entry: PermitEntry;
  readonly run: Run;
}

export interface PermitClaim {
  readonly taken: Taken;
  readonly permit: Permit | null;
}

/** An ask whose quota is a number. */
interface Counted extends Ask {
  readonly quota: number;
}

/** Where a request stands in line: counted in this wish of this entry, once. */
interface Place {
  entry: PermitEntry | null;
  wish: Wish | null;
}

/** Changes of the rule, and other takers, may come between a few times; then the budget is as good as used up. */
const mostRounds = 8;
/** Beyond the limiter's own time, ms: what lets the call tell that it failed before its waiters give up. */
const patienceMs = 100;
/** When a refused client may ask again, ms: a permit is free when some request ends, and nobody knows when. */
const retryAfterMs = 1_000;

export class PermitRoom {
  readonly #parts: PermitRoomParts;

  constructor(parts: PermitRoomParts) {
    this.#parts = parts;
  }

  /** Without a call; null when the limiter must be asked. */
  known(asked: Ask): PermitClaim | null {
    const { book, now: read } = this.#parts;
    const now = read();
    const ask = this.#counted(asked);
    if (ask === null) return { taken: unlimited(), permit: null };
    const { limit, quota } = ask;
    if (quota === 0) return this.#refused("deny_cache", ask, null);
    const entry = book.find(limit.name, ask.budget);
    if (entry === undefined) return null;
    const run = entry.pool.admit(quota, now);
    if (run !== null) {
      const remaining = Math.min(quota, entry.pool.remaining(now));
      count(entry, remaining * 5 <= quota ? "nearLimit" : "allowed");
      return { taken: admitted("lease", quota, remaining, 0), permit: { ask, entry, run } };
    }
    if (entry.pool.isRefused(quota, now)) return this.#refused("deny_cache", ask, entry);
    return now < entry.downUntil ? this.#unreached(ask) : null;
  }

  /** Asks the limiter, unless what is known by then settles it. */
  async claim(asked: Ask, context: Waits): Promise<PermitClaim> {
    const place: Place = { entry: null, wish: null };
    try {
      return await this.#claim(asked, place, context);
    } finally {
      // Where nobody has asked for it yet, nobody needs to.
      if (place.wish !== null && place.entry?.wish === place.wish) place.wish.count -= 1;
    }
  }

  async #claim(asked: Ask, place: Place, context: Waits): Promise<PermitClaim> {
    const { affords, book, now } = this.#parts;
    const giveUpAt = now() + asked.limit.timeoutMs;
    for (let round = 0; round < mostRounds; round += 1) {
      const known = this.known(asked);
      if (known !== null) return known;
      const ask = this.#counted(asked);
      if (ask === null) continue;
      if (now() >= giveUpAt) return this.#unreached(ask);
      if (round === 0 && !(await affords(context))) return this.#unreached(ask);
      const entry = book.find(ask.limit.name, ask.budget) ?? this.#open(ask);
      if (entry === null) return this.#unreached(ask);
      if ("taken" in entry) return entry;
      await this.#wait(entry, place, ask, context);
    }
    const ask = this.#counted(asked);
    return ask === null ? { taken: unlimited(), permit: null } : this.#refused("limiter", ask, null);
  }

  /** Until a call has ended: the one under way, or one that asks for all who wait by now. */
  async #wait(entry: PermitEntry, place: Place, { limit, quota }: Counted, context: Waits): Promise<void> {
    const { line, now } = this.#parts;
    if (entry.wish !== place.wish) {
      place.entry = entry;
      place.wish = entry.wish;
      place.wish.count += 1;
    }
    const before = line.flightOf(entry, now());
    const flight = before ?? line.send({ entry, limit, quota, isBare: false }, context);
    await inTime(flight.ended, flight.expiresAt - now() + patienceMs);
  }

  /** A new budget; null without room, a refusal for one of a neighbourhood that brings too many. */
  #open(ask: Counted): PermitEntry | PermitClaim | null {
    const { limit, budget, neighbourhood } = ask;
    const now = this.#parts.now();
    const brakedMs = neighbourhood === null ? 0 : this.#parts.brake(`${limit.name}\n${neighbourhood}`, now);
    return brakedMs > 0 ? this.#refused("deny_cache", ask, null) : this.#parts.book.open(limit.name, budget, now);
  }

  #refused(by: "limiter" | "deny_cache", { limit, quota }: Counted, entry: PermitEntry | null): PermitClaim {
    const { enforces, now } = this.#parts;
    const isEnforced = enforces(limit);
    if (entry !== null) {
      count(entry, "refused");
      if (!isEnforced && now() >= entry.quietUntil) {
        entry.quietUntil = now() + limit.windowMs;
        console.log({ event: "limit_would_refuse", limit: limit.name });
      }
    }
    const retryMs = quota === 0 ? null : retryAfterMs;
    return { taken: refusedBy(by, quota, isEnforced, { remaining: 0, resetMs: 0, retryMs }), permit: null };
  }

  #unreached({ limit, quota }: Counted): PermitClaim {
    return { taken: fallback(limit, quota, this.#parts.enforces(limit)), permit: null };
  }

  /** Under the rule that holds now; null when that is no bound for this asker. */
  #counted(ask: Ask): Counted | null {
    const limit = this.#parts.rules.find(ask.limit.name) ?? ask.limit;
    const quota = ask.amountOf(limit.quota);
    return quota === "unlimited" ? null : { ...ask, limit, quota };
  }
}
