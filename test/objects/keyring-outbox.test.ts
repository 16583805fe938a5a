/** The outbox: what an object decided reaches the Log, whatever fails in between. Used by the Keyring and by KeySets. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { NewEvent, PublishAnswer } from "../../durable-objects/log/contract.ts";
import { Outbox, retryAfterMs } from "../../durable-objects/platform/outbox.ts";
import { keyringStub } from "../../durable-objects/stubs.ts";

type Publish = (events: readonly NewEvent[]) => Promise<PublishAnswer>;

/** A Log in memory that keeps what it is given once per id. */
class MemoryLog {
  readonly kept: NewEvent[] = [];
  readonly calls: (readonly string[])[] = [];
  publish: Publish = (events) => Promise.resolve(this.take(events));

  take(events: readonly NewEvent[]): PublishAnswer {
    this.calls.push(events.map(({ id }) => id));
    const published = events.map((event, index) => {
      const known = this.kept.some(({ id }) => id === event.id);
      if (!known) this.kept.push(event);
      return { kind: known ? ("repeated" as const) : ("inserted" as const), id: event.id, seq: index };
    });
    return { v: 1, kind: "published", epoch: "e", events: published, acknowledged: true, receipts: [] };
  }

  get ids(): readonly string[] {
    return this.kept.map(({ id }) => id);
  }
}

/** An hour ahead: the platform sets an alarm of the past to now, and one that strikes would drain by itself. */
const start = Date.now() + 3_600_000;
let names = 0;

/** An outbox on an object's real storage; the object's own rows are not touched, as it has made no key. */
async function withOutbox(
  use: (parts: { outbox: Outbox; log: MemoryLog; state: DurableObjectState; again: () => Outbox }) => Promise<void>,
) {
  names += 1;
  const stub = keyringStub(env, `outbox-${names}`) as unknown as DurableObjectStub;
  await runInDurableObject(stub, async (_object, state) => {
    const log = new MemoryLog();
    const again = () =>
      new Outbox({
        storage: state.storage,
        publish: (events) => log.publish(events),
        random: () => 0.5,
        now: () => start,
      });
    await use({ outbox: again(), log, state, again });
    await state.storage.deleteAlarm();
  });
}

const event = (id: string, retain?: string): NewEvent => ({
  id,
  type: "keys",
  data: { id },
  ...(retain === undefined ? {} : { retain }),
});

describe("an outbox", () => {
  test("sends in order, once, and owes nothing afterwards", async () => {
    await withOutbox(async ({ outbox, log }) => {
      for (let index = 0; index < 45; index += 1) outbox.add(event(`e${index}`));
      await outbox.drain();
      expect(log.ids).toEqual(Array.from({ length: 45 }, (_, index) => `e${index}`));
      expect(outbox.owed).toBe(0);
      await outbox.drain();
      expect(log.ids).toHaveLength(45);
    });
  });

  test("what is rolled back with its transaction was never written", async () => {
    await withOutbox(async ({ outbox, log, state }) => {
      const decide = () =>
        state.storage.transactionSync(() => {
          outbox.add(event("undone"));
          throw new Error("the decision failed");
        });
      expect(decide).toThrow("the decision failed");
      await outbox.drain();
      expect(log.ids).toEqual([]);
    });
  });

  test("a Log that is down loses nothing, throws nothing, and leaves the alarm armed further off each time", async () => {
    await withOutbox(async ({ outbox, log, state }) => {
      outbox.add(event("e1"));
      log.publish = () => Promise.reject(new Error("down"));
      const waits: number[] = [];
      for (let round = 0; round < 12; round += 1) {
        await outbox.drain();
        waits.push(((await state.storage.getAlarm()) ?? 0) - start);
      }
      expect(waits[0]).toBeLessThan(1_000);
      expect(waits.at(-1)).toBeLessThanOrEqual(60_000);
      for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(waits[index - 1] ?? 0);
      expect(outbox.owed).toBe(1);
      log.publish = (events) => Promise.resolve(log.take(events));
      await outbox.drain();
      expect(log.ids).toEqual(["e1"]);
    });
  });

  test("an answer that is lost makes a second call under the same id, and one event", async () => {
    await withOutbox(async ({ outbox, log }) => {
      outbox.add(event("e1"));
      log.publish = (events) => {
        log.take(events);
        return Promise.reject(new Error("the answer was lost"));
      };
      await outbox.drain();
      log.publish = (events) => Promise.resolve(log.take(events));
      await outbox.drain();
      expect(log.calls).toEqual([["e1"], ["e1"]]);
      expect(log.ids).toEqual(["e1"]);
      expect(outbox.owed).toBe(0);
    });
  });

  test("one that the Log will never take holds up none of the others", async () => {
    await withOutbox(async ({ outbox, log }) => {
      for (const id of ["a", "bad", "b"]) outbox.add(event(id));
      log.publish = (events) => {
        const isBad = events.some(({ id }) => id === "bad");
        return Promise.resolve(isBad ? { v: 1, kind: "refused", reason: "malformed", detail: "no" } : log.take(events));
      };
      await outbox.drain();
      expect(log.ids).toEqual(["a", "b"]);
      expect(outbox.owed).toBe(0);
    });
  });

  test("an overloaded Log is asked again later", async () => {
    await withOutbox(async ({ outbox, log }) => {
      outbox.add(event("e1"));
      log.publish = () => Promise.resolve({ v: 1, kind: "refused", reason: "overloaded", detail: "full" });
      await outbox.drain();
      expect(outbox.owed).toBe(1);
    });
  });

  test("of one retain key only the newest waits", async () => {
    await withOutbox(async ({ outbox, log }) => {
      outbox.add(event("old", "keys:a"));
      outbox.add(event("other", "keys:b"));
      outbox.add(event("new", "keys:a"));
      await outbox.drain();
      expect(log.ids).toEqual(["other", "new"]);
    });
  });

  test("an event that replaces one on its way is sent too", async () => {
    await withOutbox(async ({ outbox, log }) => {
      outbox.add(event("old", "keys:a"));
      const sent = Promise.withResolvers<PublishAnswer>();
      let first: readonly NewEvent[] = [];
      log.publish = (events) => {
        first = events;
        log.publish = (later) => Promise.resolve(log.take(later));
        return sent.promise;
      };
      const draining = outbox.drain();
      outbox.add(event("new", "keys:a"));
      sent.resolve(log.take(first));
      await draining;
      expect(log.ids).toEqual(["old", "new"]);
      expect(outbox.owed).toBe(0);
    });
  });

  test("an object that is made again with something owed and no alarm arms it; with nothing owed it does not", async () => {
    await withOutbox(async ({ outbox, log, state, again }) => {
      await again().rearm();
      expect(await state.storage.getAlarm()).toBeNull();
      outbox.add(event("e1"));
      await state.storage.deleteAlarm();
      await again().rearm();
      expect(await state.storage.getAlarm()).not.toBeNull();
      await again().drain();
      expect(log.ids).toEqual(["e1"]);
    });
  });

  test("waits stay within a minute, whatever the number of failures", () => {
    for (const failures of [0, 1, 5, 20, 1_000]) {
      expect(retryAfterMs(failures, 0)).toBeGreaterThan(0);
      expect(retryAfterMs(failures, 0.999)).toBeLessThanOrEqual(60_000);
    }
  });
});
