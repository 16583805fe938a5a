/**
 * A call to the upstream that runs under permits: until its body has ended, broken off or been cancelled, or its
 * WebSocket is closed. When the permits end before, the call does too: a client that has no head yet is answered, any
 * other finds its stream broken off, never properly ended.
 */
import type { PermitStay } from "../limit/permit-stay.ts";
import { refuse } from "../problem/problem.ts";
import { permitEnded, type Running } from "./ending.ts";
import type { UpstreamAnswer } from "./upstream.ts";

/** The upstream had begun, or may have: what came of it is not known. */
const ended = refuse(
  "upstream_timeout",
  "the permit under which the request ran could not be renewed in time, so that it was ended",
);

export interface Permitted {
  readonly answer: UpstreamAnswer;
  /** What goes on of the answer holds the permits until this is told of its end. null when nothing does. */
  readonly running: Running | null;
}

/** `fetchUpstream` must end its call when the controller is aborted. */
export async function underPermits(
  stay: PermitStay,
  fetchUpstream: (cutter: AbortController) => Promise<UpstreamAnswer>,
): Promise<Permitted> {
  if (stay.isOver) return { answer: ended, running: null };
  const cutter = new AbortController();
  const leave = stay.enter();
  let goesOn = false;
  try {
    const answer = (await Promise.race([fetchUpstream(cutter), stay.over])) ?? ended;
    goesOn = answer instanceof Response && (answer.webSocket !== null || answer.body !== null);
    return { answer, running: goesOn ? { over: stay.over.then(() => permitEnded), ended: leave } : null };
  } finally {
    if (!goesOn) {
      cutter.abort();
      leave();
    }
  }
}
