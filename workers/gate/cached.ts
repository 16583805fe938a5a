/**
 * The cache step: answers a GET or HEAD from what is kept, or asks the upstream; lets everything else pass, and notes
 * what it changed. The last step of the gate: it always answers, and says in Cache-Status what it did.
 */
import { relay } from "../cache/answer.ts";
import { read } from "../cache/read.ts";
import { canonicalPath } from "./canonical-path.ts";
import type { Passage } from "./passage.ts";
import type { FetchUpstream } from "./upstream.ts";

/** RFC 9110 section 9.2.1. */
const safe: ReadonlySet<string> = new Set(["OPTIONS", "TRACE"]);

export async function cached(passage: Passage, ask: FetchUpstream): Promise<Response> {
  const { request, route } = passage;
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") return await forwardMethod(passage, ask);
  if (route.cache === null || !isWhole(passage)) return relay(passage, await ask({}), { fwd: "bypass" });
  return await read(passage, ask, route.cache);
}

/** For a part of a resource, for another protocol, or with a body of its own: the upstream's business. */
function isWhole({ fields, request }: Passage): boolean {
  return request.body === null && !fields.has("range") && !fields.has("upgrade");
}

async function forwardMethod(passage: Passage, ask: FetchUpstream): Promise<Response> {
  const { context, isolate, request } = passage;
  const answer = await ask({});
  if (answer instanceof Response && answer.status >= 200 && answer.status < 400 && !safe.has(request.method)) {
    const keepsAnything = isolate.mesh.routes.some((route) => route.cache !== null);
    const now = Date.now();
    for (const url of keepsAnything ? changedBy(passage, answer.headers) : []) {
      context.waitUntil(isolate.cache.change(url, now));
    }
  }
  return relay(passage, answer, { fwd: "method" });
}

/** The target, and what Location and Content-Location name on the same host. RFC 9111 section 4.4. */
function changedBy({ host, path, query }: Passage, headers: Headers): ReadonlySet<string> {
  const changed = new Set([host + path + query]);
  for (const field of ["location", "content-location"]) {
    const named = URL.parse(headers.get(field) ?? "", `https://${host}${path}${query}`);
    if (named === null || named.hostname !== host) continue;
    const canonical = canonicalPath(named.pathname);
    if (canonical.kind !== "refused") changed.add(host + canonical.path + named.search);
  }
  return changed;
}
