/** What a client of an event stream sees when the gate says something, or ends it. */
import { describe, expect, test } from "vitest";
import { liveEndings, permitEnded, type Ending } from "../../workers/gate/ending.ts";
import { watchedEvents } from "../../workers/gate/live-events.ts";
import { eventsIn } from "../support/event-source.ts";

const tooLong = "x".repeat(70_000);

/** A service's stream through the gate, and its client. */
function begin() {
  let service: ReadableStreamDefaultController<Uint8Array> | null = null;
  const seen = { received: "", end: null as string | null, isUpstreamLeft: false, endings: 0 };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      service = controller;
    },
    cancel() {
      seen.isUpstreamLeft = true;
    },
  });
  const over = Promise.withResolvers<Ending>();
  const client = new AbortController();
  const running = { over: over.promise, ended: () => (seen.endings += 1) };
  const { answer, tell } = watchedEvents(new Response(body), running, client.signal);
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const piece of answer.body as ReadableStream<Uint8Array>) seen.received += decoder.decode(piece);
  };
  read().then(
    () => (seen.end = "whole"),
    () => (seen.end = "broken"),
  );
  return {
    seen,
    tell,
    leave: () => client.abort(),
    close: () => service?.close(),
    async send(text: string) {
      service?.enqueue(new TextEncoder().encode(text));
      await settled();
    },
    async end(ending: Ending) {
      over.resolve(ending);
      await settled();
    },
  };
}

/** Streams go on in microtasks; all of these are over when a timer strikes. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("an event stream through the gate", () => {
  test("is told at once between two events, and behind one that is passing", async () => {
    const { send, tell, seen } = begin();
    await send("data: a\n\n");
    tell({ code: "first" });
    await send(`data: ${tooLong}`);
    tell({ code: "second" });
    await send("\n\n");
    await send("data: b\n\n");
    const data = eventsIn(seen.received).map((event) => event.data.slice(0, 17));
    expect(data).toEqual(["a", '{"code":"first"}', tooLong.slice(0, 17), '{"code":"second"}', "b"]);
  });

  test("is told beside an event that is still held back", async () => {
    const { send, tell, seen } = begin();
    await send("id: 7\ndata: a");
    tell({ code: "first" });
    await send("b\n\n");
    expect(eventsIn(seen.received)).toEqual([
      { type: "mesh", data: '{"code":"first"}', lastEventId: "" },
      { type: "message", data: "ab", lastEventId: "7" },
    ]);
  });

  test("ends with an event that says why, and leaves the service", async () => {
    const { send, end, tell, seen } = begin();
    await send("data: a\n\nid: 8\ndata: half");
    await end(liveEndings.token_revoked);
    tell({ code: "late" });
    expect(seen).toMatchObject({ end: "whole", isUpstreamLeft: true, endings: 1 });
    expect(seen.received).toBe('data: a\n\nevent: mesh\ndata: {"code":"token_revoked"}\n\n');
  });

  test.each<readonly [string, string, Ending]>([
    ["in the middle of an event that is too long to hold", `data: ${tooLong}`, liveEndings.token_revoked],
    ["when its permit has ended", "data: a\n\n", permitEnded],
  ])("is broken off %s", async (_when, text, ending) => {
    const { send, end, seen } = begin();
    await send(text);
    await end(ending);
    expect(seen).toMatchObject({ end: "broken", isUpstreamLeft: true, endings: 1 });
    expect(seen.received === text).toBe(true);
  });

  test("that ends by itself arrives as it was sent", async () => {
    const { send, close, end, seen } = begin();
    await send("data: a\n\ndata: half");
    close();
    await settled();
    await end(liveEndings.token_revoked);
    expect(seen).toMatchObject({ received: "data: a\n\ndata: half", end: "whole", endings: 1 });
  });

  test("leaves the service when its client has gone", async () => {
    const { send, leave, end, seen } = begin();
    await send("data: a\n\n");
    leave();
    await end(liveEndings.token_revoked);
    expect(seen).toMatchObject({ isUpstreamLeft: true, endings: 1 });
  });
});
