/** Refusals as documents (RFC 9457), as the gate of a mesh writes them; there are no pages to point to here. */
import { toldOf, type TokenRefusal } from "./token-refusal.ts";

const quotaExceededType = "https://iana.org/assignments/http-problem-types#quota-exceeded";

export function quotaExceeded(limit: string, isForEver: boolean): Response {
  return documentOf({
    type: quotaExceededType,
    title: "The quota is used up",
    status: 429,
    detail: isForEver
      ? `the request costs more than the limit ${limit} ever admits`
      : `the quota of the limit ${limit} is used up`,
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

/** Nobody's quota: what counts could not be asked. */
export function unreachable(limit: string): Response {
  return documentOf({
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    detail: `the limit ${limit} could not be asked`,
    code: "overloaded",
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
