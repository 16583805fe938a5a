import { env } from "cloudflare:workers";
import { abortAllDurableObjects, evictDurableObject, reset } from "cloudflare:test";
import config from "../../mesh.config.ts";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { BroadcastMessage, MeshEvent, NewEvent, Page } from "../../durable-objects/log/contract.ts";
import type { RegionContract } from "../../durable-objects/region/contract.ts";
import { logStub, regionStub } from "../../durable-objects/stubs.ts";

const environment = String(config.environment);
const log = () => logStub(env, environment);
const region = (): RegionContract => regionStub(env, environment, "weur");

async function publish(from: number, to: number): Promise<readonly MeshEvent[]> {
  const events = Array.from({ length: to - from + 1 }, (_, index): NewEvent => ({
    id: `e${from + index}`,
    type: "note",
    data: index,
  }));
  await log().publish({ v: 1, events, ack: "none", timeoutMs: 0 });
  return (await log().read({ v: 1, cursor: { epoch: (await log().status()).epoch, seq: from - 1 } })).events;
}

async function view(cursor: { readonly epoch: string; readonly seq: number } | null = null): Promise<Page> {
  const answer = await region().view({ v: 1, cursor });
  if (answer.kind === "not_current") throw new Error("expected a view");
  return answer.page;
}

async function message(events: readonly MeshEvent[], after: number, to: number): Promise<BroadcastMessage> {
  const { epoch } = await log().status();
  const run = events.filter(({ seq }) => seq > after && seq <= to);
  return { v: 1, epoch, after, to, events: run, regions: ["weur"] };
}

afterEach(async () => reset());

describe("a Region in the runtime", () => {
  test("its first view brings a lease and everything there is", async () => {
    await publish(1, 3);
    const page = await view();
    expect(page).toMatchObject({ to: 3, head: 3, reset: { floor: 0 } });
    expect(page.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect((await region().status()).leaseEndsInMs).toBeGreaterThan(0);
  });

  test("E3 a hole is pulled from the Log", async () => {
    await view();
    const events = await publish(1, 5);
    expect(await region().apply(await message(events, 3, 5))).toMatchObject({ kind: "applied", applied: 5 });
    expect((await view()).events.map(({ id }) => id)).toEqual(["e1", "e2", "e3", "e4", "e5"]);
  });

  test("a message without its events is read from the Log, and one that was seen changes nothing", async () => {
    await view();
    const events = await publish(1, 2);
    const { events: _left, ...bare } = await message(events, 0, 2);
    expect(await region().apply(bare)).toMatchObject({ kind: "applied", applied: 2 });
    expect(await region().apply(await message(events, 0, 1))).toMatchObject({ kind: "applied", applied: 2 });
  });

  test("E8 a message of an epoch that is no more changes nothing", async () => {
    const events = await publish(1, 2);
    const before = await view();
    const old = { ...(await message(events, 0, 2)), epoch: "another", after: 2, to: 9, events: [] };
    expect(await region().apply(old)).toMatchObject({ kind: "applied", epoch: before.epoch, applied: 2 });
    expect(await view()).toEqual(before);
  });

  test("E3 a Region that was killed holds no lease until it has asked again, and keeps its events", async () => {
    await publish(1, 2);
    const before = await view();
    for (const kill of [() => evictDurableObject(region() as unknown as DurableObjectStub), abortAllDurableObjects]) {
      await kill();
      expect(await region().status()).toMatchObject({ applied: 2, epoch: before.epoch, leaseEndsInMs: 0 });
      expect(await view()).toEqual(before);
    }
  });

  test("E4 a Region that was killed counts the views that it may have handed out", async () => {
    const events = await publish(1, 1);
    await view();
    await evictDurableObject(region() as unknown as DurableObjectStub);
    const answer = await region().apply(await message(events, 0, 1));
    if (answer.kind !== "applied") throw new Error("expected applied");
    expect(answer.viewsEndMs).toBeGreaterThan(0);
  });

  test("an asker who is ahead waits for the Region to read on, and gets nothing twice", async () => {
    const { epoch } = await view();
    await publish(1, 4);
    const page = await view({ epoch, seq: 3 });
    expect(page).not.toHaveProperty("reset");
    expect(page.events.map(({ seq }) => seq)).toEqual([4]);
  });

  test("an asker of another epoch is reset", async () => {
    await publish(1, 2);
    await view();
    expect(await view({ epoch: "another", seq: 7 })).toMatchObject({ to: 2, reset: { floor: 0 } });
  });

  test("E2 deliveries that are lost, doubled, out of order and cut by kills end in the same state", async () => {
    const delivery = fc.record({ after: fc.nat(11), length: fc.integer({ min: 1, max: 5 }), isKilled: fc.boolean() });
    const property = fc.asyncProperty(fc.array(delivery, { minLength: 1, maxLength: 6 }), async (deliveries) => {
      await reset();
      await view();
      const events = await publish(1, 12);
      let applied = 0;
      for (const { after, length, isKilled } of deliveries) {
        if (isKilled) await abortAllDurableObjects();
        const answer = await region().apply(await message(events, after, Math.min(12, after + length)));
        expect(answer.kind).toBe("applied");
        expect(answer.applied).toBeGreaterThanOrEqual(Math.max(applied, Math.min(12, after + length)));
        ({ applied } = answer);
      }
      const page = await view();
      expect(page.events).toEqual(events);
      expect(page.to).toBe(12);
    });
    await fc.assert(property, { numRuns: 8, endOnFailure: true });
  });
});
