/** The head of what goes back to the client. */
import { problemResponse, type Refusal } from "../problem/problem.ts";
import { variesByOrigin } from "./cors.ts";
import { isHopByHop, isOfMesh, listedIn } from "./hop-by-hop.ts";
import type { Passage } from "./passage.ts";

/**
 * Names of an upstream's answer that do not reach the client: what speaks of one connection, what only the mesh says,
 * and, where the route answers for CORS, the upstream's own words on it.
 */
export function withheldFromAnswer(headers: Headers, answersCors: boolean): readonly string[] {
  const listed = listedIn(headers.get("connection"));
  const withheld: string[] = [];
  headers.forEach((_, name) => {
    if (isHopByHop(name) || isOfMesh(name) || listed.has(name) || (answersCors && name.startsWith("access-control-"))) {
      withheld.push(name);
    }
  });
  return withheld;
}

/**
 * An upstream's answer with what every answer of the gate carries. `response` is changed in place: setting a few fields
 * is cheaper than a second head, and several Set-Cookie fields stay several.
 */
export function complete(passage: Passage, response: Response): Response {
  const { headers } = response;
  for (const name in passage.head) headers.set(name, passage.head[name] ?? "");
  return response;
}

/** A refusal as this request's answer. A HEAD's has no body. */
export function refusalResponse(passage: Passage, refusal: Refusal): Response {
  const response = problemResponse(refusal, passage.requestId, passage.head);
  return passage.request.method === "HEAD" ? withoutBody(response) : response;
}

/** The same head, and the length that the body would have had. */
export function withoutBody(response: Response): Response {
  return new Response(null, response);
}

/** For caches behind the gate; added last, because every answer has a Vary of its own or none. */
export function addVary(passage: Passage, response: Response): Response {
  if (variesByOrigin(passage.route.cors) && response.status !== 101) response.headers.append("Vary", "Origin");
  return response;
}
