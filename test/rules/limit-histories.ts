/**
 * A small planet of isolates around one limiter, with everything that goes wrong between them: requests and replies
 * that are lost or come twice, retries, leases spent by clocks that run fast or slow, are off by seconds, and stand
 * still; tokens given back; an object that crashes and forgets its memory; sweeps. Each history follows from its seed.
 */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { ChargeAnswer, ChargeRequest, GiveBackRequest, Rule } from "../../durable-objects/limiter/contract.ts";
import { heldLease, spend, spendable, withLease, type HeldLease } from "../../workers/limit/held-lease.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";

/** How what is under test is built: `exact` is ours, the others are the mistakes that a history must catch. */
export type Build = "exact" | "counts per isolate" | "keeps counts in memory only" | "counts leases from the reply";

export type Counting = "fixed-window" | "sliding-window" | "token-bucket";

interface Isolate {
  readonly rule: Rule;
  readonly rate: number;
  readonly offsetMs: number;
  leases: HeldLease[];
  nth: number;
  window: number;
}

interface Message {
  readonly from: Isolate;
  readonly sentAt: number;
  readonly body:
    | { readonly kind: "charge"; readonly request: ChargeRequest }
    | { readonly kind: "give back"; readonly request: GiveBackRequest };
}

interface Reply {
  readonly to: Isolate;
  readonly sentAt: number;
  readonly request: ChargeRequest;
  readonly answer: ChargeAnswer;
  /** True time of the charge. */
  readonly at: number;
}

export interface Admission {
  /** By which it was asked for. */
  readonly rule: Rule;
  /** True time, ms. */
  readonly at: number;
  readonly tokens: number;
}

export interface History {
  readonly rules: readonly Rule[];
  readonly admissions: readonly Admission[];
  readonly leased: number;
  readonly crashes: number;
}

/** What a clock that stands still hides at most, ms. */
const standstillMs = 25;

/** `rules`: how many are asked by in turns, as the isolates' versions have them while a deploy is under way. */
export function runHistory(seed: number, build: Build, algorithm: Counting = "fixed-window", rules = 1): History {
  return new Planet(seed, build, algorithm, rules).run();
}

class Planet {
  readonly #random: () => number;
  readonly #build: Build;
  readonly #rules: readonly Rule[];
  readonly #isolates: readonly Isolate[];
  readonly #limiters = new Map<Isolate | null, { ledger: MemoryLedger; budgets: Budgets }>();
  readonly #sent: Message[] = [];
  readonly #waiting: Message[] = [];
  readonly #replies: Reply[] = [];
  readonly #heard = new Set<string>();
  readonly #chargedAt = new Map<string, number>();
  readonly #admissions: Admission[] = [];
  #now = 1_700_000_000_000;
  #ids = 0;
  #leased = 0;
  #crashes = 0;

  constructor(seed: number, build: Build, algorithm: Counting, rules: number) {
    this.#random = generator(seed);
    this.#build = build;
    this.#rules = Array.from({ length: rules }, () => this.#anyRule(algorithm));
    this.#isolates = Array.from({ length: this.#between(4, 16) }, () => ({
      rule: this.#oneOf(this.#rules),
      rate: 0.95 + this.#random() * 0.1,
      offsetMs: this.#between(-5_000, 5_000),
      leases: [],
      nth: 0,
      window: 0,
    }));
  }

  run(): History {
    const steps = this.#between(40, 200);
    for (let step = 0; step < steps; step += 1) this.#step();
    return { rules: this.#rules, admissions: this.#admissions, leased: this.#leased, crashes: this.#crashes };
  }

  #anyRule(algorithm: Counting): Rule {
    const quota = this.#random() < 0.3 ? this.#between(1, 60) : this.#between(60, 2_000);
    const windowMs = this.#oneOf([500, 1_000, 3_000, 10_000, 10_001, 60_000, 3_600_000]);
    const burst = algorithm === "token-bucket" ? this.#between(1, 2 * quota) : 0;
    return { algorithm, name: "l", version: null, quota, windowMs, burst };
  }

  #step(): void {
    const dice = this.#random();
    if (dice < 0.2) this.#ask();
    else if (dice < 0.23) this.#retry();
    else if (dice < 0.45) this.#arrive();
    else if (dice < 0.65) this.#hear();
    else if (dice < 0.85) this.#spend();
    else if (dice < 0.88) this.#giveBack();
    else if (dice < 0.97) this.#passTime();
    else if (dice < 0.99) this.#crash();
    else this.#sweep();
  }

  #ask(): void {
    const from = this.#oneOf(this.#isolates);
    const { rule } = from;
    const { quota, windowMs } = rule;
    const cost = this.#between(0, Math.ceil(quota / this.#between(1, 20)));
    const demand = cost + (this.#random() < 0.3 ? this.#between(0, cost) : 0);
    this.#ids += 1;
    const request: ChargeRequest = {
      v: 1,
      requestId: `id-${this.#ids}`,
      rule,
      budget: "b",
      cost,
      demand,
      lease: this.#random() < 0.7 ? this.#between(0, quota) : 0,
      paced: this.#random() < 0.4 ? this.#between(1, Math.max(1, Math.floor(quota / 6))) : 0,
      nth: from.nth + 1,
      window: from.window,
      waitMs: Math.min(350, Math.floor(windowMs / 8)),
    };
    this.#send({ from, sentAt: this.#clockOf(from), body: { kind: "charge", request } });
  }

  #send(message: Message): void {
    this.#sent.push(message);
    this.#waiting.push(message);
  }

  #retry(): void {
    const message = this.#sent[Math.floor(this.#random() * this.#sent.length)];
    if (message !== undefined) this.#waiting.push(message);
  }

  /** A message arrives in any order, perhaps twice, perhaps never. */
  #arrive(): void {
    const message = this.#takeFrom(this.#waiting, 0.15);
    if (message === null || this.#random() < 0.1) return;
    const { budgets } = this.#limiterOf(message.from);
    const { body, from, sentAt } = message;
    if (body.kind === "give back") return budgets.giveBack(body.request, this.#now);
    const { request } = body;
    const usedBefore = this.#usedOf(budgets, from);
    const answer = budgets.charge(request, this.#now);
    // A retry that finds its own answer again moves nothing: its charge was made when it was made.
    if (this.#usedOf(budgets, from) !== usedBefore) this.#chargedAt.set(request.requestId, this.#now);
    this.#replies.push({ to: from, sentAt, request, answer, at: this.#chargedAt.get(request.requestId) ?? this.#now });
  }

  #usedOf(budgets: Budgets, { rule }: Isolate): number {
    return budgets.peek({ v: 1, rule, budget: "b" }, this.#now).used;
  }

  /** An isolate admits who waits, and keeps the lease. Only the first reply counts. */
  #hear(): void {
    const reply = this.#takeFrom(this.#replies, 0.15);
    if (reply === null || this.#random() < 0.1 || this.#heard.has(reply.request.requestId)) return;
    this.#heard.add(reply.request.requestId);
    const { to, answer, request } = reply;
    if (answer.kind === "outdated") throw new Error("expected no other rule");
    to.nth = answer.window === to.window ? request.nth : 1;
    to.window = answer.window;
    if (answer.kind === "refused") return;
    const { rule } = to;
    this.#admissions.push({ rule, at: reply.at, tokens: answer.tokens });
    if (answer.lease === null) return;
    const now = this.#clockOf(to);
    const from = this.#build === "counts leases from the reply" ? now : reply.sentAt;
    const window = rule.algorithm === "fixed-window" ? answer.window : null;
    to.leases = withLease(
      to.leases,
      heldLease({ id: request.requestId, returned: 0 }, answer.lease, from, window),
      now,
    );
  }

  #spend(): void {
    const isolate = this.#oneOf(this.#isolates);
    const now = this.#clockOf(isolate, this.#between(0, standstillMs));
    const there = spendable(isolate.leases, now);
    if (there === 0) return;
    const tokens = this.#random() < 0.5 ? there : this.#between(1, there);
    spend(isolate.leases, tokens, now);
    this.#leased += tokens;
    this.#admissions.push({ rule: isolate.rule, at: this.#now, tokens });
  }

  #giveBack(): void {
    const isolate = this.#oneOf(this.#isolates);
    const lease = isolate.leases.find(({ paced, tokens }) => paced === null && tokens > 0);
    if (lease === undefined) return;
    const { charge } = lease;
    const tokens = this.#between(1, lease.tokens);
    // Some is lost, or goes back later with a message of its own.
    lease.tokens = this.#random() < 0.5 ? 0 : lease.tokens - tokens;
    charge.returned += tokens;
    const request: GiveBackRequest = { v: 1, requestId: charge.id, budget: "b", returned: charge.returned };
    this.#send({ from: isolate, sentAt: 0, body: { kind: "give back", request } });
  }

  #passTime(): void {
    const { windowMs } = this.#oneOf(this.#rules);
    const dice = this.#random();
    if (dice < 0.4) this.#now += this.#between(0, 60);
    else if (dice < 0.8) this.#now += this.#between(0, Math.ceil(windowMs / 3));
    else if (dice < 0.95) this.#now += windowMs;
    else this.#now += this.#between(0, 3 * windowMs);
  }

  /** Memory is gone; what was written stays. */
  #crash(): void {
    this.#crashes += 1;
    for (const limiter of this.#limiters.values()) {
      if (this.#build === "keeps counts in memory only") limiter.ledger = new MemoryLedger();
      limiter.budgets = new Budgets(limiter.ledger);
    }
  }

  #sweep(): void {
    for (const limiter of this.#limiters.values()) {
      if (limiter.budgets.sweep(this.#now, 2) !== "idle") continue;
      limiter.ledger = new MemoryLedger();
      limiter.budgets = new Budgets(limiter.ledger, limiter.budgets.clock);
    }
  }

  #clockOf({ rate, offsetMs }: Isolate, standsStillMs = 0): number {
    return Math.floor(offsetMs + 1_700_000_000_000 + (this.#now - standsStillMs - 1_700_000_000_000) * rate);
  }

  #limiterOf(isolate: Isolate): { ledger: MemoryLedger; budgets: Budgets } {
    const which = this.#build === "counts per isolate" ? isolate : null;
    let limiter = this.#limiters.get(which);
    if (limiter === undefined) {
      const ledger = new MemoryLedger();
      limiter = { ledger, budgets: new Budgets(ledger) };
      this.#limiters.set(which, limiter);
    }
    return limiter;
  }

  #takeFrom<Item>(items: Item[], twice: number): Item | null {
    const index = Math.floor(this.#random() * items.length);
    const item = items[index];
    if (item === undefined) return null;
    if (this.#random() >= twice) items.splice(index, 1);
    return item;
  }

  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error("expected at least one item");
    return item;
  }
}

/** mulberry32: small, and good enough to shuffle events. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
