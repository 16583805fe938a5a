import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Slots, Tap } from "./limit-slots.ts";

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  vi.spyOn(console, "log").mockImplementation(() => undefined);
});
afterEach(() => void vi.restoreAllMocks());

describe("a hold", () => {
  test("L1 keeps its permit until it is released", async () => {
    const slots = new Slots();
    const hold = await slots.limit();
    expect(hold).toMatchObject({ success: true, limit: 1, remaining: 0, answeredBy: "lease" });
    expect(await slots.isFree()).toBe(false);
    hold.release();
    expect(await slots.isFree()).toBe(true);
  });

  test("L4 that is released twice gives nobody else's permit back", async () => {
    const slots = new Slots();
    const first = await slots.limit();
    first.release();
    const second = await slots.limit();
    first.release();
    expect(second.success).toBe(true);
    expect(await slots.isFree()).toBe(false);
  });

  test("is released by `using`, also when what runs throws", async () => {
    const slots = new Slots();
    const work = async () => {
      using hold = await slots.limit();
      throw new Error(`under ${hold.limit} permit`);
    };
    await expect(work()).rejects.toThrow("under 1 permit");
    expect(await slots.isFree()).toBe(true);
  });

  test("L8 is renewed while it lasts; when it cannot be, its signal is aborted before anybody else has the permit", async () => {
    const slots = new Slots();
    const hold = await slots.limit();
    await slots.wire.advance(60_000);
    expect(hold.signal.aborted).toBe(false);
    const others: boolean[] = [];
    hold.signal.addEventListener("abort", () => void slots.isFree().then((isFree) => others.push(isFree)));
    await slots.endPermits();
    expect(hold.signal.reason).toMatchObject({ name: "TimeoutError" });
    expect(others).toEqual([false]);
    expect(await slots.isFree()).toBe(true);
  });

  test("that was refused is aborted from the start, and gives nothing back", async () => {
    const slots = new Slots();
    const held = await slots.limit();
    const refused = await slots.limit();
    expect(refused).toMatchObject({ success: false, remaining: 0, retryAfterMs: 1_000 });
    expect(refused.signal.aborted).toBe(true);
    const answer = new Response("busy");
    expect(refused.during(answer)).toBe(answer);
    refused.release();
    expect(await slots.isFree()).toBe(false);
    held.release();
  });

  test("in shadow mode is given to everybody, and never ended", async () => {
    const slots = new Slots({ mode: "shadow" });
    const held = await slots.limit();
    const more = await slots.limit();
    expect([held.success, more.success, more.signal.aborted]).toEqual([true, true, false]);
    await slots.endPermits();
    expect([held.signal.aborted, more.signal.aborted]).toEqual([false, false]);
  });
});

describe("a hold of a client that has gone", () => {
  test("is aborted, and keeps its permit until what runs under it has ended", async () => {
    const slots = new Slots();
    const client = new AbortController();
    const hold = await slots.limit({ signal: client.signal });
    client.abort("gone");
    expect([hold.signal.aborted, hold.signal.reason]).toEqual([true, "gone"]);
    expect(await slots.isFree()).toBe(false);
    hold.release();
    expect(await slots.isFree()).toBe(true);
  });

  test("is given back by an answer that is silent", async () => {
    const slots = new Slots();
    const tap = new Tap();
    const client = new AbortController();
    const text = (await slots.limit({ signal: client.signal })).during(new Response(tap.body)).text();
    client.abort();
    await expect(text).rejects.toThrow();
    expect(tap.cancelled).not.toBeNull();
    expect(await slots.isFree()).toBe(true);
  });
});

describe("an answer that was handed a permit", () => {
  test("L1 has it until its last byte, whatever is released meanwhile", async () => {
    const slots = new Slots();
    const tap = new Tap();
    const hold = await slots.limit();
    const answer = hold.during(new Response(tap.body, { status: 203, headers: { "x-of": "the handler" } }));
    hold.release();
    expect([answer.status, answer.headers.get("x-of")]).toEqual([203, "the handler"]);
    const text = answer.text();
    tap.write("first ");
    expect(await slots.isFree()).toBe(false);
    tap.write("last");
    tap.end();
    expect(await text).toBe("first last");
    expect(await slots.isFree()).toBe(true);
  });

  test("gives it back when its client goes away, which its source hears of", async () => {
    const slots = new Slots();
    const tap = new Tap();
    const answer = (await slots.limit()).during(new Response(tap.body));
    await answer.body?.cancel("gone");
    expect(tap.cancelled).toBe("gone");
    expect(await slots.isFree()).toBe(true);
  });

  test("gives it back when its source breaks off", async () => {
    const slots = new Slots();
    const tap = new Tap();
    const text = (await slots.limit()).during(new Response(tap.body)).text();
    tap.break();
    await expect(text).rejects.toThrow("the source broke off");
    expect(await slots.isFree()).toBe(true);
  });

  test("gives it back at once when it has no body", async () => {
    const slots = new Slots();
    const answer = new Response(null, { status: 204 });
    expect((await slots.limit()).during(answer)).toBe(answer);
    expect(await slots.isFree()).toBe(true);
  });

  test("L8 is broken off on both sides when the permit ends", async () => {
    const slots = new Slots();
    const tap = new Tap();
    const text = (await slots.limit()).during(new Response(tap.body)).text();
    const broken = expect(text).rejects.toThrow("the permit of this request has ended");
    tap.write("first");
    await slots.endPermits();
    await broken;
    expect(tap.cancelled).toBe("without a reason");
    expect(await slots.isFree()).toBe(true);
  });

  test("cannot be handed one that was given back", async () => {
    const hold = await new Slots().limit();
    hold.release();
    expect(() => hold.during(new Response("late"))).toThrow(/^cannot hold an answer: expected .+: received .+$/);
    const other = await new Slots().limit();
    other.during(new Response("one"));
    expect(() => other.during(new Response("two"))).toThrow("cannot hold an answer");
  });
});
