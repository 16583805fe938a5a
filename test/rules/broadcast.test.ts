/** Events on their way: from an isolate to the Log, and from the queue to the regions. */
import { describe, expect, it, vi } from "vitest";
import type { BroadcastMessage, NewEvent, PublishAnswer, PublishRequest } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import { handOn } from "../../workers/broadcast/broadcaster.ts";
import { Publisher } from "../../workers/broadcast/publisher.ts";

const noContext = { waitUntil: (work: Promise<unknown>) => void work };

function event(id: string): NewEvent {
  return { id, type: "invalidation", data: { tags: [id], mode: "purge" } };
}

/** A Log whose calls are answered one by one, by the test. */
class LogDouble {
  readonly calls: PublishRequest[] = [];
  readonly #open: ((answer: PublishAnswer | Error) => void)[] = [];
  readonly publisher = new Publisher(() => ({ publish: (request) => this.#publish(request) }));

  #publish(request: PublishRequest): Promise<PublishAnswer> {
    this.calls.push(request);
    return new Promise((resolve, reject) => {
      this.#open.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }

  publish(id: string) {
    return this.publisher.publish(noContext, event(id), "none", 0);
  }

  answer(): void {
    const request = this.calls[this.calls.length - this.#open.length];
    const spoilt = request?.events.some(({ id }) => id === "malformed") ?? false;
    this.#open.shift()?.(
      spoilt
        ? { v: 1, kind: "refused", reason: "malformed", detail: "events.0.id" }
        : {
            v: 1,
            kind: "published",
            epoch: "e",
            acknowledged: true,
            receipts: [],
            events: request?.events.map(({ id }, index) => ({ kind: "inserted", id, seq: index + 1 })) ?? [],
          },
    );
  }

  fail(error: Error): void {
    this.#open.shift()?.(error);
  }
}

describe("a publisher", () => {
  it("keeps one call in flight and gathers what comes meanwhile into the next", async () => {
    const log = new LogDouble();
    const first = log.publish("a");
    const others = ["b", "c", "d"].map((id) => log.publish(id));
    expect(log.calls).toHaveLength(1);
    log.answer();
    await first;
    await expect.poll(() => log.calls.length).toBe(2);
    log.answer();
    expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(["published", "published", "published"]);
    expect(log.calls[1]?.events.map(({ id }) => id)).toEqual(["b", "c", "d"]);
  });

  it("sends a call whose answer was lost once more, with the same id, and then says that it does not know", async () => {
    const log = new LogDouble();
    const outcome = log.publish("a");
    log.fail(new Error("lost"));
    await expect.poll(() => log.calls.length).toBe(2);
    log.fail(new Error("lost"));
    expect(await outcome).toEqual({ kind: "outcome_unknown" });
    expect(log.calls.map(({ events }) => events[0]?.id)).toEqual(["a", "a"]);
  });

  it("does not ask an overloaded Log again", async () => {
    const log = new LogDouble();
    const outcome = log.publish("a");
    log.fail(Object.assign(new Error("too many"), { overloaded: true }));
    expect((await outcome).kind).toBe("overloaded");
    expect(log.calls).toHaveLength(1);
  });

  it("lets a malformed event spoil nobody else's", async () => {
    const log = new LogDouble();
    const first = log.publish("a");
    const malformed = log.publish("malformed");
    const good = log.publish("good");
    for (let call = 1; call <= 4; call += 1) {
      await expect.poll(() => log.calls.length).toBe(call);
      log.answer();
    }
    expect((await first).kind).toBe("published");
    expect((await malformed).kind).toBe("malformed");
    expect((await good).kind).toBe("published");
  });
});

interface Delivery {
  readonly body: unknown;
  outcome: "acked" | "retried" | "open";
}

function batchOf(...bodies: readonly unknown[]) {
  const deliveries = bodies.map((body): Delivery => ({ body, outcome: "open" }));
  const messages = deliveries.map((delivery, index) => ({
    id: `${index}`,
    timestamp: new Date(0),
    attempts: 1,
    body: delivery.body,
    ack: () => void (delivery.outcome = "acked"),
    retry: () => void (delivery.outcome = "retried"),
  }));
  const batch = { queue: "broadcast", messages, ackAll: vi.fn<() => void>(), retryAll: vi.fn<() => void>() };
  return { batch: batch as unknown as MessageBatch, outcomes: () => deliveries.map(({ outcome }) => outcome) };
}

function message(after: number, regions: readonly RegionName[] = ["weur", "enam"]): BroadcastMessage {
  return { v: 1, epoch: "e", after, to: after + 1, events: [], regions };
}

const applied = (region: RegionName, seq: number) => ({ region, epoch: "e", applied: seq, viewsEndMs: 0 });

describe("the broadcaster", () => {
  it("hands each message to each of its regions, in the order of the numbers, and reports the newest", async () => {
    const { batch, outcomes } = batchOf(message(1), message(0));
    const seen: string[] = [];
    const reports: unknown[] = [];
    await handOn(batch, {
      apply: async (region, { to }) => {
        seen.push(`${region} ${to}`);
        return applied(region, to);
      },
      report: async (each) => void reports.push(...each),
    });
    expect(seen).toEqual(["weur 1", "enam 1", "weur 2", "enam 2"]);
    expect(reports).toEqual([applied("weur", 2), applied("enam", 2)]);
    expect(outcomes()).toEqual(["acked", "acked"]);
  });

  it("E8 leaves what it cannot read to the dead letters, and hands on the rest", async () => {
    const { batch, outcomes } = batchOf({ v: 9 }, null, { ...message(0), regions: ["mars"] }, message(0));
    await handOn(batch, { apply: async (region, { to }) => applied(region, to), report: async () => undefined });
    expect(outcomes()).toEqual(["retried", "retried", "retried", "acked"]);
  });

  it("tries a message again that no region took, and no other", async () => {
    const { batch, outcomes } = batchOf(message(0), message(1, ["enam"]));
    await handOn(batch, {
      apply: async (region, { to }) => (region === "enam" ? null : applied(region, to)),
      report: async () => undefined,
    });
    expect(outcomes()).toEqual(["acked", "retried"]);
  });

  it("waits for a region that hangs once in a batch, and not for ever", async () => {
    vi.useFakeTimers();
    try {
      const { batch, outcomes } = batchOf(message(0), message(1), message(2));
      const asked: RegionName[] = [];
      const done = handOn(batch, {
        apply: (region, { to }) => {
          asked.push(region);
          return region === "enam" ? new Promise(() => undefined) : Promise.resolve(applied(region, to));
        },
        report: () => new Promise(() => undefined),
      });
      await vi.advanceTimersByTimeAsync(10_000);
      await done;
      expect(outcomes()).toEqual(["acked", "acked", "acked"]);
      expect(asked.filter((region) => region === "enam")).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
