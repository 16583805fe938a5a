/**
 * A body that tells when it is over, whoever ends it, and that can be broken off. The gate has its bytes moved by the
 * runtime, which tells of a client that has gone at the next byte only; here nothing else may tell of one.
 */
import type { Running } from "../workers/live/running.ts";

/** The same bytes, one piece at a time, when the client asks for them: none is read ahead. `announced`: its length, if it is known. */
export function watchedStream(
  body: ReadableStream<Uint8Array>,
  announced: string | null,
  { over, ended }: Running<unknown>,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const length = Number(announced ?? Number.NaN);
  let isOpen = true;
  const end = (): void => {
    isOpen = false;
    ended();
  };
  const source: UnderlyingSource<Uint8Array> = {
    // A stream of known length keeps its Content-Length.
    ...(Number.isSafeInteger(length) ? { expectedLength: length } : {}),
    start(controller) {
      void over.then(() => {
        if (!isOpen) return;
        controller.error(new Error("the permit of this request has ended"));
        // It is broken off on this side too; a stream that has failed by now cannot be cancelled, and need not be.
        reader.cancel().catch(() => undefined);
        end();
      });
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!isOpen) return;
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        if (isOpen) controller.error(error);
      }
      end();
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
