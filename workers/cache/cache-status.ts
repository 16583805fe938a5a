/** Cache-Status: what this cache did with a request. RFC 9211. */

/** Section 2.2, as far as this cache has these reasons. */
export type Forwarded = "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale";

export interface ForwardedFacts {
  readonly fwd: Forwarded;
  /** Absent when the upstream gave no answer. */
  readonly status?: number;
  readonly stored?: boolean;
  readonly detail?: "not-current" | "tags" | "stale-if-error";
}

export function hitStatus(ttlSeconds: number): string {
  return `selvedge; hit; ttl=${ttlSeconds}`;
}

/** `before`: what caches nearer to the service said; this one comes after them. Section 2. */
export function forwardedStatus(facts: ForwardedFacts, before: string | null = null): string {
  const { detail, fwd, status, stored } = facts;
  let text = before === null || before === "" ? `selvedge; fwd=${fwd}` : `${before}, selvedge; fwd=${fwd}`;
  if (status !== undefined) text += `; fwd-status=${status}`;
  if (stored === true) text += "; stored";
  if (detail !== undefined) text += `; detail=${detail}`;
  return text;
}
