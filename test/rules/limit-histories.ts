/**
 * A small planet of isolates around one limiter, with everything that goes wrong between them: requests and replies
 * that are lost or come twice, retries, isolates that give tokens back, an object that crashes and forgets its memory,
 * sweeps, and a clock that jumps. Each history follows from its seed.
 */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { ChargeAnswer, ChargeRequest, GiveBackRequest, Rule } from "../../durable-objects/limiter/contract.ts";
import type { Fact, Ledger, Row } from "../../durable-objects/limiter/ledger.ts";

/** Storage that outlives a crash, as the object's own does. */
export class MemoryLedger implements Ledger {
  readonly rows = new Map<string, Row>();
  readonly facts = new Map<Fact, number>();
  writes = 0;

  row(budget: string): Row | null {
    return this.rows.get(budget) ?? null;
  }

  saveRow(budget: string, row: Row): void {
    this.writes += 1;
    this.rows.set(budget, row);
  }

  hasRows(): boolean {
    return this.rows.size > 0;
  }

  fact(name: Fact): number | null {
    return this.facts.get(name) ?? null;
  }

  saveFact(name: Fact, value: number): void {
    this.writes += 1;
    this.facts.set(name, value);
  }

  deleteEnded(endedBy: number, most: number): readonly number[] {
    const ended = [...this.rows].filter(([, row]) => row.endsAt <= endedBy).slice(0, most);
    for (const [budget] of ended) this.rows.delete(budget);
    return ended.map(([, row]) => row.endsAt);
  }
}

/** How the limiter under test is built: `exact` is ours, the others are the mistakes that a history must catch. */
export type Build = "exact" | "counts per isolate" | "keeps counts in memory only";

interface Message {
  readonly isolate: number;
  readonly body:
    | { readonly kind: "charge"; readonly request: ChargeRequest }
    | { readonly kind: "give back"; readonly request: GiveBackRequest };
}

interface Reply {
  readonly isolate: number;
  readonly request: ChargeRequest;
  readonly answers: readonly ChargeAnswer[];
}

export interface Outcome {
  /** The most that any budget admitted in any window beyond its quota; 0 or less when every promise held. */
  readonly overshoot: number;
  readonly admitted: number;
  readonly crashes: number;
}

const hourMs = 3_600_000;
/** What a clock may be wrong by when an idle object begins again. */
const clockErrorMs = 15 * 60_000;

export function runHistory(seed: number, build: Build): Outcome {
  return new Planet(seed, build).run();
}

class Planet {
  readonly #random: () => number;
  readonly #build: Build;
  readonly #isolates: number;
  readonly #rule: Rule;
  readonly #budgetNames: readonly string[];
  readonly #limiters = new Map<number, { ledger: MemoryLedger; budgets: Budgets }>();
  readonly #sent: Message[] = [];
  readonly #waiting: Message[] = [];
  readonly #replies: Reply[] = [];
  readonly #heard = new Set<string>();
  readonly #admitted = new Map<string, number>();
  #now = 1_000 * hourMs;
  /**
   * Any step backward is survived while anything is stored. Once an idle object has deleted everything, a crash and
   * a step of more than its patience together would be too much: that is where the promise ends.
   */
  #earliest = 0;
  #ids = 0;
  #crashes = 0;

  constructor(seed: number, build: Build) {
    this.#random = generator(seed);
    this.#build = build;
    this.#isolates = this.#between(4, 16);
    const quota = this.#between(1, 200);
    const windowMs = this.#oneOf([100, 1_000, 3_000, 10_000, 10_001, 60_000, hourMs]);
    this.#rule = { algorithm: "fixed-window", name: "l", version: 0, quota, windowMs };
    this.#budgetNames = ["a", "b", "c"].slice(0, this.#between(1, 3));
  }

  run(): Outcome {
    const steps = this.#between(40, 160);
    for (let step = 0; step < steps; step += 1) this.#step();
    while (this.#waiting.length > 0) this.#arrive();
    while (this.#replies.length > 0) this.#hear();
    const counts = [...this.#admitted.values()];
    return {
      overshoot: Math.max(0, ...counts) - this.#rule.quota,
      admitted: counts.reduce((sum, count) => sum + count, 0),
      crashes: this.#crashes,
    };
  }

  #step(): void {
    const dice = this.#random();
    if (dice < 0.3) this.#ask();
    else if (dice < 0.35) this.#retry();
    else if (dice < 0.65) this.#arrive();
    else if (dice < 0.87) this.#hear();
    else if (dice < 0.95) this.#passTime();
    else if (dice < 0.98) this.#crash();
    else this.#sweep();
  }

  #ask(): void {
    const { quota } = this.#rule;
    const largest = Math.ceil(quota / this.#between(1, 6));
    const charges = Array.from({ length: this.#between(1, 3) }, () => ({
      budget: this.#oneOf(this.#budgetNames),
      cost: this.#between(0, largest),
      lease: this.#random() < 0.3 ? this.#between(0, largest) : 0,
    }));
    this.#ids += 1;
    const request: ChargeRequest = { v: 1, requestId: `id-${this.#ids}`, rule: this.#rule, charges };
    this.#send({ isolate: this.#between(1, this.#isolates), body: { kind: "charge", request } });
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
    const { budgets } = this.#limiterOf(message.isolate);
    const { body } = message;
    if (body.kind === "give back") return budgets.giveBack(body.request, this.#now);
    this.#replies.push({
      isolate: message.isolate,
      request: body.request,
      answers: budgets.charge(body.request, this.#now),
    });
  }

  /** An isolate admits what its first reply grants, or gives some of it back unspent. */
  #hear(): void {
    const reply = this.#takeFrom(this.#replies, 0.15);
    if (reply === null || this.#random() < 0.1 || this.#heard.has(reply.request.requestId)) return;
    this.#heard.add(reply.request.requestId);
    const returns: { budget: string; window: number; tokens: number }[] = [];
    for (const [index, answer] of reply.answers.entries()) {
      const charge = reply.request.charges[index];
      if (answer.kind === "refused" || charge === undefined) continue;
      const tokens = charge.cost + answer.leased;
      const unspent = this.#random() < 0.25 ? this.#between(0, tokens) : 0;
      const key = `${charge.budget}@${answer.window}`;
      this.#admitted.set(key, (this.#admitted.get(key) ?? 0) + tokens - unspent);
      if (unspent > 0) returns.push({ budget: charge.budget, window: answer.window, tokens: unspent });
    }
    if (returns.length === 0) return;
    this.#send({
      isolate: reply.isolate,
      body: { kind: "give back", request: { v: 1, requestId: reply.request.requestId, returns } },
    });
  }

  #passTime(): void {
    const { windowMs } = this.#rule;
    const dice = this.#random();
    if (dice < 0.6) this.#now += this.#between(0, Math.ceil(windowMs / 3));
    else if (dice < 0.8) this.#now += windowMs;
    else if (dice < 0.87) this.#now += this.#between(0, hourMs);
    else if (dice < 0.95) this.#now -= this.#between(0, windowMs);
    else this.#now -= this.#between(0, 2 * hourMs);
    this.#now = Math.max(this.#now, this.#earliest);
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
      this.#earliest = this.#now - clockErrorMs;
      limiter.budgets = new Budgets(limiter.ledger, limiter.budgets.clock);
    }
  }

  #limiterOf(isolate: number): { ledger: MemoryLedger; budgets: Budgets } {
    const which = this.#build === "counts per isolate" ? isolate : 0;
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
