/** A permit in the hands of who asked for it. */
import type { PermitStay } from "../workers/limit/permit-stay.ts";
import { permitCut } from "../workers/live/running.ts";
import { watchedSocket } from "../workers/live/watched-socket.ts";
import type { LimitOutcome } from "./limit.ts";
import { watchedStream } from "./watched-stream.ts";

/** What a limiter of requests at once answers. To be given back: by `release`, by `during`, or by `using`. */
export interface Hold extends LimitOutcome, Disposable {
  /**
   * Aborted when the permit could not be renewed, a little before others may have it, and with the given signal: what
   * runs under it must end. Of a refused hold it is aborted from the start; without a permit (`onError: "open"`, shadow
   * mode) nothing is ended for the lack of one.
   */
  readonly signal: AbortSignal;
  /** Gives the permit back. A second time, or after `during`, changes nothing. */
  release(): void;
  /**
   * Hands the permit to the answer: it comes back when the last byte is out, the client has gone, or the WebSocket is
   * closed, and when it ends before, the answer is broken off. To be returned in the place of the given answer.
   */
  during(answer: Response): Response;
}

export function isHold(outcome: LimitOutcome): outcome is Hold {
  return "during" in outcome;
}

/** Without a stay nothing is held: refused, or admitted without a permit. */
export function holdOf(outcome: LimitOutcome, stay: PermitStay | null, client?: AbortSignal): Hold {
  const cutter = new AbortController();
  if (!outcome.success) cutter.abort(new DOMException("there was no permit", "AbortError"));
  void stay?.over.then(() => {
    cutter.abort(new DOMException("the permit could not be renewed in time", "TimeoutError"));
  });
  const signal = client === undefined ? cutter.signal : AbortSignal.any([cutter.signal, client]);
  let isOpen = true;
  const release = (): void => {
    if (isOpen) stay?.leave();
    isOpen = false;
  };
  return {
    ...outcome,
    signal,
    release,
    [Symbol.dispose]: release,
    during(answer) {
      if (!isOpen) throw new Error("cannot hold an answer: expected a permit: received one that was given back");
      isOpen = false;
      return stay === null ? answer : watched(answer, abortOf(signal), () => stay.leave());
    },
  };
}

function abortOf(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

function watched(answer: Response, over: Promise<null>, ended: () => void): Response {
  if (answer.webSocket) {
    return watchedSocket(answer, answer.webSocket, { over: over.then(() => permitCut), ended });
  }
  const { body, headers } = answer;
  if (body === null) {
    ended();
    return answer;
  }
  // What is encoded passes decoded here, and another length than the announced one.
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  const stream = watchedStream(body as ReadableStream<Uint8Array>, length, { over, ended });
  // Made of the answer itself: whether its bytes are encoded already is written in no field.
  return new Response(stream, answer);
}
