/**
 * The fields `RateLimit-Policy` and `RateLimit`: structured lists of strings with parameters, as the current draft
 * (draft-ietf-httpapi-ratelimit-headers, sections 3 and 4) has them. What is constant is made once per limit.
 */
import type { Limit } from "../config/mesh.ts";

/** RFC 9651 section 3.3.1: integers have at most 15 digits. */
const largestInteger = 999_999_999_999_999;

/** `"reads";q=200;w=1`; without `w` where the window is not of whole seconds, which the draft cannot say. */
export function policyItem({ name, windowMs }: Limit, quota: number): string {
  const policy = `${quoted(name)};q=${Math.min(quota, largestInteger)}`;
  return windowMs % 1_000 === 0 ? `${policy};w=${windowMs / 1_000}` : policy;
}

/** `"reads";r=50;t=30`. */
export function stateItem(name: string, remaining: number, resetMs: number): string {
  return `${quoted(name)};r=${Math.min(remaining, largestInteger)};t=${wholeSeconds(resetMs)}`;
}

/** Rounded up: who waits this long has waited long enough. */
export function wholeSeconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000));
}

/** Names are [a-z0-9._-]: nothing in them needs escaping in a structured string. */
function quoted(name: string): string {
  return `"${name}"`;
}
