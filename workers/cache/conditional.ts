/** Conditions: a client's against a kept answer, and ours to the upstream. RFC 9110 section 13, RFC 9111 section 4.3. */
import type { Fields } from "../gate/fields.ts";
import type { Entry } from "./entry.ts";
import { readHttpDate } from "./http-date.ts";

const entityTags = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** They describe the kept body, which a 304 neither replaces (RFC 9111 section 3.2) nor carries. */
const ofTheBody: ReadonlySet<string> = new Set(["content-encoding", "content-length", "content-range", "content-type"]);

/** Has the client what it would get? If-Modified-Since counts only without If-None-Match. RFC 9111 section 4.3.2. */
export function isNotModified(entry: Entry, fields: Fields, now: number): boolean {
  if (entry.status !== 200) return false;
  const ifNoneMatch = fields.get("if-none-match");
  if (ifNoneMatch !== undefined) return isListed(entry.etag, ifNoneMatch);
  if (entry.lastModified === null) return false;
  const ifModifiedSince = fields.get("if-modified-since");
  if (ifModifiedSince === undefined) return false;
  const modifiedAt = readHttpDate(entry.lastModified, now);
  const since = readHttpDate(ifModifiedSince, now);
  return modifiedAt !== null && since !== null && modifiedAt <= since;
}

/**
 * All of the kept head but what describes the body: what RFC 9110 section 15.4.5 asks for, and what the upstream's own
 * 304 would say beside it; a browser does not let a script see a 304 without Access-Control-Allow-Origin.
 */
export function headOf304(entry: Entry): Record<string, string> {
  const head: Record<string, string> = {};
  for (const name in entry.head) if (!ofTheBody.has(name)) head[name] = entry.head[name] ?? "";
  return head;
}

/** Fields that ask the upstream whether this entry still holds; the client's own conditions are left out. */
export function validatorsOf(entry: Entry): Readonly<Record<string, string | null>> | null {
  if (entry.etag === null && entry.lastModified === null) return null;
  return { "if-none-match": entry.etag, "if-modified-since": entry.lastModified };
}

/** For a second try: whatever the upstream has, whole. */
export const unconditionally: Readonly<Record<string, string | null>> = {
  "if-none-match": null,
  "if-modified-since": null,
};

/** Does this 304 speak of this entry? RFC 9111 section 4.3.4. */
export function confirms(entry: Entry, headers: Headers): boolean {
  const etag = headers.get("etag");
  if (etag !== null) return entry.etag !== null && (isWeak(etag) ? sameOpaque(entry.etag, etag) : entry.etag === etag);
  const lastModified = headers.get("last-modified");
  return lastModified === null || entry.lastModified === null || lastModified === entry.lastModified;
}

/**
 * The kept head with what the 304 says anew (RFC 9111 section 3.2). Vary only grows: a 304 has no body to compress, so
 * that many servers leave Accept-Encoding out of it, and what was compressed for one client would be given to all.
 */
export function updatedHead(entry: Entry, update: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const head: Record<string, string> = { ...entry.head };
  for (const name in update) if (!ofTheBody.has(name)) head[name] = update[name] ?? "";
  const vary = joinedVary(entry.head["vary"], update["vary"]);
  return vary === undefined ? head : { ...head, vary };
}

/** What was kept, and the names that are new. */
function joinedVary(kept: string | undefined, said: string | undefined): string | undefined {
  if (kept === undefined || said === undefined) return kept ?? said;
  const known = new Set(kept.split(",").map((name) => name.trim().toLowerCase()));
  const added = said
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !known.has(name.toLowerCase()));
  return [kept, ...added].join(", ");
}

/** A HEAD that tells of another representation than the kept one. RFC 9111 section 4.3.5. */
export function contradicts(entry: Entry, headers: Headers): boolean {
  const length = headers.get("content-length");
  return (
    (headers.get("etag") ?? entry.etag) !== entry.etag ||
    (headers.get("last-modified") ?? entry.lastModified) !== entry.lastModified ||
    (length !== null && Number(length) !== (entry.body?.byteLength ?? 0))
  );
}

function isListed(etag: string | null, list: string): boolean {
  if (list.trim() === "*") return true;
  if (etag === null) return false;
  return (list.match(entityTags) ?? []).some((candidate) => sameOpaque(candidate, etag));
}

/** The weak comparison. RFC 9110 section 8.8.3.2. */
function sameOpaque(one: string, other: string): boolean {
  return opaqueOf(one) === opaqueOf(other);
}

function opaqueOf(etag: string): string {
  return isWeak(etag) ? etag.slice(2) : etag;
}

function isWeak(etag: string): boolean {
  return etag.startsWith("W/");
}
