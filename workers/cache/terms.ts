/** May this answer be kept, and for how long is it fresh? Decided once, when it arrives; a hit compares numbers. */
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

const freshnessDirectives = ["s-maxage", "max-age"];
/** Each of them lets an answer be kept that was asked for with credentials. Section 3.5. */
const credentialDirectives = ["public", "must-revalidate", "s-maxage"];
/** Of those that this cache understands: kept unless something forbids it (RFC 9110 section 15.1), and only when told to. */
const keptStatuses: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
const keptIfToldStatuses: ReadonlySet<number> = new Set([302, 303, 307]);

/** Null: it must not be kept, or keeping it would serve nobody. */
export function termsOf(answer: Arrived, asked: AskedFor): Terms | null {
  const { headers, status, receivedAt } = answer;
  if (headers.has("set-cookie")) return null;
  const directives = readDirectives(headers.get("cache-control"));
  if (!mayBeKept(answer, directives, asked)) return null;

  const servedAt = readHttpDate(headers.get("date"), receivedAt);
  const isSilent =
    !headers.has("expires") &&
    !isForbiddenByPragma(headers) &&
    !hasAny(directives, ["no-cache", ...freshnessDirectives]);
  const lifetimeMs = isSilent ? defaultTtlOf(status, asked) : lifetimeMsOf(answer, directives, servedAt ?? receivedAt);
  const hasValidator = headers.has("etag") || headers.has("last-modified");
  // What is never fresh is kept only where a 304 can save its body, and only if it asked for that.
  if (lifetimeMs <= 0 && (isSilent || !hasValidator)) return null;
  const bornAt = receivedAt - initialAgeMs(answer, servedAt);
  const allowsCredentials = hasAny(directives, credentialDirectives);
  return { bornAt, freshUntil: bornAt + lifetimeMs, allowsCredentials, ...staleTerms(directives) };
}

/** Section 3, for a GET and a shared cache. */
function mayBeKept({ status, headers }: Arrived, directives: Directives, { isAuthorized }: AskedFor): boolean {
  if (hasAny(directives, ["no-store", "private"])) return false;
  if (isAuthorized && !hasAny(directives, credentialDirectives)) return false;
  if (keptStatuses.has(status)) return true;
  const isTold = headers.has("expires") || hasAny(directives, ["public", ...freshnessDirectives]);
  return isTold && keptIfToldStatuses.has(status);
}

/** Section 4.2.1, in its order. What is no number or no date means stale. */
function lifetimeMsOf({ headers, receivedAt }: Arrived, directives: Directives, servedAt: number): number {
  if (directives.has("no-cache")) return 0;
  for (const name of freshnessDirectives) {
    const seconds = secondsOf(directives, name);
    if (seconds !== null) return seconds === "unfit" ? 0 : seconds * 1000;
  }
  if (!headers.has("cache-control") && isForbiddenByPragma(headers)) return 0;
  const expiresAt = readHttpDate(headers.get("expires"), receivedAt) ?? 0;
  return Math.max(0, expiresAt - wholeSecond(servedAt));
}

/** Section 5.4: beside Cache-Control it takes nothing away but the default lifetime. */
function isForbiddenByPragma(headers: Headers): boolean {
  return /no-cache/i.test(headers.get("pragma") ?? "");
}

function hasAny(directives: Directives, names: readonly string[]): boolean {
  return names.some((name) => directives.has(name));
}

/** Date and Expires have no finer ones. */
function wholeSecond(at: number): number {
  return Math.floor(at / 1000) * 1000;
}

/** How an answer may be used once it is stale. Sections 4.2.4 and 5.2.2, RFC 5861. */
function staleTerms(directives: Directives): Pick<Terms, "staleIfErrorMs" | "mustRevalidate"> {
  const forbidding = ["must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"];
  const staleIfError = secondsOf(directives, "stale-if-error");
  return {
    staleIfErrorMs: typeof staleIfError === "number" ? staleIfError * 1000 : 0,
    mustRevalidate: hasAny(directives, forbidding),
  };
}

function defaultTtlOf(status: number, asked: AskedFor): number {
  return status === 200 ? asked.defaultTtlMs : 0;
}

/** Section 4.2.3. Date has whole seconds, so the apparent age is counted in them. */
function initialAgeMs(answer: Arrived, servedAt: number | null): number {
  const { headers, requestedAt, receivedAt } = answer;
  const apparentMs = servedAt === null ? 0 : Math.max(0, wholeSecond(receivedAt) - servedAt);
  return Math.max(apparentMs, readAge(headers.get("age")) * 1000 + Math.max(0, receivedAt - requestedAt));
}

/** Section 5.1: the first of several, and nothing when it is no number. Seconds. */
function readAge(text: string | null): number {
  const first = text?.split(",", 1)[0]?.trim() ?? "";
  return /^\d+$/.test(first) ? Math.min(Number(first), mostSeconds) : 0;
}
