/** An answer that goes on after it has begun, under all that may end it before its time. */
import { watchedSocket } from "../live/watched-socket.ts";
import { both, type Running } from "./ending.ts";
import { watchedEvents } from "./live-events.ts";
import { liveKindOf, watchCredential } from "./live.ts";
import type { Passage } from "./passage.ts";
import { watchedBody } from "./watched-body.ts";

/** The same answer. `permit`: it runs under one; the credential to which it is given is the passage's. */
export function watchedAnswer(passage: Passage, answer: Response, permit: Running | null): Response {
  const { credential, identity } = passage;
  const kind = liveKindOf(answer);
  if (kind === null || credential === null || identity === null) return watchedBy(passage, answer, permit);
  const watch = watchCredential(passage, { credential, identity }, kind);
  const running = permit === null ? watch : both(permit, watch);
  if (kind !== "events") return watchedBy(passage, answer, running);
  const told = watchedEvents(answer, running, passage.request.signal);
  const expiresAt = new Date(identity.expiresAt * 1_000).toISOString();
  watch.onWarning(() => told.tell({ code: "token_expires", expiresAt }));
  return told.answer;
}

function watchedBy({ request }: Passage, answer: Response, running: Running | null): Response {
  if (running === null) return answer;
  return answer.webSocket === null
    ? watchedBody(answer, running, request.signal)
    : watchedSocket(answer, answer.webSocket, running);
}
