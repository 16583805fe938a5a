/** Asks the upstream, and keeps what may be kept under the cursor from before the asking. */
import type { UpstreamAnswer } from "../gate/upstream.ts";
import type { Cursor } from "../../durable-objects/log/contract.ts";
import { answerFrom, relay } from "./answer.ts";
import { forwardedStatus } from "./cache-status.ts";
import { longestFillMs } from "./changed-urls.ts";
import { announcedLength, collect } from "./collect.ts";
import { confirms, unconditionally, updatedHead, validatorsOf } from "./conditional.ts";
import { keptHead, standsInForErrors, type Entry } from "./entry.ts";
import type { Question, Reading } from "./read.ts";
import { carriesTags, tagsOf } from "./tags.ts";
import { termsOf, type Terms } from "./terms.ts";
import { variedNames } from "./vary.ts";

/** One question to the upstream, on its way. */
interface Asking {
  readonly reading: Reading;
  readonly plan: Question;
  readonly startedAt: number;
  /** The view's, from before the asking; null when the answer must not be kept. */
  readonly cursor: Cursor | null;
}

export async function fill(reading: Reading, plan: Question): Promise<Response> {
  const startedAt = Date.now();
  const mayKeep = !reading.demands.noStore && reading.view.isCurrent();
  const asking: Asking = { reading, plan, startedAt, cursor: mayKeep ? reading.view.cursor : null };
  const { entry } = plan;
  const validators = entry === null ? null : validatorsOf(entry);
  const answer = await reading.ask(validators === null ? {} : { fields: validators });
  if (entry === null || validators === null || !(answer instanceof Response) || answer.status !== 304) {
    return settle(asking, answer);
  }
  if (confirms(entry, answer.headers) && reading.view.verdictOn(entry) !== "purged") {
    return confirmed(asking, entry, answer);
  }
  // A 304 for something else, or for what was purged meanwhile: the client gets the upstream's whole answer.
  reading.cache.drop(reading.key, reading.asker, entry);
  return settle({ ...asking, plan: { ...plan, entry: null } }, await reading.ask({ fields: unconditionally }));
}

/** An error, or a whole answer. */
function settle(asking: Asking, answer: UpstreamAnswer): Response {
  const { plan, reading } = asking;
  const { passage } = reading;
  if (!(answer instanceof Response) || isServerError(answer.status)) {
    const standIn = standInFor(asking, answer);
    if (standIn !== null) return standIn;
  }
  if (!(answer instanceof Response)) return relay(passage, answer, { fwd: plan.fwd });
  const receivedAt = Date.now();
  const kept = termsFor(asking, answer, receivedAt);
  // What the upstream no longer says is not asked about again.
  if (plan.entry !== null && answer.status < 500) reading.cache.drop(reading.key, reading.asker, plan.entry);
  if (kept === null || kept === "tags") {
    return relay(passage, answer, kept === null ? { fwd: plan.fwd } : { fwd: plan.fwd, detail: "tags" });
  }
  return filled(asking, answer, kept);
}

type Keepable = Omit<Entry, "body">;

/** Null: not to be kept. `tags`: it would be, but for a tag that no invalidation could name. */
function termsFor(asking: Asking, answer: Response, receivedAt: number): Keepable | "tags" | null {
  const { cursor, reading, startedAt } = asking;
  const { headers, status } = answer;
  const { isAuthorized, passage, rule } = reading;
  if (cursor === null) return null;
  const arrived = { status, headers, requestedAt: startedAt, receivedAt };
  const terms = termsOf(arrived, { isAuthorized, defaultTtlMs: rule.defaultTtlMs });
  const length = announcedLength(headers);
  if (terms === null || length === "unfit" || (length ?? 0) > rule.maxObjectBytes) return null;
  return keepable(asking, cursor, {
    status,
    terms,
    head: keptHead(headers, passage.head),
    tags: tagsOf(headers, rule.tags),
  });
}

interface Parts {
  readonly status: number;
  readonly terms: Terms;
  readonly head: Readonly<Record<string, string>>;
  readonly tags: readonly string[] | "unfit";
}

function keepable(asking: Asking, cursor: Cursor, parts: Parts): Keepable | "tags" | null {
  const { head, status, tags, terms } = parts;
  const names = variedNames(head["vary"] ?? null);
  if (names === null) return null;
  if (tags === "unfit") return "tags";
  const { host, path } = asking.reading.key;
  return {
    epoch: cursor.epoch,
    seq: cursor.seq,
    checkedThrough: cursor.seq,
    host,
    path,
    tags,
    status,
    head,
    names,
    etag: head["etag"] ?? null,
    lastModified: head["last-modified"] ?? null,
    startedAt: asking.startedAt,
    ...terms,
  };
}

/** The client reads one branch of the body, the cache the other. */
function filled(asking: Asking, answer: Response, kept: Keepable): Response {
  const { plan, reading } = asking;
  const { passage, rule } = reading;
  const announced = announcedLength(answer.headers);
  const facts = { fwd: plan.fwd, stored: true } as const;
  if (answer.body === null) {
    passage.context.waitUntil(keep(reading, { ...kept, body: null }));
    return relay(passage, answer, facts);
  }
  const [forClient, forCache] = (answer.body as ReadableStream<Uint8Array>).tee();
  const bytes = collect(forCache, {
    maxBytes: rule.maxObjectBytes,
    announcedBytes: typeof announced === "number" ? announced : null,
    patienceMs: longestFillMs,
  });
  passage.context.waitUntil(bytes.then((body) => (body === null ? undefined : keep(reading, { ...kept, body }))));
  const { headers, status, statusText } = answer;
  return relay(passage, new Response(forClient, { status, statusText, headers, encodeBody: "manual" }), facts);
}

async function keep(reading: Reading, entry: Entry): Promise<void> {
  await reading.cache.keep(reading.key, reading.asker, entry, Date.now());
}

/** The upstream confirmed the entry: freshened, kept under the new cursor, and used. RFC 9111 section 4.3.4. */
function confirmed(asking: Asking, entry: Entry, answer: Response): Response {
  const { cursor, plan, reading, startedAt } = asking;
  const { isAuthorized, passage, rule } = reading;
  const receivedAt = Date.now();
  const head = updatedHead(entry, keptHead(answer.headers, passage.head));
  const headers = new Headers(head);
  for (const name of ["age", "set-cookie"]) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const arrived = { status: entry.status, headers, requestedAt: startedAt, receivedAt };
  const terms = termsOf(arrived, { isAuthorized, defaultTtlMs: rule.defaultTtlMs });
  const tags = carriesTags(answer.headers) ? tagsOf(answer.headers, rule.tags) : entry.tags;
  const kept =
    cursor === null || terms === null ? null : keepable(asking, cursor, { status: entry.status, terms, head, tags });
  const { body } = entry;
  if (kept === null || kept === "tags") reading.cache.drop(reading.key, reading.asker, entry);
  else passage.context.waitUntil(keep(reading, { ...kept, body }));
  const used: Entry = { ...entry, head, bornAt: terms?.bornAt ?? receivedAt };
  const cacheStatus = forwardedStatus({ fwd: plan.fwd, status: 304 }, answer.headers.get("cache-status"));
  const response = answerFrom(passage, used, cacheStatus, receivedAt);
  for (const cookie of answer.headers.getSetCookie()) response.headers.append("Set-Cookie", cookie);
  return response;
}

/** RFC 5861 section 4: only what is merely old. What was invalidated, or changed by a write, does not come back. */
function standInFor(asking: Asking, answer: UpstreamAnswer): Response | null {
  const { plan, reading } = asking;
  const { cache, key, passage, view } = reading;
  const { entry } = plan;
  const now = Date.now();
  if (entry === null || plan.fwd !== "stale" || !standsInForErrors(entry, now)) return null;
  if (!view.isCurrent() || view.verdictOn(entry) !== "valid" || cache.isChangedSince(key, entry)) return null;
  const status = answer instanceof Response ? { status: answer.status } : {};
  // An answer that is not read would hold its connection.
  if (answer instanceof Response && answer.body !== null) passage.context.waitUntil(answer.body.cancel());
  return answerFrom(passage, entry, forwardedStatus({ fwd: "stale", ...status, detail: "stale-if-error" }), now);
}

function isServerError(status: number): boolean {
  return status === 500 || (status >= 502 && status <= 504);
}
