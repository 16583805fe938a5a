/**
 * Where requests wait for the limiter: those of one budget together, one call at a time. Each waiter wakes in its own
 * request and takes for itself, so one that was cancelled consumes nothing; and since the promise of another request
 * may never end, each brings a timer of its own.
 */
import { inTime } from "../../durable-objects/platform/deadline.ts";
import type { ChargeAnswer } from "../../durable-objects/limiter/contract.ts";
import { admitted, fallback, refusedBy } from "./answered.ts";
import { Batch, type Charge } from "./batch.ts";
import type { ChargeLine } from "./charge-line.ts";
import { count } from "./counts.ts";
import type { Brake } from "./fresh-keys.ts";
import { isLive, spendable } from "./held-lease.ts";
import type { KeyEntry } from "./key-book.ts";
import { countAllowed, countRefused, keyOf, remainingOf, type Claim, type Knowledge } from "./knowledge.ts";
import type { Rules } from "./rules.ts";
import type { SteadyClock } from "./steady-clock.ts";
import type { Ask, LimitInForce, Taken, Waits } from "./taken.ts";

export interface WaitingRoomParts {
  readonly knowledge: Knowledge;
  readonly line: ChargeLine;
  readonly rules: Rules;
  readonly enforces: (limit: LimitInForce) => boolean;
  /** Whether one more object call is affordable. */
  readonly affords: (context: Waits) => boolean | Promise<boolean>;
  readonly brake: Brake;
  readonly clock: SteadyClock;
}

/** Changes of the rule, and other takers, may come between a few times; then the budget is as good as used up. */
const mostRounds = 8;
/** Beyond the limiter's own time, ms: what lets the call tell that it failed before its waiters give up. */
const patienceMs = 100;

/** `ask`: as it was decided, under a newer rule where there came one. */
export interface Claimed extends Claim {
  readonly ask: Ask;
}

/** Without `ask` it was decided as it was asked. */
type Waited = Claim & Partial<Claimed>;

/** An ask whose quota is a number. */
interface Counted extends Ask {
  readonly quota: number;
  readonly isEnforced: boolean;
}

export class WaitingRoom {
  readonly #parts: WaitingRoomParts;

  constructor(parts: WaitingRoomParts) {
    this.#parts = parts;
  }

  /** Asks the limiter, unless what is known by then settles it. */
  async claim(asked: Ask, context: Waits): Promise<Claimed> {
    const { rules, clock } = this.#parts;
    let ask = asked;
    for (let round = 0; round < mostRounds; round += 1) {
      const claim = this.#known(ask) ?? (await this.#wait(this.#counted(ask), context, clock.now()));
      if (claim !== null) return { ask, ...claim };
      ask = under(rules.find(ask.limit.name) ?? ask.limit, asked);
    }
    const { quota, isEnforced } = this.#counted(ask);
    return {
      taken: refusedBy("limiter", quota, isEnforced, { remaining: 0, resetMs: 0, retryMs: 0 }),
      undo: null,
      ask,
    };
  }

  /** Waits for a call that asks for this one too; null when things are to be looked at anew. */
  async #wait(ask: Counted, context: Waits, now: number): Promise<Waited | null> {
    const { limit, cost, quota, isEnforced } = ask;
    const entry = this.#entryFor(ask, now);
    if ("allowed" in entry) return { taken: entry, undo: null };
    if (entry.limit !== limit) this.#adopt(entry, limit, context, now);
    const down = this.#down(entry, ask);
    if (down !== null) return down;
    if (!(await this.#parts.affords(context))) return { taken: fallback(limit, quota, isEnforced), undo: null };
    entry.demand.add(cost, now);
    const batch = this.#join(entry, cost);
    const settled = await this.#called(entry, batch, ask, context);
    if (settled === "changed") return null;
    if (settled !== null) return settled;
    const { outcome } = batch;
    if (outcome === null || outcome.kind === "unreachable") {
      return { taken: fallback(limit, quota, isEnforced), undo: null };
    }
    if (outcome.kind === "answered") {
      const asked = batch.limit === null || batch.limit === limit ? ask : under(batch.limit, ask);
      if (asked.amountOf(asked.limit.quota) === "unlimited") return null;
      const claim = this.#conclude(entry, batch, this.#counted(asked), context, outcome);
      if (claim?.taken.allowed === false && (await this.#putBackLeases(entry, cost, claim.taken.remaining)))
        return null;
      return claim === null ? null : { ...claim, ask: asked };
    }
    this.#parts.rules.hear(limit.name, outcome.version);
    return null;
  }

  #conclude(
    entry: KeyEntry,
    batch: Batch,
    { cost, isEnforced }: Counted,
    context: Waits,
    { answer, charge }: { readonly answer: Exclude<ChargeAnswer, { kind: "outdated" }>; readonly charge: Charge },
  ): Claim | null {
    const { quota, resetMs } = answer;
    if (answer.kind === "granted") {
      if (batch.pot < cost) return null;
      batch.pot -= cost;
      const remaining = remainingOf(entry, quota, this.#parts.clock.now());
      const counted = countAllowed(entry, remaining, quota);
      const undo = () => {
        count(entry, counted, -1);
        this.#putBack(entry, charge, cost, context);
      };
      return { taken: admitted("limiter", quota, remaining, resetMs), undo };
    }
    if (cost <= answer.remaining) return null;
    countRefused(entry, isEnforced);
    return { taken: refusedBy("limiter", quota, isEnforced, answer), undo: null };
  }

  /** The budget's entry; a refusal for one of a neighbourhood that brings too many new ones. */
  #entryFor({ limit, budget, neighbourhood, quota, isEnforced }: Counted, now: number): KeyEntry | Taken {
    const { book } = this.#parts.knowledge;
    const key = keyOf(limit, budget, quota);
    const known = book.find(limit.name, key);
    if (known !== undefined) return known;
    const brakedMs = neighbourhood === null ? 0 : this.#parts.brake(`${limit.name}\n${neighbourhood}`, now);
    if (brakedMs === 0) return book.open(limit, budget, now, key);
    return refusedBy("deny_cache", quota, isEnforced, { remaining: 0, resetMs: brakedMs, retryMs: brakedMs });
  }

  /** The rule has changed: what was leased under the older one goes back. */
  #adopt(entry: KeyEntry, limit: LimitInForce, context: Waits, now: number): void {
    const live = entry.leases.filter((lease) => lease.paced === null && isLive(lease, now));
    for (const lease of live) context.waitUntil(this.#parts.line.putBackLease(entry, lease));
    entry.limit = limit;
    entry.leases = [];
    entry.windowEndsAt = 0;
  }

  /** What is leased here is not left there: where both together are enough, it goes back, and all is asked for again. */
  async #putBackLeases(entry: KeyEntry, cost: number, remaining: number): Promise<boolean> {
    const { clock, line } = this.#parts;
    const leased = spendable(entry.leases, clock.now());
    if (leased === 0 || remaining + leased < cost) return false;
    // A paced one ends with its windows.
    const unspent = entry.leases.filter(({ paced }) => paced === null);
    entry.leases = [];
    await Promise.all(unspent.map((lease) => line.putBackLease(entry, lease)));
    return true;
  }

  /** A limiter that was just away is left alone for a while. */
  #down({ downUntil }: KeyEntry, { limit, quota, isEnforced }: Counted): Claim | null {
    if (this.#parts.clock.now() >= downUntil) return null;
    return { taken: fallback(limit, quota, isEnforced), undo: null };
  }

  #join(entry: KeyEntry, cost: number): Batch {
    const waiting = entry.next;
    if (waiting !== null) {
      waiting.demand += cost;
      return waiting;
    }
    const batch = new Batch(cost);
    entry.next = batch;
    return batch;
  }

  /**
   * Until the batch's call has ended. Whoever wakes first when the call before it ends makes it, unless what that one
   * brought is enough, or settled the matter.
   */
  async #called(entry: KeyEntry, batch: Batch, ask: Counted, context: Waits): Promise<Claim | "changed" | null> {
    const { clock, knowledge, line } = this.#parts;
    const { limit, quota, cost } = ask;
    const before = entry.flight;
    if (before !== null && entry.next === batch) {
      const restMs = before.expiresAt - clock.now();
      if (restMs > 0) await inTime(before.batch.ended, restMs);
      const known = entry.next === batch ? this.#settled(entry, ask) : null;
      if (known !== null) {
        leave(entry, batch, cost);
        return known;
      }
    }
    if (entry.next === batch) {
      entry.denyKey = knowledge.denyKey(limit, keyOf(limit, entry.budget, quota));
      batch.limit = limit;
      line.send({ entry, batch, limit, quota }, context);
    }
    const restMs = (entry.flight?.expiresAt ?? clock.now()) - clock.now();
    if (batch.outcome === null) await inTime(batch.ended, Math.max(limit.timeoutMs, restMs) + patienceMs);
    return null;
  }

  /** Without a call of its own. Who asks under an older rule than others who wait looks at things anew. */
  #settled(entry: KeyEntry, ask: Counted): Claim | "changed" | null {
    return entry.limit === ask.limit ? (this.#known(ask) ?? this.#down(entry, ask)) : "changed";
  }

  /** Leased, or refused. */
  #known(ask: Ask): Claim | null {
    const { clock, knowledge } = this.#parts;
    const now = clock.now();
    const leased = knowledge.fromLease(ask, now);
    if (leased !== null) return leased;
    const known = knowledge.lookAt(ask, now);
    if (typeof known !== "object") return null;
    knowledge.countRefused(ask);
    return { taken: known, undo: null };
  }

  #putBack(entry: KeyEntry, charge: Charge, tokens: number, context: Waits): void {
    const lease = entry.leases.find((one) => one.charge === charge && one.paced === null);
    if (lease !== undefined && isLive(lease, this.#parts.clock.now())) lease.tokens += tokens;
    else this.#parts.line.giveBack(entry, charge, tokens, context);
  }

  #counted(ask: Ask): Counted {
    const quota = ask.amountOf(ask.limit.quota);
    if (quota === "unlimited") throw new Error(`cannot ask for ${ask.limit.name}: it is unlimited`);
    return { ...ask, quota, isEnforced: this.#parts.enforces(ask.limit) };
  }
}

function under(limit: LimitInForce, ask: Ask): Ask {
  return { ...ask, limit };
}

/** What another call brought is enough, or settled the matter. */
function leave(entry: KeyEntry, batch: Batch, cost: number): void {
  batch.demand -= cost;
  if (batch.demand <= 0) entry.next = null;
}
