/**
 * May this answer be kept, and for how long is it fresh? Decided once, when it arrives; a hit compares numbers.
 *
 * http-cache-semantics holds RFC 9111 section 3 and the order of section 4.2.1. It believes Cache-Control in small
 * letters only, and the last of two values, takes any text that `Date.parse` takes, and reads proxy-revalidate as
 * "never fresh": so it is shown the directives and dates as they were read here.
 */
import CachePolicy from "http-cache-semantics";
import { mostSeconds, readDirectives, secondsOf, type Directives } from "./cache-control.ts";
import { readHttpDate } from "./http-date.ts";

/** Under which terms an answer is kept. */
export interface Terms {
  /** When it was made, by this clock: its age is counted from here. RFC 9111 section 4.2.3. */
  readonly bornAt: number;
  /** From then on it is stale. */
  readonly freshUntil: number;
  /** How long past that it may stand in for an error. RFC 5861 section 4. */
  readonly staleIfErrorMs: number;
  /** May be used for requests with credentials that are no part of the key. Section 3.5, read both ways. */
  readonly allowsCredentials: boolean;
  /** Never used stale, whatever a request allows. Section 4.2.4. */
  readonly mustRevalidate: boolean;
}

export interface Arrived {
  readonly status: number;
  readonly headers: Headers;
  /** Just before the request was sent, and when the answer's head was here. */
  readonly requestedAt: number;
  readonly receivedAt: number;
}

export interface AskedFor {
  /** The request carried credentials, and they are no part of the key. Section 3.5. */
  readonly isAuthorized: boolean;
  /** For answers of status 200 that say nothing of freshness. */
  readonly defaultTtlMs: number;
}

const freshnessDirectives = ["max-age", "s-maxage"];
const flags = ["no-store", "no-cache", "private", "public", "must-revalidate"];
const longPast = "Thu, 01 Jan 1970 00:00:00 GMT";

/** Null: it must not be kept, or keeping it would serve nobody. */
export function termsOf(answer: Arrived, asked: AskedFor): Terms | null {
  const { headers, status, receivedAt } = answer;
  if (headers.has("set-cookie")) return null;
  const directives = readDirectives(headers.get("cache-control"));
  const expires = headers.get("expires");
  const servedAt = readHttpDate(headers.get("date"), receivedAt);
  const policy = new CachePolicy(
    { method: "GET", headers: asked.isAuthorized ? { authorization: "present" } : {} },
    { status, headers: shown(answer, directives, servedAt ?? receivedAt) },
    { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 },
  );
  if (!policy.storable()) return null;

  const isSilent =
    expires === null &&
    !headers.has("pragma") &&
    !["no-cache", ...freshnessDirectives].some((name) => directives.has(name));
  const lifetimeMs = isSilent ? defaultTtlOf(status, asked) : policy.maxAge() * 1000;
  const hasValidator = headers.has("etag") || headers.has("last-modified");
  // What is never fresh is kept only where a 304 can save its body, and only if it asked for that.
  if (lifetimeMs <= 0 && (isSilent || !hasValidator)) return null;
  const bornAt = receivedAt - initialAgeMs(answer, servedAt);
  const allowsCredentials = ["public", "must-revalidate", "s-maxage"].some((name) => directives.has(name));
  return { bornAt, freshUntil: bornAt + lifetimeMs, allowsCredentials, ...staleTerms(directives) };
}

/** How an answer may be used once it is stale. Sections 4.2.4 and 5.2.2, RFC 5861. */
function staleTerms(directives: Directives): Pick<Terms, "staleIfErrorMs" | "mustRevalidate"> {
  const forbidding = ["must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"];
  const staleIfError = secondsOf(directives, "stale-if-error");
  return {
    staleIfErrorMs: typeof staleIfError === "number" ? staleIfError * 1000 : 0,
    mustRevalidate: forbidding.some((name) => directives.has(name)),
  };
}

function defaultTtlOf(status: number, asked: AskedFor): number {
  return status === 200 ? asked.defaultTtlMs : 0;
}

/** The head as the library is to see it. */
function shown(answer: Arrived, directives: Directives, servedAt: number): Record<string, string> {
  const { headers, receivedAt } = answer;
  const said = flags.filter((name) => directives.has(name));
  for (const name of freshnessDirectives) {
    const seconds = secondsOf(directives, name);
    if (seconds !== null) said.push(`${name}=${seconds === "unfit" ? 0 : seconds}`);
  }
  const head: Record<string, string> = { date: new Date(servedAt).toUTCString() };
  if (said.length > 0) head["cache-control"] = said.join(",");
  const expires = headers.get("expires");
  // Section 5.3: what is no date, "0" among them, lies in the past.
  if (expires !== null) head["expires"] = readHttpDate(expires, receivedAt) === null ? longPast : expires;
  const pragma = headers.get("pragma");
  if (pragma !== null && !headers.has("cache-control")) head["pragma"] = pragma.toLowerCase();
  return head;
}

/** Section 4.2.3. Date has whole seconds, so the apparent age is counted in them. */
function initialAgeMs(answer: Arrived, servedAt: number | null): number {
  const { headers, requestedAt, receivedAt } = answer;
  const apparentMs = servedAt === null ? 0 : Math.max(0, Math.floor(receivedAt / 1000) * 1000 - servedAt);
  return Math.max(apparentMs, readAge(headers.get("age")) * 1000 + Math.max(0, receivedAt - requestedAt));
}

/** Section 5.1: the first of several, and nothing when it is no number. Seconds. */
function readAge(text: string | null): number {
  const first = text?.split(",", 1)[0]?.trim() ?? "";
  return /^\d+$/.test(first) ? Math.min(Number(first), mostSeconds) : 0;
}
