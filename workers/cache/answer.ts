/** Answers to the client, from what is kept and from the upstream. */
import { complete, refusalResponse } from "../gate/answer-head.ts";
import type { Passage } from "../gate/passage.ts";
import type { UpstreamAnswer } from "../gate/upstream.ts";
import { forwardedStatus, type ForwardedFacts } from "./cache-status.ts";
import { headOf304, isNotModified } from "./conditional.ts";
import { ageSeconds, type Entry } from "./entry.ts";

/** The kept head, this request's own fields, one Response: a hit costs no more than that. */
export function answerFrom(passage: Passage, entry: Entry, cacheStatus: string, now: number): Response {
  const { head, request } = passage;
  const own = { Age: String(ageSeconds(entry, now)), "Cache-Status": cacheStatus };
  if (isNotModified(entry, passage.fields, now)) {
    return new Response(null, { status: 304, headers: { ...headOf304(entry), ...head, ...own } });
  }
  const { body, status } = entry;
  if (request.method === "HEAD" && body !== null) {
    const headers = { ...entry.head, ...head, ...own, "Content-Length": String(body.byteLength) };
    return new Response(null, { status, headers });
  }
  return new Response(body, { status, headers: { ...entry.head, ...head, ...own }, encodeBody: "manual" });
}

/** What the upstream said, or why it said nothing. */
export function relay(passage: Passage, answer: UpstreamAnswer, facts: ForwardedFacts): Response {
  if (!(answer instanceof Response)) {
    passage.head["Cache-Status"] = forwardedStatus(facts);
    return refusalResponse(passage, answer);
  }
  const before = answer.headers.get("cache-status");
  passage.head["Cache-Status"] = forwardedStatus({ ...facts, status: answer.status }, before);
  // On a route without a cache the fields may be meant for one before the gate.
  if (passage.route.cache !== null) withholdTags(answer.headers);
  return complete(passage, answer);
}

function withholdTags(headers: Headers): void {
  headers.delete("cache-tag");
  headers.delete("surrogate-key");
  headers.delete("surrogate-control");
}
