/**
 * A call to the upstream that runs under permits: until its body has ended, broken off or been cancelled, or its
 * WebSocket is closed. When the permits end before, the call does too: a client that has no head yet is answered, any
 * other finds its stream broken off, never properly ended.
 */
import type { PermitStay } from "../limit/permit-stay.ts";
import { refuse } from "../problem/problem.ts";
import { watchedBody } from "./watched-body.ts";
import { watchedSocket } from "../limit/watched-socket.ts";
import type { UpstreamAnswer } from "./upstream.ts";

/** The upstream had begun, or may have: what came of it is not known. */
const ended = refuse(
  "upstream_timeout",
  "the permit under which the request ran could not be renewed in time, so that it was ended",
);

/** `fetchUpstream` must end its call when the controller is aborted. */
export async function underPermits(
  stay: PermitStay,
  fetchUpstream: (cutter: AbortController) => Promise<UpstreamAnswer>,
): Promise<UpstreamAnswer> {
  if (stay.isOver) return ended;
  const cutter = new AbortController();
  const leave = stay.enter();
  let goesOn = false;
  try {
    const answer = (await Promise.race([fetchUpstream(cutter), stay.over])) ?? ended;
    if (!(answer instanceof Response)) return answer;
    const running = { over: stay.over, ended: leave };
    goesOn = true;
    if (answer.webSocket !== null) return watchedSocket(answer, answer.webSocket, running);
    if (answer.body !== null) return watchedBody(answer, answer.body as ReadableStream<Uint8Array>, running);
    goesOn = false;
    return answer;
  } finally {
    if (!goesOn) {
      cutter.abort();
      leave();
    }
  }
}
