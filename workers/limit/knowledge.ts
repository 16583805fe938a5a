/**
 * What an isolate knows of budgets without asking: what it has leased, and what was refused a moment ago. Answers at
 * once, or says that it cannot.
 */
import type { QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import { admitted, refusedBy, unlimited } from "./answered.ts";
import { count, type Counted } from "./counts.ts";
import type { Denials } from "./denials.ts";
import { spend, spendable, unspend, type Spent } from "./held-lease.ts";
import { KeyBook, type KeyEntry } from "./key-book.ts";
import type { Ask, LimitInForce, Taken } from "./taken.ts";

/** One limit's answer, and how to undo it when another one refuses. */
export interface Claim {
  readonly taken: Taken;
  readonly undo: (() => void) | null;
}

export interface KnowledgeParts {
  readonly enforces: (limit: LimitInForce) => boolean;
  /** Where refusals are kept; the seed is two random words. */
  readonly denials: (seed: readonly [number, number]) => Denials;
  /** Grows when refusals of a limit are void, because budgets were reset. */
  readonly resets: (limit: string) => number;
}

export class Knowledge {
  readonly book = new KeyBook();
  readonly #parts: KnowledgeParts;
  /** Made at the first use: randomness is refused at module start. */
  #denied: Denials | null = null;

  constructor(parts: KnowledgeParts) {
    this.#parts = parts;
  }

  get denied(): Denials {
    this.#denied ??= this.#parts.denials([randomWord(), randomWord()]);
    return this.#denied;
  }

  /** What is refused under one rule says nothing of another, nor of budgets that were reset since. `key` as in the book. */
  denyKey({ name, version }: LimitInForce, key: string): string {
    return `${name}@${version?.seq ?? 0}.${this.#parts.resets(name)}\n${key}`;
  }

  /** Leased, refused, or `ask`: neither is known. Nothing is spent or counted. */
  lookAt({ limit, budget, cost, amountOf }: Ask, now: number): "leased" | "ask" | Taken {
    const quota = amountOf(limit.quota);
    if (quota === "unlimited") return "leased";
    if (quota === 0) return this.#refusedForEver(limit, now);
    const key = keyOf(limit, budget, quota);
    const entry = this.book.find(limit.name, key);
    if (entry?.limit === limit && spendable(entry.leases, now) >= cost) return "leased";
    const denial = this.#denied?.find(this.denyKey(limit, key), cost, now) ?? null;
    if (denial === null) return "ask";
    const resetMs = denial.resetAt - now;
    // What costs more than there ever is never passes.
    const most = limit.algorithm === "token-bucket" ? limit.burst : quota;
    const refusal = { remaining: denial.remaining, resetMs, retryMs: cost > most ? null : resetMs };
    return refusedBy("deny_cache", quota, this.#parts.enforces(limit), refusal);
  }

  /** What was looked up is what its request is told. */
  countRefused({ limit, budget, amountOf }: Ask): void {
    const entry = this.book.find(limit.name, keyOf(limit, budget, amountOf(limit.quota)));
    if (entry !== undefined) countRefused(entry, this.#parts.enforces(limit));
  }

  /** Spends a lease; null where there is none for this cost. */
  fromLease({ limit, budget, cost, amountOf }: Ask, now: number): Claim | null {
    const quota = amountOf(limit.quota);
    if (quota === "unlimited") return { taken: unlimited(), undo: null };
    const entry = this.book.find(limit.name, keyOf(limit, budget, quota));
    if (entry?.limit !== limit || spendable(entry.leases, now) < cost) return null;
    entry.demand.add(cost, now);
    const spent = spend(entry.leases, cost, now);
    const remaining = remainingOf(entry, quota, now);
    const counted = countAllowed(entry, remaining, quota);
    const taken = admitted("lease", quota, remaining, Math.max(0, entry.windowEndsAt - now));
    return { taken, undo: () => undo(entry, spent, counted) };
  }

  /** A quota of 0 admits nothing, whenever it is asked. */
  #refusedForEver(limit: LimitInForce, now: number): Taken {
    const resetMs = limit.windowMs - (now % limit.windowMs);
    return refusedBy("deny_cache", 0, this.#parts.enforces(limit), { remaining: 0, resetMs, retryMs: null });
  }
}

/**
 * Under which key this isolate keeps what it knows of a budget. Where quotas differ by plan, what one plan may is kept
 * apart from what another may: the tokens of one budget can come with different plans, and what is refused to the smaller
 * is not refused to the greater.
 */
export function keyOf({ quota: rule }: LimitInForce, budget: string, quota: QuotaAmount): string {
  return typeof rule === "object" ? `${quota}\n${budget}` : budget;
}

/** What the budget has for anybody, as last heard, and what is leased here. */
export function remainingOf({ remaining, leases }: KeyEntry, quota: number, now: number): number {
  return Math.min(quota, remaining + spendable(leases, now));
}

/** Near the limit is what leaves a fifth of the quota, or less. */
export function countAllowed(entry: KeyEntry, remaining: number, quota: number): Counted {
  const what = remaining * 5 <= quota ? "nearLimit" : "allowed";
  count(entry, what);
  return what;
}

/** A limit in shadow mode says once in each window that it would refuse. */
export function countRefused(entry: KeyEntry, isEnforced: boolean): void {
  count(entry, "refused");
  if (isEnforced || entry.toldWindow === entry.window) return;
  entry.toldWindow = entry.window;
  console.log({ event: "limit_would_refuse", limit: entry.limit.name });
}

function undo(entry: KeyEntry, spent: readonly Spent[], counted: Counted): void {
  for (const spending of spent) unspend(spending);
  count(entry, counted, -1);
}

function randomWord(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
