/** A refusal is a value until the rim; here it becomes a response (RFC 9457). */
import { problems, type ProblemCode } from "./codes.ts";

export interface Refusal {
  readonly code: ProblemCode;
  /** For people: what was wrong, what was expected. Never holds a secret, never echoes what a client sent whole. */
  readonly detail?: string;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Further fields of the answer's head. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The IANA type of the RateLimit draft stands in for ours where it exists. */
const quotaExceededType = "https://iana.org/assignments/http-problem-types#quota-exceeded";

export function refuse(code: ProblemCode, detail?: string, more?: Omit<Refusal, "code" | "detail">): Refusal {
  return detail === undefined ? { code, ...more } : { code, detail, ...more };
}

/** `head` holds the fields every answer of the gate carries; `instance` is the request id. */
export function problemResponse(
  refusal: Refusal,
  instance: string,
  head: Readonly<Record<string, string>> = {},
): Response {
  const kind = problems[refusal.code];
  const body = {
    type: refusal.code === "quota_exceeded" ? quotaExceededType : `/_mesh/problems/${wireCode(refusal.code)}`,
    title: kind.title,
    status: kind.status,
    ...(refusal.detail === undefined ? {} : { detail: refusal.detail }),
    instance,
    code: wireCode(refusal.code),
    ...refusal.members,
  };
  return new Response(JSON.stringify(body), {
    status: kind.status,
    headers: {
      ...head,
      "Cache-Control": "no-store",
      "Content-Type": "application/problem+json",
      ...challengeOf(refusal.code),
      ...refusal.headers,
    },
  });
}

/** 413 and 431 share one code on the wire. */
export function wireCode(code: ProblemCode): string {
  return code === "header_too_large" ? "too_large" : code;
}

/** RFC 6750 section 3. Nothing says which check of a token failed. */
function challengeOf(code: ProblemCode): Record<string, string> {
  if (code === "token_missing") return { "WWW-Authenticate": `Bearer realm="mesh"` };
  if (code === "token_invalid" || code === "token_expired" || code === "token_revoked") {
    return { "WWW-Authenticate": `Bearer realm="mesh", error="invalid_token"` };
  }
  if (code === "malformed_token") return { "WWW-Authenticate": `Bearer realm="mesh", error="invalid_request"` };
  return {};
}
