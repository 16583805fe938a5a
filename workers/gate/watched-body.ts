/** An answer's body that tells when it is over, whoever ends it, and that can be broken off. */

export interface Running {
  /** When this resolves, what runs must stop. */
  readonly over: Promise<null>;
  /** Called when nothing runs any more; more often does no harm. */
  readonly ended: () => void;
}

/** The same answer. Its bytes pass one piece at a time, when the client asks for them: none is read ahead. */
export function watchedBody(answer: Response, body: ReadableStream<Uint8Array>, { over, ended }: Running): Response {
  const reader = body.getReader();
  const length = Number(answer.headers.get("content-length") ?? Number.NaN);
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
  const stream = new ReadableStream(source, { highWaterMark: 0 });
  const { headers, status, statusText } = answer;
  return new Response(stream, { status, statusText, headers, encodeBody: "manual" });
}
