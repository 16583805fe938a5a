import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { AcquireRequest, Hold, LockContract } from "../../durable-objects/lock/contract.ts";
import { lockShardStub } from "../../durable-objects/stubs.ts";

/** A shard for each test, so that none meets another's rows. */
let shards = 0;

class Shard {
  readonly #shard: number;
  #requests = 0;

  constructor() {
    shards += 1;
    this.#shard = shards;
  }

  /** A fresh stub each time: one that has seen an exception is dead. */
  get stub(): LockContract {
    return lockShardStub(env, "test", this.#shard);
  }

  /** The same, for the tools of the test. */
  get object(): DurableObjectStub {
    return lockShardStub(env, "test", this.#shard) as unknown as DurableObjectStub;
  }

  request(more: Partial<AcquireRequest> = {}): AcquireRequest {
    this.#requests += 1;
    const requestId = `request-${this.#requests}`;
    return { v: 1, lock: "inventory", holder: "a", ttlMs: 60_000, waitMs: 0, atLeastMs: 0, requestId, ...more };
  }

  async take(more: Partial<AcquireRequest> = {}): Promise<Hold> {
    const answer = await this.stub.acquire(this.request(more));
    if (answer.kind !== "acquired") throw new Error(`expected a hold: received ${answer.kind}`);
    return answer.hold;
  }

  async release({ lock, holder, token }: Hold): Promise<string> {
    return (await this.stub.release({ v: 1, lock, holder, token })).kind;
  }

  async renew({ lock, holder, token }: Hold): Promise<string> {
    return (await this.stub.renew({ v: 1, lock, holder, token })).kind;
  }

  /** As if everything had happened this much earlier. */
  async age(ms: number): Promise<void> {
    await runInDurableObject(this.object, (_, { storage }) => {
      storage.sql.exec(
        `UPDATE locks SET acquired_at = acquired_at - ?1, ends_at = ends_at - ?1,
          not_before = not_before - ?1, seen_at = seen_at - ?1`,
        ms,
      );
    });
  }
}

describe("a Lock in the runtime", () => {
  test("K1 of many who ask at once exactly one gets it", async () => {
    const shard = new Shard();
    const asked = Array.from({ length: 100 }, (_, index) => shard.stub.acquire(shard.request({ holder: `h${index}` })));
    const kinds = (await Promise.all(asked)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "acquired")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "held")).toHaveLength(99);
  });

  test("K2 tokens grow across release, expiry, operator's release, eviction, abort and forgetting", async () => {
    const shard = new Shard();
    const tokens: number[] = [];
    const take = async (): Promise<Hold> => {
      const hold = await shard.take();
      tokens.push(hold.token);
      return hold;
    };
    await shard.release(await take());
    await take();
    await shard.age(3_600_000);
    await take();
    tokens.push((await shard.stub.clear({ v: 1, lock: "inventory" })).state.token);
    await shard.release(await take());
    await evictDurableObject(shard.object);
    await shard.release(await take());
    await abortAllDurableObjects();
    await shard.release(await take());
    await shard.age(3_600_000);
    expect(await runDurableObjectAlarm(shard.object)).toBe(true);
    const rows = await runInDurableObject(shard.object, (_, state) =>
      state.storage.sql.exec("SELECT lock FROM locks").toArray(),
    );
    expect(rows).toEqual([]);
    await abortAllDurableObjects();
    await take();
    expect(tokens).toHaveLength(8);
    expect(tokens.toSorted((left, right) => left - right)).toEqual(tokens);
    expect(new Set(tokens).size).toBe(8);
  });

  test("K1 a hold outlives eviction and abort, and its holder goes on with it", async () => {
    const shard = new Shard();
    const hold = await shard.take();
    await evictDurableObject(shard.object);
    expect((await shard.stub.acquire(shard.request({ holder: "b" }))).kind).toBe("held");
    await abortAllDurableObjects();
    expect((await shard.stub.acquire(shard.request({ holder: "b" }))).kind).toBe("held");
    expect(await shard.renew(hold)).toBe("renewed");
    expect(await shard.release(hold)).toBe("released");
    expect((await shard.take({ holder: "b" })).token).toBeGreaterThan(hold.token);
  });

  test("K4 a request whose answer was lost in a crash finds its own hold", async () => {
    const shard = new Shard();
    const request = shard.request();
    await shard.stub.acquire(request);
    await abortAllDurableObjects();
    expect(await shard.stub.acquire(request)).toMatchObject({ kind: "acquired", hold: { token: 1 } });
    await shard.age(3_600_000);
    expect((await shard.stub.acquire(request)).kind).toBe("ended");
  });

  test("K4 those who wait are served in order, each as the one before lets go", async () => {
    const shard = new Shard();
    let hold = await shard.take();
    const requests = ["b", "c", "d"].map((holder) => shard.request({ holder, waitMs: 30_000 }));
    const waiting = requests.map((request) => shard.stub.acquire(request));
    for (const [index, request] of requests.entries()) {
      await shard.release(hold);
      const offer = await waiting[index];
      expect(offer).toMatchObject({ kind: "offered", hold: { holder: request.holder } });
      const taken = await shard.stub.acquire({ ...request, waitMs: 0 });
      expect(taken).toMatchObject({ kind: "acquired", hold: { holder: request.holder } });
      if (taken.kind === "acquired") hold = taken.hold;
    }
    expect(await shard.release(hold)).toBe("released");
  });

  test("K10 a waiter gets what its holder lets lapse, without anybody's call", async () => {
    const shard = new Shard();
    await shard.take({ ttlMs: 1_000 });
    await shard.age(1_000);
    const answer = await shard.stub.acquire(shard.request({ holder: "b", waitMs: 30_000 }));
    expect(answer).toMatchObject({ kind: "offered", hold: { holder: "b", token: 2 } });
  });

  test("a waiter whose time is up is told who holds the lock", async () => {
    const shard = new Shard();
    await shard.take();
    const answer = await shard.stub.acquire(shard.request({ holder: "b", waitMs: 20 }));
    expect(answer).toMatchObject({ kind: "held", holder: "a" });
  });

  test("K4 a waiter whose call broke with the object blocks nobody", async () => {
    const shard = new Shard();
    const hold = await shard.take();
    const broken = shard.stub.acquire(shard.request({ holder: "b", waitMs: 30_000 })).then(
      () => "answered",
      () => "broken",
    );
    await shard.stub.inspect({ v: 1, lock: "inventory" });
    await abortAllDurableObjects();
    expect(await broken).toBe("broken");
    await shard.release(hold);
    expect((await shard.take({ holder: "c" })).holder).toBe("c");
  });

  test("K4 a waiter that leaves is answered, and what it was offered goes to the next", async () => {
    const shard = new Shard();
    const hold = await shard.take();
    const going = shard.request({ holder: "b", waitMs: 30_000 });
    const [offered, next] = [
      shard.stub.acquire(going),
      shard.stub.acquire(shard.request({ holder: "c", waitMs: 30_000 })),
    ];
    await shard.release(hold);
    expect((await offered).kind).toBe("offered");
    await shard.stub.leave({ v: 1, lock: "inventory", requestId: going.requestId });
    expect(await next).toMatchObject({ kind: "offered", hold: { holder: "c" } });
  });

  test("K12 the operator's release ends a hold, and serves who waits", async () => {
    const shard = new Shard();
    const hold = await shard.take();
    const waiting = shard.stub.acquire(shard.request({ holder: "b", waitMs: 30_000 }));
    await shard.stub.clear({ v: 1, lock: "inventory" });
    expect(await waiting).toMatchObject({ kind: "offered" });
    expect(await shard.renew(hold)).toBe("not_holder");
  });

  test("held locks are listed by name, a page at a time, until they end", async () => {
    const shard = new Shard();
    for (const lock of ["c", "a", "b"]) await shard.take({ lock });
    const names = async (after: string, limit: number) =>
      (await shard.stub.list({ v: 1, after, limit })).locks.map(({ lock }) => lock);
    expect(await names("", 2)).toEqual(["a", "b"]);
    expect(await names("b", 2)).toEqual(["c"]);
    await shard.age(3_600_000);
    expect(await names("", 10)).toEqual([]);
  });

  test("looking at a shard that was never used leaves it empty", async () => {
    const shard = new Shard();
    expect(await shard.stub.inspect({ v: 1, lock: "x" })).toEqual({
      v: 1,
      state: { lock: "x", state: "free", token: 0 },
    });
    await shard.stub.list({ v: 1, after: "", limit: 10 });
    await shard.stub.leave({ v: 1, lock: "x", requestId: "r" });
    const tables = await runInDurableObject(shard.object, async (_, { storage }) => ({
      tables: storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
      alarm: await storage.getAlarm(),
    }));
    expect(tables).toEqual({ tables: [], alarm: null });
  });

  test("the alarm comes again while anything is kept, and not after", async () => {
    const shard = new Shard();
    await shard.take();
    const alarm = () => runInDurableObject(shard.object, (_, { storage }) => storage.getAlarm());
    expect(await alarm()).not.toBeNull();
    await runDurableObjectAlarm(shard.object);
    expect(await alarm()).not.toBeNull();
    await shard.age(3_600_000);
    await runDurableObjectAlarm(shard.object);
    expect(await alarm()).toBeNull();
  });
});
