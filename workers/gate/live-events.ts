/** An event stream (text/event-stream) through the gate, which can put an event of its own between two others. */
import type { Ending, Running } from "./ending.ts";
import { WholeEvents } from "./whole-events.ts";

/** What the mesh says to the client of an event stream, as an event of this type with JSON data. */
const eventType = "mesh";

export interface WatchedEvents {
  readonly answer: Response;
  /** Puts an event in, now or behind the one that is passing; nothing once the stream has ended. */
  readonly tell: (data: object) => void;
}

/** `client` is aborted when the client has gone. */
export function watchedEvents(answer: Response, { over, ended }: Running, client: AbortSignal): WatchedEvents {
  const { body, headers, status, statusText } = answer;
  if (body === null) {
    ended();
    return { answer, tell: () => undefined };
  }
  const stream = new EventStream((body as ReadableStream<Uint8Array>).getReader(), ended);
  void over.then((ending) => stream.cutOff(ending));
  client.addEventListener("abort", () => stream.leave());
  const passed = new ReadableStream(stream, { highWaterMark: 0 });
  return {
    answer: new Response(passed, { status, statusText, headers, encodeBody: "manual" }),
    tell: (data) => stream.tell(data),
  };
}

class EventStream implements UnderlyingSource<Uint8Array> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ended: () => void;
  readonly #events = new WholeEvents();
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** Events of ours that wait for the end of one that is passing. */
  readonly #waiting: Uint8Array[] = [];
  #isOpen = true;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, ended: () => void) {
    this.#reader = reader;
    this.#ended = ended;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /** Until something has passed: nobody asks again for what did not come. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      while (this.#isOpen) {
        const { done, value } = await this.#reader.read();
        if (!this.#isOpen) return;
        const passed = done ? this.#events.rest() : this.#events.take(value);
        if (passed.byteLength > 0) controller.enqueue(passed);
        if (done) return this.#close(controller);
        if (this.#events.isBetween) for (const event of this.#waiting.splice(0)) controller.enqueue(event);
        if (passed.byteLength > 0) return;
      }
    } catch (error) {
      if (this.#isOpen) this.#break(controller, error);
    }
  }

  cancel(reason: unknown): Promise<void> {
    this.#end();
    return this.#reader.cancel(reason);
  }

  tell(data: object): void {
    if (!this.#isOpen) return;
    if (this.#events.isBetween) this.#controller?.enqueue(eventOf(data));
    else this.#waiting.push(eventOf(data));
  }

  cutOff({ code, isTold, reason }: Ending): void {
    const controller = this.#controller;
    if (!this.#isOpen || controller === null) return;
    if (isTold && this.#events.isBetween) {
      controller.enqueue(eventOf({ code }));
      this.#close(controller);
    } else this.#break(controller, new Error(reason));
    this.#letGo();
  }

  leave(): void {
    if (!this.#isOpen) return;
    this.#end();
    this.#letGo();
  }

  #close(controller: ReadableStreamDefaultController<Uint8Array>): void {
    controller.close();
    this.#end();
  }

  #break(controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void {
    controller.error(error);
    this.#end();
  }

  #end(): void {
    this.#isOpen = false;
    this.#ended();
  }

  /** A stream that has failed by now cannot be cancelled, and need not be. */
  #letGo(): void {
    this.#reader.cancel().catch(() => undefined);
  }
}

function eventOf(data: object): Uint8Array {
  return new TextEncoder().encode(`event: ${eventType}\ndata: ${JSON.stringify(data)}\n\n`);
}
