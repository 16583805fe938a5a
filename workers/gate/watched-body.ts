/** An upstream's answer whose body is watched. */
import { watchedStream, type Running } from "../limit/watched-stream.ts";

/** The same answer, with its bytes as the upstream encoded them. */
export function watchedBody(answer: Response, body: ReadableStream<Uint8Array>, running: Running): Response {
  const { headers, status, statusText } = answer;
  const stream = watchedStream(body, headers.get("content-length"), running);
  return new Response(stream, { status, statusText, headers, encodeBody: "manual" });
}
