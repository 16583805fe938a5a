import { describe, expect, it } from "vitest";
import type { AcquireAnswer, AcquireRequest, Hold } from "../../durable-objects/lock/contract.ts";
import { LockTable, type Outcome } from "../../durable-objects/lock/lock-table.ts";
import { keptMs } from "../../durable-objects/lock/mutex.ts";
import { guardOf } from "../../durable-objects/platform/lease.ts";
import { MemoryLedger } from "../support/lock-ledger.ts";

const start = 1_000_000;
const lock = "inventory";

/** A table at an instant, with those who wait; `restart` keeps the storage alone. */
class Shard {
  readonly ledger = new MemoryLedger();
  readonly answers = new Map<number, AcquireAnswer>();
  now = start;
  table = this.#started();
  #requests = 0;

  #started(): LockTable {
    return new LockTable(this.ledger, (ticket, answer) => this.answers.set(ticket, answer));
  }

  restart(): void {
    this.table = this.#started();
  }

  ask(holder: string, more: Partial<AcquireRequest> = {}): Outcome {
    this.#requests += 1;
    const requestId = `request-${this.#requests}`;
    const request = { v: 1, lock, holder, ttlMs: 5_000, waitMs: 0, atLeastMs: 0, requestId, ...more } as const;
    return this.table.acquire(request, this.now);
  }

  take(holder: string, more: Partial<AcquireRequest> = {}): Hold {
    const outcome = this.ask(holder, more);
    if (outcome.kind !== "acquired") throw new Error(`expected a hold: received ${outcome.kind}`);
    return outcome.hold;
  }

  /** The ticket of one who waits. */
  line(holder: string, more: Partial<AcquireRequest> = {}): number {
    const outcome = this.ask(holder, { waitMs: 30_000, ...more });
    if (outcome.kind !== "waiting") throw new Error(`expected a place in line: received ${outcome.kind}`);
    return outcome.ticket;
  }

  release({ holder, token }: Hold): string {
    return this.table.release({ v: 1, lock, holder, token }, this.now).kind;
  }

  renew({ holder, token }: Hold, ttlMs?: number): string {
    const length = ttlMs === undefined ? {} : { ttlMs };
    return this.table.renew({ v: 1, lock, holder, token, ...length }, this.now).kind;
  }

  kindOf(ticket: number): string {
    return this.answers.get(ticket)?.kind ?? "waiting";
  }
}

describe("an exclusive lock", () => {
  it("K1 is given to nobody else until its hold, with the guard for clocks, has ended", () => {
    const shard = new Shard();
    shard.take("a");
    expect(keptMs(5_000)).toBe(guardOf(5_000) + 250);
    shard.now = start + keptMs(5_000) - 1;
    expect(shard.ask("b")).toEqual({ v: 1, kind: "held", holder: "a", expiresInMs: 1 });
    shard.now += 1;
    expect(shard.take("b").token).toBe(2);
  });

  it("is not given to its own holder again: a holder is not re-entrant", () => {
    const shard = new Shard();
    shard.take("a");
    expect(shard.ask("a").kind).toBe("held");
  });

  it("is free at once after its release", () => {
    const shard = new Shard();
    expect(shard.release(shard.take("a"))).toBe("released");
    expect(shard.take("b").token).toBe(2);
  });

  it("K9 stays shut for as long as its holder wanted at least, however early the release", () => {
    const shard = new Shard();
    shard.release(shard.take("a", { atLeastMs: 2_000 }));
    shard.now = start + 1_999;
    expect(shard.ask("b")).toMatchObject({ kind: "held", holder: "a", expiresInMs: 1 });
    shard.now = start + 2_000;
    expect(shard.ask("b").kind).toBe("acquired");
  });

  it("K6 hears nobody but its holder", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    expect(shard.release({ ...hold, holder: "b" })).toBe("not_holder");
    expect(shard.renew({ ...hold, token: hold.token + 1 })).toBe("not_holder");
    expect(shard.table.inspect(lock, shard.now)).toMatchObject({
      state: "held",
      holder: "a",
      expiresInMs: keptMs(5_000),
    });
  });

  it("K8 is renewed for longer, never for shorter", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    shard.now += 100;
    expect(shard.renew(hold, 1_000)).toBe("renewed");
    expect(shard.table.inspect(lock, shard.now).expiresInMs).toBe(keptMs(5_000) - 100);
    expect(shard.renew(hold)).toBe("renewed");
    expect(shard.table.inspect(lock, shard.now).expiresInMs).toBe(keptMs(5_000));
  });

  it("K8 is not brought back once its hold has ended, though nobody has had it since", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    shard.now += keptMs(5_000);
    expect(shard.renew(hold)).toBe("not_holder");
    expect(shard.release(hold)).toBe("not_holder");
  });

  it("K12 is taken from its holder by an operator, with a greater token", () => {
    const shard = new Shard();
    const hold = shard.take("a", { atLeastMs: 4_000 });
    expect(shard.table.clear(lock, shard.now)).toMatchObject({ state: "free", token: 2 });
    expect(shard.renew(hold)).toBe("not_holder");
    expect(shard.take("b").token).toBe(3);
  });
});

describe("the object's clock", () => {
  it("does not run backward: a step back neither revives nor shortens a hold", () => {
    const shard = new Shard();
    const old = shard.take("a");
    shard.now += keptMs(5_000);
    const hold = shard.take("b");
    shard.now = start;
    expect(shard.renew(old)).toBe("not_holder");
    expect(shard.ask("c")).toMatchObject({ kind: "held", holder: "b", expiresInMs: keptMs(5_000) });
    shard.restart();
    expect(shard.ask("c")).toMatchObject({ kind: "held", expiresInMs: keptMs(5_000) });
    expect(shard.renew(hold)).toBe("renewed");
  });

  it("does not run backward when the rows that carried it are gone", () => {
    const shard = new Shard();
    shard.release(shard.take("a"));
    shard.now += 3_600_000;
    expect(shard.table.sweep(shard.now, 10)).toBe("empty");
    shard.restart();
    shard.now = start;
    expect(shard.take("a").expiresAt).toBe(new Date(start + 3_600_000 + 5_000).toISOString());
  });
});

describe("a request that comes again", () => {
  it("K4 gets its own hold, for the whole length again", () => {
    const shard = new Shard();
    const first = shard.take("a", { requestId: "r" });
    shard.now += 4_000;
    shard.restart();
    expect(shard.take("a", { requestId: "r" }).token).toBe(first.token);
    expect(shard.table.inspect(lock, shard.now).expiresInMs).toBe(keptMs(5_000));
  });

  it("K4 leaves no orphan behind when its hold has ended", () => {
    const shard = new Shard();
    shard.release(shard.take("a", { requestId: "r" }));
    expect(shard.ask("a", { requestId: "r" }).kind).toBe("ended");
    shard.release(shard.take("b"));
    expect(shard.ask("a", { requestId: "r" }).kind).toBe("ended");
    expect(shard.table.inspect(lock, shard.now).state).toBe("free");
  });

  it("K4 is no key to another holder's hold", () => {
    const shard = new Shard();
    shard.take("a", { requestId: "r" });
    expect(shard.ask("b", { requestId: "r" }).kind).toBe("ended");
  });

  it("K4 a release that comes again is answered alike, and moves nothing", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    shard.release(hold);
    expect(shard.release(hold)).toBe("released");
    const next = shard.take("b");
    expect(shard.release(hold)).toBe("not_holder");
    expect(shard.renew(next)).toBe("renewed");
  });

  it("K4 keeps its place in line", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    const lost = shard.line("b", { requestId: "r" });
    const other = shard.line("c");
    const again = shard.line("b", { requestId: "r" });
    expect(shard.kindOf(lost)).toBe("held");
    shard.release(hold);
    expect([shard.kindOf(again), shard.kindOf(other)]).toEqual(["offered", "waiting"]);
  });
});

describe("those who wait", () => {
  it("K4 are served in the order of their coming, before anybody who comes later", () => {
    const shard = new Shard();
    let hold = shard.take("first");
    const names = Array.from({ length: 50 }, (_, index) => `waiter-${index}`);
    const tickets = names.map((holder) => shard.line(holder, { requestId: holder }));
    for (const [index, holder] of names.entries()) {
      shard.release(hold);
      expect(shard.ask("latecomer").kind).toBe("held");
      expect(tickets.map((ticket) => shard.kindOf(ticket)).lastIndexOf("offered")).toBe(index);
      hold = shard.take(holder, { requestId: holder });
    }
  });

  it("come before a newcomer also when their timer is late", () => {
    const shard = new Shard();
    shard.take("a");
    const ticket = shard.line("b");
    shard.now += keptMs(5_000);
    expect(shard.ask("c").kind).toBe("held");
    expect(shard.kindOf(ticket)).toBe("offered");
  });

  it("K4 block nobody when they have gone: what they are offered lapses in moments", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    shard.line("gone", { ttlMs: 3_600_000, atLeastMs: 3_600_000 });
    const next = shard.line("b");
    shard.release(hold);
    expect(shard.table.servesInMs(lock, shard.now)).toBe(keptMs(2_000));
    shard.now += keptMs(2_000);
    shard.table.serve(lock, shard.now);
    expect(shard.kindOf(next)).toBe("offered");
  });

  it("K4 block nobody when they say that they go, offered or not, and may come again", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    const [left, going, next] = [
      shard.line("b", { requestId: "b" }),
      shard.line("c", { requestId: "c" }),
      shard.line("d"),
    ];
    shard.table.leave({ v: 1, lock, requestId: "b" }, shard.now);
    expect(shard.kindOf(left)).toBe("held");
    shard.release(hold);
    expect(shard.kindOf(going)).toBe("offered");
    shard.table.leave({ v: 1, lock, requestId: "c" }, shard.now);
    expect(shard.kindOf(next)).toBe("offered");
    expect(shard.ask("c", { requestId: "c" }).kind).toBe("held");
  });

  it("are told who holds it when their time is up", () => {
    const shard = new Shard();
    shard.take("a");
    const ticket = shard.line("b");
    shard.now += 1_000;
    shard.table.giveUp(lock, ticket, shard.now);
    expect(shard.answers.get(ticket)).toEqual({ v: 1, kind: "held", holder: "a", expiresInMs: keptMs(5_000) - 1_000 });
    expect(shard.table.servesInMs(lock, shard.now)).toBeNull();
  });

  it("are not too many: the rest is told at once, and nothing is done for it", () => {
    const shard = new Shard();
    shard.take("a");
    for (let index = 0; index < 4_096; index += 1) shard.line(`waiter-${index}`);
    expect(shard.ask("b", { waitMs: 1_000 }).kind).toBe("overloaded");
    expect(shard.ask("b").kind).toBe("held");
  });
});

describe("forgetting", () => {
  it("K2 loses no token: a lock whose row is gone gets a greater one", () => {
    const shard = new Shard();
    const hold = shard.take("a");
    shard.release(hold);
    shard.now += 600_000;
    expect(shard.table.sweep(shard.now, 10)).toBe("empty");
    expect(shard.table.inspect(lock, shard.now).token).toBeGreaterThanOrEqual(hold.token);
    expect(shard.take("a").token).toBeGreaterThan(hold.token);
    shard.restart();
    expect(shard.table.clear("never-seen", shard.now).token).toBeGreaterThan(hold.token + 1);
  });

  it("spares what is held, and what was free a moment ago", () => {
    const shard = new Shard();
    shard.take("a", { lock: "held", ttlMs: 3_600_000 });
    shard.take("a", { lock: "past" });
    shard.now += 700_000;
    shard.take("a", { lock: "fresh" });
    expect(shard.table.sweep(shard.now, 1)).toBe("more");
    expect(shard.table.sweep(shard.now, 1)).toBe("some");
    expect([...shard.ledger.rows.keys()]).toEqual(["held", "fresh"]);
    expect(shard.table.list("", 10, shard.now).map((state) => state.lock)).toEqual(["fresh", "held"]);
    expect(shard.table.list("fresh", 10, shard.now).map((state) => state.lock)).toEqual(["held"]);
  });
});
