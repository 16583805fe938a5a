/** Refusals as documents (RFC 9457), as the gate of a mesh writes them; there are no pages to point to here. */
import { refusalDetail } from "../workers/limit/refused.ts";
import { isHold } from "./hold.ts";
import type { LimitOutcome } from "./limit.ts";
import { toldOf, type TokenRefusal } from "./token-refusal.ts";

const quotaExceededType = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/** 429, or 503 where what counts could not be asked: then it is nobody's quota. */
export function documentOfLimit(limit: string, outcome: LimitOutcome): Response {
  const detail = refusalDetail(limit, isHold(outcome), { ...outcome, quota: outcome.limit });
  if (outcome.answeredBy === "fallback") {
    return documentOf({ type: "about:blank", title: "Service Unavailable", status: 503, detail, code: "overloaded" });
  }
  return documentOf({
    type: quotaExceededType,
    title: "The quota is used up",
    status: 429,
    detail,
    code: "quota_exceeded",
    "violated-policies": [limit],
  });
}

/** What ran may have done its work, or not. */
export function permitEnded(limit: string): Response {
  return documentOf({
    type: "about:blank",
    title: "Gateway Timeout",
    status: 504,
    detail: `the permit of the limit ${limit} could not be renewed in time, so that the request was ended`,
    code: "upstream_timeout",
  });
}

/** Without a detail: which check of a token failed is nobody's business but the operator's. */
export function documentOfToken(refusal: TokenRefusal): Response {
  const { status, title } = toldOf(refusal);
  // As the gate has it, a missing scope is one way of not being allowed.
  const code = refusal.code === "insufficient_scope" ? "forbidden" : refusal.code;
  return documentOf({ type: "about:blank", title, status, code });
}

function documentOf(problem: { readonly status: number; readonly [member: string]: unknown }): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { "Cache-Control": "no-store", "Content-Type": "application/problem+json" },
  });
}
