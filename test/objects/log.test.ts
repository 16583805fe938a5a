import { env } from "cloudflare:workers";
import {
  abortAllDurableObjects,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import config from "../../mesh.config.ts";
import { afterEach, describe, expect, test } from "vitest";
import type { Ack, LogContract, NewEvent, PublishAnswer } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { RegionContract } from "../../durable-objects/region/contract.ts";
import { logStub, regionStub } from "../../durable-objects/stubs.ts";

const environment = String(config.environment);

/** A fresh stub each time: one that has seen an exception is dead. */
const log = (): LogContract => logStub(env, environment);
const region = (name: RegionName): RegionContract => regionStub(env, environment, name);
const stubOf = (contract: LogContract | RegionContract) => contract as unknown as DurableObjectStub;

type Published = Extract<PublishAnswer, { kind: "published" }>;

async function publish(ids: readonly string[], ack: Ack = "none", timeoutMs = 5_000): Promise<Published> {
  const events = ids.map((id): NewEvent => ({ id, type: "note", data: { id } }));
  const answer = await log().publish({ v: 1, events, ack, timeoutMs });
  if (answer.kind === "refused") throw new Error(answer.detail);
  return answer;
}

const seqsOf = ({ events }: Published) => events.map((event) => (event.kind === "conflict" ? null : event.seq));
const statesOf = ({ receipts }: Published) => receipts.map(({ region: name, state, seq }) => `${name} ${state} ${seq}`);

async function idsIn(name: RegionName): Promise<readonly string[]> {
  const answer = await region(name).view({ v: 1, cursor: null });
  if (answer.kind === "not_current") throw new Error("expected a view");
  return answer.page.events.map(({ id }) => id);
}

/** For the Log as it lives now: a kill brings the real queue back. */
async function replaceQueue(
  sendBatch: (messages: readonly { readonly body: unknown }[]) => Promise<void>,
): Promise<void> {
  await runInDurableObject(stubOf(log()), (instance) => {
    Object.assign((instance as unknown as { readonly env: object }).env, { BROADCAST: { sendBatch } });
  });
}

afterEach(async () => reset());

describe("a Log in the runtime", () => {
  test("E1 an abort or an eviction after any call keeps the epoch, the numbers and the ids", async () => {
    const { epoch } = await publish(["a", "b"]);
    await abortAllDurableObjects();
    expect(seqsOf(await publish(["b", "c"]))).toEqual([2, 3]);
    await evictDurableObject(stubOf(log()));
    const after = await publish(["a", "d"]);
    expect(seqsOf(after)).toEqual([1, 4]);
    expect(after.epoch).toBe(epoch);
    expect(await log().status()).toMatchObject({ epoch, head: 4 });
  });

  test("E1 of many publishers at once each event gets one number, and none is left out", async () => {
    const ids = Array.from({ length: 60 }, (_, index) => `e${index % 30}`);
    const answers = await Promise.all(ids.map(async (id) => seqsOf(await publish([id]))[0]));
    expect(answers.slice(30)).toEqual(answers.slice(0, 30));
    expect(new Set(answers)).toEqual(new Set(Array.from({ length: 30 }, (_, index) => index + 1)));
  });

  test("an id with other content is a conflict; a malformed call does nothing", async () => {
    await publish(["a"]);
    const other = await log().publish({
      v: 1,
      events: [{ id: "a", type: "note", data: 2 }],
      ack: "regions",
      timeoutMs: 0,
    });
    expect(other).toMatchObject({ kind: "published", events: [{ kind: "conflict" }], acknowledged: false });
    const bad = await log().publish({ v: 1, events: [{ id: "!", type: "note", data: 2 }], ack: "none", timeoutMs: 0 });
    expect(bad).toMatchObject({ kind: "refused", reason: "malformed" });
    expect((await log().status()).head).toBe(1);
  });

  test("without any region a publish is acknowledged at once", async () => {
    expect(await publish(["a"], "everywhere")).toMatchObject({ acknowledged: true, receipts: [] });
  });

  test("E1 a publish that waits is pushed to every region that holds a lease, and says so truthfully", async () => {
    await Promise.all([region("weur").view({ v: 1, cursor: null }), region("enam").view({ v: 1, cursor: null })]);
    const answer = await publish(["a", "b"], "regions");
    expect(answer.acknowledged).toBe(true);
    expect(new Set(statesOf(answer))).toEqual(new Set(["enam applied 2", "weur applied 2"]));
    for (const name of ["weur", "enam"] as const) expect((await region(name).status()).applied).toBe(2);
  });

  test("without time for it the receipts say pending, and the same id gives the truth later", async () => {
    await region("weur").view({ v: 1, cursor: null });
    const early = await publish(["a"], "regions", 0);
    expect(early.acknowledged).toBe(false);
    expect(statesOf(early)).toEqual(["weur pending 0"]);
    const late = await publish(["a"], "regions");
    expect(late).toMatchObject({ acknowledged: true, events: [{ kind: "repeated", seq: 1 }] });
    const found = await log().receipts({ v: 1, id: "a" });
    expect(found).toMatchObject({ kind: "found", event: { seq: 1 }, receipts: [{ state: "applied" }] });
    expect(await log().receipts({ v: 1, id: "unknown" })).toEqual({ v: 1, kind: "unknown" });
  });

  test("E4 everywhere is acknowledged once the views from before have ended", async () => {
    const before = await region("weur").view({ v: 1, cursor: null });
    const sentAt = Date.now();
    expect(before.kind).toBe("view");
    const answer = await publish(["a"], "everywhere");
    expect(answer.acknowledged).toBe(true);
    // The view that was handed out before is over by its own clock.
    if (before.kind === "view") expect(Date.now()).toBeGreaterThanOrEqual(sentAt + before.leaseMs);
  });

  test("E4 a Log that was aborted while regions hold leases asks them again", async () => {
    await region("weur").view({ v: 1, cursor: null });
    await publish(["a"], "regions");
    await abortAllDurableObjects();
    const again = await publish(["a"], "everywhere");
    expect(again).toMatchObject({ acknowledged: true, events: [{ kind: "repeated" }] });
    expect(statesOf(again)).toEqual(["weur applied 1"]);
  });

  test("E1 with every message of the queue lost, the alarm brings it", async () => {
    await region("weur").view({ v: 1, cursor: null });
    await replaceQueue(() => Promise.resolve());
    await publish(["a"]);
    expect((await region("weur").status()).applied).toBe(0);
    await runDurableObjectAlarm(stubOf(log()));
    expect((await region("weur").status()).applied).toBe(1);
    expect(await log().status()).toMatchObject({ unsent: 0, regions: [{ region: "weur", applied: 1 }] });
  });

  test("E1 a queue that refuses is owed the events, over a kill, until it takes them", async () => {
    await region("weur").view({ v: 1, cursor: null });
    await replaceQueue(() => Promise.reject(new Error("the queue is down")));
    expect((await publish(["a"], "regions")).acknowledged).toBe(true);
    expect((await log().status()).unsent).toBe(1);
    await abortAllDurableObjects();
    const sent: unknown[] = [];
    await replaceQueue((messages) => {
      sent.push(...messages.map(({ body }) => body));
      return Promise.resolve();
    });
    expect(await runDurableObjectAlarm(stubOf(log()))).toBe(true);
    expect(sent).toMatchObject([{ v: 1, after: 0, to: 1, events: [{ id: "a" }], regions: ["weur"] }]);
    expect((await log().status()).unsent).toBe(0);
  });

  test("E1 what no alarm brought is brought by the renewal", async () => {
    await region("weur").view({ v: 1, cursor: null });
    await publish(["a"]);
    await abortAllDurableObjects();
    expect(await idsIn("weur")).toEqual(["a"]);
  });

  test("the heartbeat arms an alarm where the platform has dropped it", async () => {
    await publish(["a"]);
    await runDurableObjectAlarm(stubOf(log()));
    await evictDurableObject(stubOf(log()));
    await log().wake();
    expect(await runDurableObjectAlarm(stubOf(log()))).toBe(true);
  });

  test("a region that is not configured gets no lease", async () => {
    const request = { v: 1 as const, region: "nowhere" as RegionName, cursor: null, viewsEndMs: 0 };
    expect(await log().renew(request)).toEqual({ v: 1, kind: "refused", reason: "region_unknown" });
    expect((await log().status()).regions).toEqual([]);
  });
});
