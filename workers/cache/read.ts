/** A GET or HEAD on a route with a cache: which kept answer may it have, if any? */
import type { CacheRule } from "../config/mesh.ts";
import type { Passage } from "../gate/passage.ts";
import type { FetchUpstream } from "../gate/upstream.ts";
import { refuse } from "../problem/problem.ts";
import type { View } from "../view/view.ts";
import { answerFrom, relay } from "./answer.ts";
import type { Cache } from "./cache.ts";
import { hitStatus, type Forwarded } from "./cache-status.ts";
import { contradicts } from "./conditional.ts";
import { demandsOf, usabilityOf, type Demands } from "./demands.ts";
import { ttlSeconds, type Entry } from "./entry.ts";
import { fill } from "./fill.ts";
import { keyOf, partitionOf, type Key } from "./key.ts";
import type { Found } from "./memory.ts";
import type { Asker } from "./vary.ts";

/** What the cache asks of the isolate's view. */
type CurrentView = Pick<View, "current" | "cursor" | "isCurrent" | "verdictOn">;

/** One such request, with what was found out about it. */
export interface Reading {
  readonly passage: Passage;
  readonly ask: FetchUpstream;
  readonly rule: CacheRule;
  readonly cache: Cache;
  readonly view: CurrentView;
  readonly key: Key;
  readonly asker: Asker;
  readonly demands: Demands;
  /** Credentials came with it that are no part of the key. */
  readonly isAuthorized: boolean;
}

type Plan = { readonly kind: "use"; readonly entry: Entry } | Question;

/** The upstream must be asked, and why. `entry` is what it may confirm. */
export interface Question {
  readonly kind: "ask";
  readonly fwd: Forwarded;
  readonly entry: Entry | null;
}

export async function read(passage: Passage, ask: FetchUpstream, rule: CacheRule): Promise<Response> {
  const view: CurrentView = passage.isolate.view;
  let { now } = passage;
  const current = view.current(passage.context);
  if (current !== true) {
    if (!(await current)) return await notCurrent(passage, ask);
    now = Date.now();
  }
  const reading = begin(passage, ask, rule, view);
  const { asker, cache, key } = reading;
  const found = cache.find(key, asker);
  let plan = planOf(reading, found, now);
  if (plan.kind === "ask" && plan.fwd !== "request") {
    const copy = await cache.findInRegion(key, asker);
    // The view went on while the region was asked: nothing is used that was judged before.
    if (!(await view.current(passage.context))) return await notCurrent(passage, ask);
    now = Date.now();
    plan = planOf(reading, found, now);
    if (copy !== null && plan.kind === "ask") plan = withCopy(reading, copy, plan, now);
  }
  if (plan.kind === "use") return answerFrom(passage, plan.entry, hitStatus(ttlSeconds(plan.entry, now)), now);
  if (reading.demands.onlyIfCached) return relay(passage, onlyIfCached, { fwd: plan.fwd });
  return passage.request.method === "HEAD" ? await forwardHead(reading, plan) : await fill(reading, plan);
}

/** What the region has, where it is better than what the memory had. */
function withCopy(reading: Reading, copy: Entry, plan: Question, now: number): Plan {
  const { asker, cache, key } = reading;
  if (cache.isChangedSince(key, copy)) return plan;
  const offered = planOf(reading, { kind: "entry", entry: copy }, now);
  if (offered.kind === "use") cache.remember(key, asker, copy);
  return offered.kind === "use" || plan.entry === null ? offered : plan;
}

/** RFC 9111 section 5.2.1.7. */
const onlyIfCached = refuse("upstream_timeout", "only-if-cached: there is no kept answer that this request may have");

async function notCurrent(passage: Passage, ask: FetchUpstream): Promise<Response> {
  return relay(passage, await ask({}), { fwd: "bypass", detail: "not-current" });
}

/** A HEAD fills nothing; it may tell that what is kept is no longer what the upstream has. */
async function forwardHead(reading: Reading, plan: Question): Promise<Response> {
  const { asker, cache, key, passage } = reading;
  const answer = await reading.ask({});
  const { entry } = plan;
  if (entry !== null && answer instanceof Response && answer.status === 200 && contradicts(entry, answer.headers)) {
    cache.drop(key, asker, entry);
  }
  return relay(passage, answer, { fwd: plan.fwd });
}

function planOf(reading: Reading, found: Found, now: number): Plan {
  if (found.kind === "none") return { kind: "ask", fwd: found.miss, entry: null };
  const { entry } = found;
  const verdict = reading.view.verdictOn(entry);
  if (verdict === "purged") {
    reading.cache.drop(reading.key, reading.asker, entry);
    return { kind: "ask", fwd: "miss", entry: null };
  }
  // What was answered to nobody in particular need not be what the upstream would tell somebody whom it knows.
  if (reading.isAuthorized && !entry.allowsCredentials) return { kind: "ask", fwd: "miss", entry: null };
  if (verdict === "stale") return { kind: "ask", fwd: "stale", entry };
  const usability = usabilityOf(entry, reading.demands, now);
  if (usability === "usable") return { kind: "use", entry };
  return { kind: "ask", fwd: usability === "expired" ? "stale" : "request", entry };
}

function begin(passage: Passage, ask: FetchUpstream, rule: CacheRule, view: CurrentView): Reading {
  const { address, fields, host, identity, isolate, path, query, request, route } = passage;
  const partition = partitionOf(rule.partition, identity);
  const hostField = fields.get("host") ?? null;
  const asked = { host, path, query, route: route.name, requestUrl: request.url, hostField, partition: partition.text };
  return {
    passage,
    ask,
    rule,
    cache: isolate.cache,
    view,
    key: keyOf(asked),
    asker: { headers: request.headers, identity, address },
    demands: demandsOf(fields),
    isAuthorized: !partition.coversIdentity && (identity !== null || fields.has("authorization")),
  };
}
