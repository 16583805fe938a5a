/**
 * Answers that go on after they have begun end with the credential to which they were given (T3): a WebSocket is closed,
 * an event stream ends with an event that says why, any other body is broken off. What is short is over before a look
 * would come, and is not watched.
 */
import type { Route } from "../config/mesh.ts";
import type { Identity, Verdict } from "../token/identity.ts";
import { isBoundElsewhere } from "../token/resources.ts";
import { allowedBy } from "./allowed.ts";
import { verdictOn, type IdentifyingCredential } from "./identity.ts";
import { LiveCourse, type Found } from "./live-course.ts";
import { LiveWatch } from "./live-watch.ts";
import type { Passage } from "./passage.ts";
import type { PathParams } from "./path-pattern.ts";

/** A body that is announced to be no longer is not watched, bytes. */
const longestUnwatched = 1_048_576;
/** Well below what may go on without a proof. */
const longestBetweenLooksMs = 5_000;

export type LiveKind =
  | "socket"
  /** Events, among which the gate can put its own. */
  | "events"
  /** The same, encoded or of an announced length: nothing can be put in. */
  | "sealed_events"
  | "bytes";

type LiveAnswer = Pick<Response, "webSocket" | "body" | "headers">;

/** null: it is short, or has nothing that goes on. */
export function liveKindOf({ webSocket, body, headers }: LiveAnswer): LiveKind | null {
  if (webSocket !== null) return "socket";
  if (body === null) return null;
  const length = headers.get("content-length");
  if (length !== null && Number(length) <= longestUnwatched) return null;
  if (!isEventStream(headers.get("content-type"))) return "bytes";
  const encoding = headers.get("content-encoding");
  const isPlain = encoding === null || encoding.toLowerCase() === "identity";
  return isPlain && length === null ? "events" : "sealed_events";
}

function isEventStream(contentType: string | null): boolean {
  return contentType !== null && /^text\/event-stream[ \t]*(?:;|$)/i.test(contentType);
}

/** Until the answer has ended, a look at its credential from time to time: would it be let in now? */
export function watchCredential(
  { context, isolate, params, requestId, route }: Passage,
  { credential, identity }: { readonly credential: IdentifyingCredential; readonly identity: Identity },
  kind: LiveKind,
): LiveWatch {
  const { issuer } = isolate.mesh.tokens;
  const foundOf = (verdict: Verdict): Found => ({ verdict, isAllowed: isAllowed(verdict, issuer, route, params) });
  const look = (judgedAt: number): Found | Promise<Found> => {
    const verdict = verdictOn(credential, isolate, context, judgedAt);
    return verdict instanceof Promise ? verdict.then(foundOf) : foundOf(verdict);
  };
  const terms = { endsWithCredential: kind !== "bytes", expiresAt: identity.expiresAt * 1_000 };
  return new LiveWatch({
    course: new LiveCourse(terms, Date.now()),
    look,
    everyMs: Math.min(isolate.mesh.viewLeaseMs, longestBetweenLooksMs),
    failed: (error) => console.error({ event: "live_look_failed", requestId, error: String(error) }),
  });
}

/** The rights of an API key are those that its owner has now. */
function isAllowed(verdict: Verdict, issuer: string, { allow, service }: Route, params: PathParams): boolean {
  if (verdict.kind === "refused") return true;
  const { identity } = verdict;
  if (isBoundElsewhere(identity, issuer, "service", service)) return false;
  return allow === null || allowedBy(allow, identity, params) === "allowed";
}
