/**
 * `RateLimit-Policy` and `RateLimit` items of limits of requests at once (draft-ietf-httpapi-ratelimit-headers, sections
 * 3 and 4): the quota's unit is said, there is no window, and nobody knows when a permit is free.
 */

/** `"slots";q=10;qu="concurrent-requests"`. Names are [a-z0-9._-]: nothing in them needs escaping. */
export function permitPolicyItem(name: string, quota: number): string {
  return `"${name}";q=${quota};qu="concurrent-requests"`;
}

/** `"slots";r=3`. */
export function permitStateItem(name: string, remaining: number): string {
  return `"${name}";r=${remaining}`;
}
