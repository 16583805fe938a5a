/**
 * A small planet of isolates around one limiter of permits, with everything that goes wrong between them: messages that
 * are lost, doubled or late, requests and whole isolates that die without a word, an object that restarts and remembers
 * only what is on record, clocks that run fast or slow, are set back and stand still. What runs is counted by true time,
 * from its admission until it has ended or was ended. Each history follows from its seed.
 */
import type { HoldRequest, Rule } from "../../durable-objects/limiter/contract.ts";
import { Permits } from "../../durable-objects/limiter/permits.ts";
import { PermitClock } from "../../workers/limit/permit-clock.ts";
import { PermitPool, type HoldAsked, type HoldSent, type Run } from "../../workers/limit/permit-pool.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";

/** How what is under test is built: `exact` is ours, the others are the mistakes that a history must catch. */
export type Build =
  | "exact"
  | "counts permits from the reply"
  | "frees a permit before the body has ended"
  | "forgets what is on record"
  | "lets more run than it has claimed"
  | "lets what is not renewed run on";

export interface PermitHistory {
  /** The most that ran at once, over the quota. */
  readonly overshoot: number;
  readonly admitted: number;
  readonly ended: number;
  readonly cut: number;
  readonly restarts: number;
  readonly steps: number;
}

interface Isolate {
  readonly holder: string;
  readonly rate: number;
  offsetMs: number;
  readonly clock: PermitClock;
  steps: number;
  readonly pool: PermitPool;
  readonly running: Set<Running>;
  turn: number;
  waiting: number;
  flight: HoldAsked | null;
  isAlive: boolean;
}

interface Running {
  readonly of: Isolate;
  readonly run: Run;
  /** Its context is gone: it does nothing any more, and nobody is told. */
  isGone: boolean;
}

interface Event {
  readonly at: number;
  readonly nth: number;
  readonly happens: () => void;
}

const lifeMs = 10_000;
const attemptMs = 400;
const timeoutMs = 1_000;

export function runPermitHistory(seed: number, build: Build): PermitHistory {
  return new Planet(seed, build).run();
}

class Planet {
  readonly #random: () => number;
  readonly #build: Build;
  readonly #rule: Rule;
  readonly #isolates: Isolate[] = [];
  readonly #ledger = new MemoryLedger();
  readonly #objectRate: number;
  /** How badly the wire behaves in this history. */
  readonly #loss: number;
  /** How often nothing is begun for a while. */
  readonly #leisure: number;
  #object: Permits;
  #events: Event[] = [];
  #nth = 0;
  #now = 0;
  /** Until then no message arrives. */
  #awayUntil = 0;
  #peak = 0;
  readonly #counts = { admitted: 0, ended: 0, cut: 0, restarts: 0, steps: 0 };

  constructor(seed: number, build: Build) {
    this.#random = generator(seed);
    this.#build = build;
    const quota = 1 + this.#below(8);
    this.#rule = { algorithm: "concurrency", name: "slots", version: null, quota, windowMs: lifeMs, burst: 0 };
    this.#objectRate = this.#rate();
    this.#loss = this.#random() * 0.6;
    this.#leisure = this.#random() < 0.5 ? 0.2 : 0.8;
    this.#object = new Permits(this.#ledger);
    for (let index = 0; index < 2 + this.#below(4); index += 1) this.#join();
  }

  run(): PermitHistory {
    const steps = 20 + this.#below(60);
    for (let step = 0; step < steps; step += 1) {
      this.#step();
      this.#advance(this.#random() < this.#leisure ? this.#below(4_000) : this.#below(300));
    }
    return { overshoot: this.#peak - this.#rule.quota, ...this.#counts };
  }

  #step(): void {
    const isolate = this.#isolates[this.#below(this.#isolates.length)];
    const some = [...(isolate?.running ?? [])].find(() => this.#random() < 0.5);
    if (isolate === undefined) return;
    const kind = this.#random();
    if (kind < 0.55) this.#ask(isolate);
    else if (kind < 0.75) this.#finish(some);
    else if (kind < 0.8) this.#vanish(some);
    else if (kind < 0.84) this.#giveBack(isolate);
    else if (kind < 0.88) this.#die(isolate);
    else if (kind < 0.92) this.#restart();
    else if (kind < 0.96) this.#awayUntil = this.#now + this.#below(15_000);
    else this.#setBack(isolate);
  }

  #ask(isolate: Isolate): void {
    if (this.#admit(isolate)) return;
    isolate.waiting += 1;
    if (isolate.flight === null) this.#send(isolate, false);
  }

  #admit(isolate: Isolate): boolean {
    const run = isolate.pool.admit(this.#rule.quota, this.#clockOf(isolate));
    if (run === null) return false;
    const running: Running = { of: isolate, run, isGone: false };
    isolate.running.add(running);
    this.#counts.admitted += 1;
    this.#measure();
    if (this.#build === "frees a permit before the body has ended" && this.#random() < 0.5) isolate.pool.end(run);
    this.#look(running);
    return true;
  }

  #finish(running: Running | undefined): void {
    if (running === undefined) return;
    running.of.pool.end(running.run);
    running.of.running.delete(running);
    this.#counts.ended += 1;
  }

  #vanish(running: Running | undefined): void {
    if (running === undefined) return;
    running.isGone = true;
    running.of.running.delete(running);
  }

  #giveBack(isolate: Isolate): void {
    if (isolate.flight === null && isolate.pool.idle(this.#clockOf(isolate)) > 0) this.#send(isolate, true);
  }

  #die(isolate: Isolate): void {
    isolate.isAlive = false;
    isolate.running.clear();
    this.#isolates.splice(this.#isolates.indexOf(isolate), 1);
    this.#join();
  }

  #restart(): void {
    this.#counts.restarts += 1;
    this.#object = new Permits(this.#build === "forgets what is on record" ? new MemoryLedger() : this.#ledger);
  }

  #setBack(isolate: Isolate): void {
    this.#counts.steps += 1;
    // A step back that nobody can see is assumed away.
    this.#clockOf(isolate);
    isolate.offsetMs -= this.#below(5_000) - 1_000;
    this.#clockOf(isolate);
  }

  /** What a request's own timer does. */
  #look(running: Running): void {
    const { of: isolate, run } = running;
    if (running.isGone || !isolate.isAlive || !isolate.running.has(running)) return;
    const now = this.#clockOf(isolate);
    const next = isolate.pool.look(run, now);
    if (next === "over" && this.#build === "lets what is not renewed run on") return;
    if (next === "over") {
      // A permit that was freed too soon is no reason to end what runs under it.
      if (this.#build === "frees a permit before the body has ended") return;
      isolate.running.delete(running);
      this.#counts.cut += 1;
      return;
    }
    if (isolate.flight === null && isolate.pool.isDue(now)) this.#send(isolate, false);
    this.#later(next / isolate.rate + this.#below(15), () => {
      isolate.clock.passed(now + next);
      this.#look(running);
    });
  }

  #send(isolate: Isolate, isBare: boolean): void {
    const asked = isolate.pool.ask(this.#rule.quota, isolate.waiting, isBare, this.#clockOf(isolate));
    if (this.#build === "lets more run than it has claimed") isolate.pool.forgo(asked);
    isolate.flight = asked;
    this.#attempt(isolate, asked);
    this.#later(attemptMs, () => {
      if (isolate.flight === asked) this.#attempt(isolate, asked);
    });
    this.#later(timeoutMs, () => this.#land(isolate, asked));
  }

  #attempt(isolate: Isolate, asked: HoldAsked): void {
    isolate.turn += 1;
    const sent: HoldSent = { asked, turn: isolate.turn, sentAt: this.#clockOf(isolate) };
    const { holder, steps } = isolate;
    const { inUse, wanted } = asked;
    const request: HoldRequest = { v: 1, rule: this.#rule, budget: "b", holder, inUse, wanted, turn: sent.turn };
    const copies = this.#random() < this.#loss ? this.#below(3) : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#later(this.#wireMs(), () => {
        if (this.#now < this.#awayUntil) return;
        const answer = this.#object.hold(request, Math.floor(this.#now * this.#objectRate));
        if (this.#random() < this.#loss / 2) return;
        this.#later(this.#wireMs(), () => {
          if (!isolate.isAlive) return;
          const now = this.#clockOf(isolate);
          if (answer.lifeMs === 0) return;
          const late = { ...sent, sentAt: now, asked: { ...asked, provenUntil: Infinity } };
          const from = this.#build === "counts permits from the reply" ? late : sent;
          if (isolate.steps === steps) isolate.pool.learn(from, answer, now);
          this.#land(isolate, asked);
        });
      });
    }
  }

  /** The call has ended, one way or another. */
  #land(isolate: Isolate, asked: HoldAsked): void {
    if (isolate.flight === asked) isolate.flight = null;
    while (isolate.waiting > 0 && this.#admit(isolate)) isolate.waiting -= 1;
    // The rest is refused.
    isolate.waiting = 0;
  }

  #join(): void {
    const isolate: Isolate = {
      holder: `isolate ${this.#nth}`,
      rate: this.#rate(),
      offsetMs: 1_000_000 + this.#below(1_000),
      clock: new PermitClock(() => Math.floor(this.#now * isolate.rate) + isolate.offsetMs),
      steps: 0,
      pool: new PermitPool(),
      running: new Set(),
      turn: 0,
      waiting: 0,
      flight: null,
      isAlive: true,
    };
    this.#nth += 1;
    this.#isolates.push(isolate);
  }

  #clockOf(isolate: Isolate): number {
    const now = isolate.clock.now();
    if (isolate.clock.steps !== isolate.steps) {
      isolate.steps = isolate.clock.steps;
      isolate.pool.distrust();
    }
    return now;
  }

  #measure(): void {
    const running = this.#isolates.reduce((sum, isolate) => sum + isolate.running.size, 0);
    this.#peak = Math.max(this.#peak, running);
  }

  #later(ms: number, happens: () => void): void {
    this.#nth += 1;
    this.#events.push({ at: this.#now + ms, nth: this.#nth, happens });
  }

  #advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#events.reduce<Event | null>((first, event) => (isBefore(event, first) ? event : first), null);
      if (next === null || next.at > until) break;
      this.#events = this.#events.filter((event) => event !== next);
      this.#now = Math.max(this.#now, next.at);
      next.happens();
    }
    this.#now = until;
  }

  /** Mostly quick; now and then slower than any lease. */
  #wireMs(): number {
    const kind = this.#random();
    if (kind > this.#loss) return 1 + this.#below(60);
    return kind < this.#loss / 3 ? this.#below(15_000) : this.#below(2_000);
  }

  #rate(): number {
    const extreme = this.#random() < 0.5 ? 0.95 : 1.05;
    return this.#random() < 0.5 ? extreme : 0.95 + this.#random() / 10;
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most);
  }
}

function isBefore(event: Event, first: Event | null): boolean {
  return first === null || event.at < first.at || (event.at === first.at && event.nth < first.nth);
}

/** Mulberry32: the same numbers for the same seed, everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
