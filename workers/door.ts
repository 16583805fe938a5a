/**
 * Where every request comes in: it gets its names, is held against what no request may be, and goes to the mesh's own
 * paths or to the gate. An error that nobody expected becomes an answer here; without it the client would get none.
 */
import type { Mesh } from "./config/mesh.ts";
import type { Arrival } from "./gate/arrival.ts";
import { withoutBody } from "./gate/answer-head.ts";
import { Correlator } from "./gate/correlate.ts";
import { maxHeadBytes, readHead } from "./gate/fields.ts";
import { gate } from "./gate/gate.ts";
import { readTarget } from "./gate/target.ts";
import { isolateFor } from "./make-isolate.ts";
import { mountedCors, readable } from "./mounted-cors.ts";
import { problemResponse, refuse, type Refusal } from "./problem/problem.ts";
import { ownPath } from "./own-path.ts";
import { createReserved, type Reserved } from "./reserved.ts";
import { faultOfSettings } from "./settings.ts";

/** Made at the first request: randomness is refused before. */
let correlator: Correlator | null = null;
let reserved: Reserved | null = null;
/** A binding does not change while an isolate lives. */
let fault: { readonly detail: string | null } | null = null;

export async function serve(mesh: Mesh, request: Request, env: Env, context: ExecutionContext): Promise<Response> {
  correlator ??= new Correlator((bytes) => crypto.getRandomValues(bytes));
  const { fields, bytes } = readHead(request.headers, request.url);
  const correlation = correlator.next(fields.get("traceparent") ?? null);
  const { requestId } = correlation;
  try {
    fault ??= { detail: faultOfSettings(mesh, { ...env }) };
    if (fault.detail !== null) return refused(request, requestId, refuse("internal_error", fault.detail));
    const isolate = isolateFor(mesh, request, env);
    const { region, partitionKeys } = isolate;
    if (!partitionKeys.isReady) await partitionKeys.derive();
    if (bytes > maxHeadBytes) return refused(request, requestId, tooLarge, region);
    const target = readTarget(request.url, fields.get("host") ?? null);
    if (target.kind === "refused")
      return refused(request, requestId, refuse("malformed_request", target.detail), region);
    const own = ownPath(mesh.mount, target.path);
    if (own === null) return await gate(isolate, request, context, { fields, correlation, target } satisfies Arrival);
    const url = `${target.scheme}://${target.authority}${own}${target.query}`;
    const asked = url === request.url ? request : new Request(url, request);
    reserved ??= createReserved();
    const paths = reserved;
    const cors = mountedCors(mesh, target, own);
    const ask = () => paths.fetch(asked, isolate, requestId, context, cors);
    const head = { "Mesh-Region": region, "Mesh-Request-Id": requestId };
    return await (cors === null ? ask() : readable(cors, { method: request.method, fields, head }, ask));
  } catch (error) {
    // A defect: told once, with the id that the client gets. What the mesh throws names settings and never holds their values.
    console.error({
      event: "request_failed",
      requestId,
      error: error instanceof Error ? (error.stack ?? error.message) : "unknown",
    });
    return refused(request, requestId, refuse("internal_error"));
  }
}

const tooLarge = refuse("header_too_large", `head: expected at most ${maxHeadBytes} bytes`);

/** Before there is a route. `region` is absent when it is not even known where this is. */
function refused(request: Request, requestId: string, refusal: Refusal, region?: string): Response {
  const head = { ...(region === undefined ? {} : { "Mesh-Region": region }), "Mesh-Request-Id": requestId };
  const response = problemResponse(refusal, requestId, head);
  return request.method === "HEAD" ? withoutBody(response) : response;
}
