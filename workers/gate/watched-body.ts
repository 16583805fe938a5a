/**
 * An answer's body that tells when it is over, whoever ends it, and that can be broken off. The runtime moves its bytes
 * by itself, as fast as if nobody watched, and none before the client asks for them.
 */
import type { Running } from "./ending.ts";

/** The same answer. `client` is aborted when the client has gone: a stream that is silent would not notice. */
export function watchedBody(answer: Response, { over, ended }: Running, client: AbortSignal): Response {
  const { body, headers, status, statusText } = answer;
  if (body === null) {
    ended();
    return answer;
  }
  const length = Number(headers.get("content-length") ?? Number.NaN);
  // A stream of known length keeps its Content-Length.
  const { readable, writable } = Number.isSafeInteger(length)
    ? new FixedLengthStream(length)
    : new IdentityTransformStream();
  const cutter = new AbortController();
  void over.then(({ reason }) => cutter.abort(new Error(reason)));
  // However it ends: that is told on both sides.
  void body.pipeTo(writable, { signal: AbortSignal.any([client, cutter.signal]) }).then(ended, ended);
  return new Response(readable, { status, statusText, headers, encodeBody: "manual" });
}
