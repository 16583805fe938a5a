/**
 * The call to the upstream: one canonical path, one head in a fixed order, bodies as they are. It ends with the
 * answer's head or the service's time, and with the client.
 */
import { refuse, type Refusal } from "../problem/problem.ts";
import { outgoingBody, tooLarge, type OutgoingBody } from "./body.ts";
import { withheldFromAnswer } from "./answer-head.ts";
import type { Arrival } from "./arrival.ts";
import { originOf } from "./origin.ts";
import type { Passage } from "./passage.ts";
import { requestHead } from "./request-head.ts";
import { rewrite } from "./route.ts";

/** What the cache step may ask for beside what the client asked. */
export interface UpstreamRequest {
  /** Lower-case names: a text is sent in place of the client's field, null takes the client's field away. */
  readonly fields?: Readonly<Record<string, string | null>>;
}

/**
 * The answer belongs to the caller: its head is its own copy without fields of one connection and without the mesh's
 * names, and its bytes are as the upstream encoded them (make a Response of them with `encodeBody: "manual"`).
 */
export type UpstreamAnswer = Response | Refusal;
export type FetchUpstream = (request: UpstreamRequest) => Promise<UpstreamAnswer>;

/**
 * What `cache: "no-store"` tells the platform, without the Cache-Control and Pragma that it would add to the request:
 * the upstream's own caches see what the client sent.
 */
const pastPlatformCache = { cacheTtl: -1, cacheLevel: "bypass" } as const;

const unproved = refuse("overloaded", "the Keyring could not be asked for an assertion", {
  headers: { "Retry-After": "1" },
});

/** With a `cutter` the call can be ended from outside. */
export async function fetchUpstream(
  passage: Passage,
  arrival: Arrival,
  asked: UpstreamRequest,
  cutter: AbortController | null = null,
): Promise<UpstreamAnswer> {
  const { isolate, request, route } = passage;
  const origin = originOf(route.service, isolate.local);
  if (typeof origin !== "string") return origin;
  const head = requestHead(passage, arrival, asked.fields ?? {});
  const headers = head instanceof Promise ? await head : head;
  if (headers === "unencodable") {
    return refuse("malformed_token", "expected a subject, issuer, tenant and roles of printable ASCII characters");
  }
  if (headers === "unproved") return unproved;
  const body = await outgoingBody(request, arrival.fields, route.maxBodyBytes);
  if ("code" in body) return body;
  const target = `${origin}${rewrite(route.rewrite, passage.path)}${passage.query}`;
  const askedAt = Date.now();
  const upstream = await call(passage, target, { headers, body, given: cutter });
  if (!(upstream instanceof Response)) return upstream;
  if (isolate.local !== null) tellTime(passage, upstream, Date.now() - askedAt);
  return ownCopy(passage, upstream);
}

/** On one machine an answer says how much of its time was the upstream's, beside what that says itself. */
function tellTime({ head }: Passage, { headers }: Response, tookMs: number): void {
  const theirs = headers.get("server-timing");
  head["Server-Timing"] = `${theirs === null ? "" : `${theirs}, `}upstream;dur=${tookMs}`;
}

interface Outgoing {
  readonly headers: Record<string, string>;
  readonly body: OutgoingBody;
  readonly given: AbortController | null;
}

async function call(passage: Passage, target: string, { headers, body, given }: Outgoing): Promise<UpstreamAnswer> {
  const { request, route } = passage;
  const { method } = request;
  const { timeoutMs } = route.service;
  // Only a body that is counted must be able to end the call by itself: a controller for every call costs more.
  const cutter = given ?? (body.kind === "counted" ? new AbortController() : null);
  const init: RequestInit = {
    method,
    headers,
    body: streamOf(body, () => cutter?.abort()),
    redirect: "manual",
    encodeResponseBody: "manual",
    signal: cutter === null ? request.signal : AbortSignal.any([request.signal, cutter.signal]),
    cf: pastPlatformCache,
  };
  const patience = waitFor(timeoutMs);
  try {
    const isRepeatable = method === "GET" || method === "HEAD";
    const answer = await Promise.race([fetchAgain(target, init, isRepeatable, patience), patience.over]);
    // The platform ends a call that nobody waits for together with its request.
    return answer ?? refuse("upstream_timeout", `expected an answer within ${timeoutMs} ms`);
  } catch (error) {
    // Every failure to get a head is an answer for the client.
    if (body.kind === "counted" && body.isOver()) return tooLarge(route.maxBodyBytes ?? 0);
    if (!request.signal.aborted && given?.signal.aborted !== true) logFailure(passage, error);
    return refuse("upstream_failed", "the connection could not be made or broke off before the answer");
  } finally {
    patience.end();
  }
}

interface Patience {
  /** Resolves with null when the time is over. */
  readonly over: Promise<null>;
  isOver(): boolean;
  end(): void;
}

function waitFor(timeoutMs: number): Patience {
  const { promise, resolve } = Promise.withResolvers<null>();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    resolve(null);
  }, timeoutMs);
  return { over: promise, isOver: () => isOver, end: () => clearTimeout(timer) };
}

/** An origin that closes idle connections loses a request now and then: a safe one without a body is sent once more. */
async function fetchAgain(
  target: string,
  init: RequestInit,
  isRepeatable: boolean,
  patience: Patience,
): Promise<Response> {
  try {
    return await fetch(target, init);
  } catch (error) {
    const isUnwanted = patience.isOver() || init.signal?.aborted === true;
    if (!isRepeatable || isUnwanted || !isLostConnection(error)) throw error;
    return await fetch(target, init);
  }
}

function streamOf(body: OutgoingBody, cut: () => void): ReadableStream | null {
  if (body.kind === "none") return null;
  return body.kind === "counted" ? body.start(cut) : body.stream;
}

/** The runtime marks what another attempt may cure: connections that were refused or lost. */
function isLostConnection(error: unknown): boolean {
  return (
    error instanceof Error &&
    ("retryable" in error ? error.retryable === true : error.message.includes("connection lost"))
  );
}

function ownCopy(passage: Passage, upstream: Response): UpstreamAnswer {
  const { status, statusText, headers, webSocket } = upstream;
  if (status < 200 && status !== 101)
    return refuse("upstream_failed", "the upstream answered with a status that is none");
  if (status > 599) return refuse("upstream_failed", "the upstream answered with a status that is none");
  if (status === 101 && webSocket === null)
    return refuse("upstream_failed", "the upstream changed to a protocol that does not pass");
  const init: ResponseInit = { status, statusText, headers, encodeBody: "manual" };
  const answer = webSocket === null ? new Response(upstream.body, init) : new Response(null, { ...init, webSocket });
  for (const name of withheldFromAnswer(headers, passage.route.cors !== null)) answer.headers.delete(name);
  return answer;
}

function logFailure(passage: Passage, error: unknown): void {
  const { requestId, route } = passage;
  const reason = error instanceof Error ? error.message : "unknown";
  console.warn({ event: "upstream_failed", requestId, service: route.service.name, reason });
}
