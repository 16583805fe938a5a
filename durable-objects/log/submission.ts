/** What a publisher hands in, held against its bounds before anything is done. A call is refused whole. */
import type { NewEvent, PublishRequest } from "./contract.ts";

/** Events in one call. */
const maxEvents = 100;
/** Of one event's data as JSON text, bytes of UTF-8. */
const maxDataBytes = 1_048_576;
const longestTimeoutMs = 30_000;

/** An event that may be inserted: everything but its number. */
export interface Entry {
  readonly id: string;
  readonly type: string;
  /** JSON text. */
  readonly data: string;
  readonly retain: string | null;
  /** Of all of it as JSON, about; for pages and messages. */
  readonly bytes: number;
}

export type Submission =
  | { readonly kind: "fit"; readonly entries: readonly Entry[] }
  | { readonly kind: "malformed"; readonly detail: string };

const namePattern = /^[A-Za-z0-9._:-]{1,128}$/;
const maxRetainBytes = 2_048;
/** Field names, number and time of an event beside its texts, bytes. */
const envelopeBytes = 96;
const utf8 = new TextEncoder();

export function checkSubmission({ v, events, ack, timeoutMs }: PublishRequest): Submission {
  if (v !== 1) return malformed(`v: expected 1`);
  if (ack !== "none" && ack !== "regions" && ack !== "everywhere") {
    return malformed(`ack: expected none, regions or everywhere`);
  }
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > longestTimeoutMs) {
    return malformed(`timeoutMs: expected a whole number from 0 to ${longestTimeoutMs}`);
  }
  if (!Array.isArray(events) || events.length === 0 || events.length > maxEvents) {
    return malformed(`events: expected 1 to ${maxEvents}`);
  }
  const entries: Entry[] = [];
  for (const [index, event] of (events as readonly NewEvent[]).entries()) {
    const entry = entryOf(event);
    if (typeof entry === "string") return malformed(`events.${index}.${entry}`);
    entries.push(entry);
  }
  return { kind: "fit", entries };
}

/** The entry, or what was expected of which field. */
function entryOf({ id, type, data, retain }: NewEvent): Entry | string {
  if (typeof id !== "string" || !namePattern.test(id)) return "id: expected 1 to 128 characters of [A-Za-z0-9._:-]";
  if (typeof type !== "string" || !namePattern.test(type)) {
    return "type: expected 1 to 128 characters of [A-Za-z0-9._:-]";
  }
  if (retain !== undefined && (typeof retain !== "string" || retain === "" || bytesOf(retain) > maxRetainBytes)) {
    return `retain: expected a text of 1 to ${maxRetainBytes} bytes`;
  }
  const json = jsonOf(data);
  if (json === null) return "data: expected a JSON value";
  const bytes = bytesOf(json);
  if (bytes > maxDataBytes) return `data: expected at most ${maxDataBytes} bytes of JSON`;
  const key = retain ?? null;
  return {
    id,
    type,
    data: json,
    retain: key,
    bytes: envelopeBytes + bytes + id.length + type.length + bytesOf(key ?? ""),
  };
}

function bytesOf(text: string): number {
  return utf8.encode(text).byteLength;
}

function jsonOf(data: unknown): string | null {
  try {
    // The types of JSON.stringify hide that undefined has no JSON.
    const json = JSON.stringify(data) as string | undefined;
    return json ?? null;
  } catch {
    // A cycle, a bigint, or a nesting too deep for the stack: no JSON value, and the caller is told so.
    return null;
  }
}

function malformed(detail: string): Submission {
  return { kind: "malformed", detail };
}
