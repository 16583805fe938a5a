/**
 * What a client's request passes, in order: route, address, identity, limits, cache, upstream. Each step lets it pass,
 * refuses it or answers it; what needs less is asked first.
 */
import type { Route } from "../config/mesh.ts";
import type { Isolate } from "../isolate.ts";
import { problemResponse, refuse, type Refusal } from "../problem/problem.ts";
import { locate } from "./address.ts";
import { addVary, complete, refusalResponse, withoutBody } from "./answer-head.ts";
import type { Arrival } from "./arrival.ts";
import { refuseDeclared } from "./body.ts";
import { cached } from "./cached.ts";
import { corsHead, isPreflight, preflightHead } from "./cors.ts";
import { isWebSocketUpgrade } from "./hop-by-hop.ts";
import { identify } from "./identity.ts";
import { limit, settleCosts } from "./limits.ts";
import type { Passage, Step } from "./passage.ts";
import type { PathParams } from "./path-pattern.ts";
import { underPermits } from "./permitted.ts";
import { routeOf } from "./route.ts";
import { fetchUpstream, type FetchUpstream } from "./upstream.ts";
import { watchedAnswer } from "./watched-answer.ts";

/** A preflight carries no credentials: it passes by identity, and one that the gate answers itself costs nothing. */
const stepsOfAnswered: readonly Step[] = [locate];
const stepsOfPreflight: readonly Step[] = [locate, limit];
const steps: readonly Step[] = [locate, identify, limit];

export async function gate(
  isolate: Isolate,
  request: Request,
  context: ExecutionContext,
  arrival: Arrival,
): Promise<Response> {
  const { fields, target } = arrival;
  const asksFirst = isPreflight(request.method, fields);
  const method = asksFirst ? (fields.get("access-control-request-method") ?? "") : request.method;
  const routed = routeOf(isolate.mesh, target.host, target.path, method);
  if (routed.kind === "no_route" || routed.kind === "two_readings") {
    const refusal = routed.kind === "no_route" ? refuse("no_route") : twoReadings;
    const problem = problemResponse(refusal, arrival.correlation.requestId, headOf(isolate, arrival));
    return request.method === "HEAD" ? withoutBody(problem) : problem;
  }
  const params = routed.kind === "matched" ? routed.params : noParams;
  const passage = begin(isolate, request, context, { arrival, route: routed.route, params });

  if (routed.kind === "method_not_allowed" && !asksFirst) {
    return refused(passage, refuse("method_not_allowed", undefined, { headers: { Allow: routed.methods.join(", ") } }));
  }
  const unfit = refuseHead(arrival) ?? refuseDeclared(fields, routed.route.maxBodyBytes);
  if (unfit !== null) return refused(passage, unfit);
  try {
    return await pass(passage, arrival, asksFirst);
  } finally {
    // What the upstream still sends stays under its permits; nothing else does.
    passage.stay?.leave();
  }
}

async function pass(passage: Passage, arrival: Arrival, asksFirst: boolean): Promise<Response> {
  for (const step of asksFirst ? stepsFor(passage.route) : steps) {
    const taken = step(passage);
    const result = taken instanceof Promise ? await taken : taken;
    if (result instanceof Response) return addVary(passage, result);
    if (result !== null) return refused(passage, result);
  }
  if (asksFirst && passage.route.cors !== null) return preflighted(passage, passage.route, arrival);
  const ask = upstreamOf(passage, arrival);
  if (asksFirst || isWebSocketUpgrade(passage.request.method, arrival.fields)) return await proxied(passage, ask);
  return addVary(passage, await cached(passage, ask));
}

function stepsFor({ cors }: Route): readonly Step[] {
  return cors === null ? stepsOfPreflight : stepsOfAnswered;
}

function upstreamOf(passage: Passage, arrival: Arrival): FetchUpstream {
  const { stay } = passage;
  return async (asked) => {
    const { answer, running } =
      stay === null
        ? { answer: await fetchUpstream(passage, arrival, asked), running: null }
        : await underPermits(stay, (cutter) => fetchUpstream(passage, arrival, asked, cutter));
    if (!(answer instanceof Response)) return answer;
    if (passage.asks.length > 0) settleCosts(passage, answer.headers);
    return running === null && passage.identity === null ? answer : watchedAnswer(passage, answer, running);
  };
}

const twoReadings = refuse("malformed_request", "path: expected the same route without its parameters, and decoded");

const noParams: PathParams = Object.freeze({});

function begin(
  isolate: Isolate,
  request: Request,
  context: ExecutionContext,
  found: { readonly arrival: Arrival; readonly route: Route; readonly params: PathParams },
): Passage {
  const { arrival, route, params } = found;
  const { correlation, target } = arrival;
  return {
    request,
    isolate,
    context,
    now: Date.now(),
    fields: arrival.fields,
    requestId: correlation.requestId,
    traceparent: correlation.traceparent,
    host: target.host,
    path: target.path,
    query: target.query,
    route,
    params,
    address: null,
    isExempt: false,
    asks: [],
    stay: null,
    identity: null,
    credential: null,
    head: Object.assign(headOf(isolate, arrival), corsHead(route.cors, arrival.fields.get("origin"))),
  };
}

/** What every answer of the gate carries. */
function headOf(isolate: Isolate, arrival: Arrival): Record<string, string> {
  return { "Mesh-Region": isolate.region, "Mesh-Request-Id": arrival.correlation.requestId };
}

/** A fencing token that no route asks for is a mistake of the caller, who believes to be protected. */
function refuseHead(arrival: Arrival): Refusal | null {
  return arrival.fields.has("mesh-fence")
    ? refuse("malformed_request", "Mesh-Fence: expected only on a route with a fence")
    : null;
}

function preflighted(passage: Passage, route: Route, arrival: Arrival): Response {
  const head = route.cors === null ? {} : preflightHead(route.cors, route.methods, arrival.fields);
  return new Response(null, { status: 204, headers: { ...passage.head, ...head } });
}

async function proxied(passage: Passage, ask: FetchUpstream): Promise<Response> {
  const answer = await ask({});
  return answer instanceof Response ? addVary(passage, complete(passage, answer)) : refused(passage, answer);
}

function refused(passage: Passage, refusal: Refusal): Response {
  return addVary(passage, refusalResponse(passage, refusal));
}
