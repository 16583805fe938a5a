/**
 * Histories of one lock in virtual time: holders on hosts whose clocks run up to 5 % fast or slow, a network that drops,
 * doubles and delays, an object that restarts on other hosts and whose clock steps back. Tells when two holders believed
 * at once that they had the lock, when the object gave it out twice, and when a token did not grow.
 */
import type { AcquireAnswer, AcquireRequest, HolderAnswer } from "../../durable-objects/lock/contract.ts";
import type { Ledger } from "../../durable-objects/lock/ledger.ts";
import { LockTable } from "../../durable-objects/lock/lock-table.ts";
import { MemoryLedger } from "./lock-ledger.ts";

/** A defect to plant: the storage as the object sees it, made anew at each start. */
export type Storage = (durable: MemoryLedger) => Ledger;

export interface History {
  readonly grants: number;
  readonly restarts: number;
  readonly violations: readonly string[];
}

/** How long one holder believes that it has the lock, in real time. */
interface Belief {
  readonly holder: string;
  readonly token: number;
  readonly from: number;
  until: number;
}

const lock = "inventory";
const lengthMs = 25_000;

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function runHistory(seed: number, storage: Storage = (durable) => durable): History {
  const world = new World(seed);
  const object = new LockHost(world, storage);
  for (let index = 0; index < 3; index += 1) new HolderHost(world, object, `holder-${index}`).begin();
  object.scheduleTrouble();
  world.run();
  return {
    grants: world.grants.length,
    restarts: object.restarts,
    violations: [...world.violations, ...overlaps(world.beliefs)],
  };
}

function overlaps(beliefs: readonly Belief[]): readonly string[] {
  const sorted = beliefs.filter(({ from, until }) => until > from).toSorted((left, right) => left.from - right.from);
  return sorted.flatMap((belief, index) =>
    sorted
      .slice(index + 1)
      .filter((other) => other.from < belief.until && other.token !== belief.token)
      .map(
        (other) =>
          `${belief.holder} (${belief.token}) until ${belief.until}, ${other.holder} (${other.token}) from ${other.from}`,
      ),
  );
}

/** Real time, chance and the network. */
class World {
  readonly random: () => number;
  readonly beliefs: Belief[] = [];
  readonly grants: number[] = [];
  readonly violations: string[] = [];
  now = 0;
  readonly #events: { readonly at: number; readonly run: () => void }[] = [];

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  after(delayMs: number, run: () => void): void {
    const at = this.now + delayMs;
    const place = this.#events.findLastIndex((event) => event.at <= at) + 1;
    this.#events.splice(place, 0, { at, run });
  }

  /** Carries a message: at once as a rule, late at times, never or twice now and then. */
  send(deliver: () => void): void {
    const luck = this.random();
    if (luck < 0.08) return;
    const copies = luck < 0.16 ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.after(this.random() < 0.15 ? this.between(0, 3_000) : this.between(0, 20), deliver);
    }
  }

  run(): void {
    for (let event = this.#events.shift(); event !== undefined && event.at <= lengthMs; event = this.#events.shift()) {
      this.now = event.at;
      event.run();
    }
  }
}

/** The object, on one host after another: their clocks are at most 250 ms apart, and sometimes step back, all of them. */
class LockHost {
  restarts = 0;
  readonly #world: World;
  readonly #storage: Storage;
  readonly #durable = new MemoryLedger();
  readonly #rate: number;
  #waiting = new Map<number, (answer: AcquireAnswer) => void>();
  #table: LockTable;
  #offset = 0;
  #steppedBackMs = 0;
  #lastToken = 0;

  constructor(world: World, storage: Storage) {
    this.#world = world;
    this.#storage = storage;
    this.#rate = world.between(0.95, 1.05);
    this.#table = this.#started();
  }

  acquire(request: AcquireRequest, reply: (answer: AcquireAnswer) => void): void {
    const outcome = this.#table.acquire(request, this.#clock());
    if (outcome.kind === "waiting") this.#wait(request, outcome.ticket, reply);
    else reply(outcome);
    this.#observe();
  }

  renew(holder: string, token: number): HolderAnswer {
    return this.#table.renew({ v: 1, lock, holder, token }, this.#clock());
  }

  release(holder: string, token: number): HolderAnswer {
    const answer = this.#table.release({ v: 1, lock, holder, token }, this.#clock());
    this.#observe();
    return answer;
  }

  /** Restarts and steps of the clock, at random instants. */
  scheduleTrouble(): void {
    const world = this.#world;
    world.after(world.between(500, 6_000), () => {
      if (world.random() < 0.6) this.#restart();
      else this.#steppedBackMs += world.between(0, 3_000);
      this.scheduleTrouble();
    });
  }

  #clock(): number {
    return 1_000_000 + Math.floor(this.#world.now * this.#rate + this.#offset - this.#steppedBackMs);
  }

  /** Those who wait are never answered: their calls broke. */
  #restart(): void {
    this.restarts += 1;
    this.#offset = this.#world.between(0, 250);
    this.#waiting = new Map();
    this.#table = this.#started();
  }

  #started(): LockTable {
    const waiting = this.#waiting;
    return new LockTable(this.#storage(this.#durable), (ticket, answer) => {
      waiting.get(ticket)?.(answer);
      waiting.delete(ticket);
    });
  }

  #wait(request: AcquireRequest, ticket: number, reply: (answer: AcquireAnswer) => void): void {
    const table = this.#table;
    this.#waiting.set(ticket, reply);
    this.#world.after(request.waitMs, () => this.#onTable(table, () => table.giveUp(lock, ticket, this.#clock())));
    this.#watch(table);
  }

  #watch(table: LockTable): void {
    const servesInMs = table.servesInMs(lock, this.#clock());
    if (servesInMs === null) return;
    this.#world.after(Math.max(1, servesInMs), () =>
      this.#onTable(table, () => {
        table.serve(lock, this.#clock());
        this.#watch(table);
      }),
    );
  }

  /** A timer of a table that is gone does nothing. */
  #onTable(table: LockTable, work: () => void): void {
    if (table !== this.#table) return;
    work();
    this.#observe();
  }

  #observe(): void {
    const { token } = this.#table.inspect(lock, this.#clock());
    if (token === this.#lastToken) return;
    if (token < this.#lastToken) this.#world.violations.push(`token ${token} after ${this.#lastToken}`);
    this.#lastToken = token;
    this.#world.grants.push(token);
  }
}

/** A process that takes the lock again and again, counts from sending, and now and then sleeps or loses its memory. */
class HolderHost {
  readonly #world: World;
  readonly #object: LockHost;
  readonly #name: string;
  readonly #rate: number;
  #count = 0;

  constructor(world: World, object: LockHost, name: string) {
    this.#world = world;
    this.#object = object;
    this.#name = name;
    this.#rate = world.between(0.95, 1.05);
  }

  begin(): void {
    this.#world.after(this.#world.between(0, 800), () => this.#ask());
  }

  #ask(): void {
    const { random } = this.#world;
    this.#count += 1;
    const request: AcquireRequest = {
      v: 1,
      lock,
      holder: this.#name,
      ttlMs: 1_000 + Math.floor(random() * 2_000),
      waitMs: random() < 0.5 ? 0 : Math.floor(random() * 4_000),
      atLeastMs: random() < 0.8 ? 0 : 500,
      requestId: `${this.#name}/${this.#count}`,
    };
    const go = { over: false };
    this.#send(request, go);
    // An answer that does not come is asked for once more; then a new round begins.
    this.#world.after(request.waitMs + 400, () => {
      if (!go.over) this.#send({ ...request, waitMs: 0 }, go);
    });
    this.#world.after(request.waitMs + 1_200, () => {
      if (go.over) return;
      go.over = true;
      this.begin();
    });
  }

  #send(request: AcquireRequest, go: { over: boolean }): void {
    const sentAt = this.#world.now;
    this.#world.send(() =>
      this.#object.acquire(request, (answer) => this.#world.send(() => this.#hear(request, go, sentAt, answer))),
    );
  }

  #hear(request: AcquireRequest, go: { over: boolean }, sentAt: number, answer: AcquireAnswer): void {
    if (go.over) return;
    if (answer.kind === "offered") {
      this.#send({ ...request, waitMs: 0 }, go);
      return;
    }
    go.over = true;
    if (answer.kind === "acquired") this.#hold(answer.hold.token, answer.hold.ttlMs, sentAt);
    else this.begin();
  }

  #hold(token: number, ttlMs: number, sentAt: number): void {
    const { now, beliefs } = this.#world;
    const belief = { holder: this.#name, token, from: now, until: sentAt + ttlMs / this.#rate };
    beliefs.push(belief);
    this.#work(belief, ttlMs);
  }

  /** Renews some times, then releases, or just stops. */
  #work(belief: Belief, ttlMs: number): void {
    const world = this.#world;
    world.after(world.between(0, ttlMs), () => {
      if (world.now >= belief.until) {
        this.begin();
      } else if (world.random() < 0.5) {
        const sentAt = world.now;
        world.send(() => {
          const answer = this.#object.renew(belief.holder, belief.token);
          world.send(() => this.#renewed(belief, sentAt, answer));
        });
        this.#work(belief, ttlMs);
      } else {
        belief.until = world.now;
        world.send(() => this.#object.release(belief.holder, belief.token));
        this.begin();
      }
    });
  }

  /** What has ended stays ended, whatever a late answer says. */
  #renewed(belief: Belief, sentAt: number, answer: HolderAnswer): void {
    if (answer.kind !== "renewed" || this.#world.now >= belief.until) return;
    belief.until = Math.max(belief.until, sentAt + answer.hold.ttlMs / this.#rate);
  }
}
