/** POST /_mesh/v1/invalidations: what was kept by tag, URL or prefix, or everything, is not used any more. */
import { Hono } from "hono/tiny";
import * as v from "valibot";
import { canonicalPath } from "../gate/canonical-path.ts";
import type { InvalidationData, Place } from "../view/invalidation-data.ts";
import { requireScope } from "./authorize.ts";
import { readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { acknowledgement, givenEventId, text } from "./fields.ts";
import { publishedAnswer } from "./published.ts";
import { refused } from "./refused.ts";

/** Of one call. Tags are 1-64 bytes; the cost of a call is its tags, never what it hits. */
const mostTags = 10_000;
const mostPlaces = 1_000;

const listOf = <Item extends v.GenericSchema>(item: Item, most: number) =>
  v.pipe(
    v.array(item, "expected a list"),
    v.minLength(1, "expected at least one"),
    v.maxLength(most, `expected at most ${most}`),
  );

const body = v.strictObject({
  tags: v.optional(listOf(text(1, 64), mostTags)),
  urls: v.optional(listOf(text(1, 4_096), mostPlaces)),
  prefixes: v.optional(listOf(text(1, 4_096), mostPlaces)),
  everything: v.optional(v.literal(true, "expected true")),
  mode: v.optional(v.picklist(["purge", "stale"], 'expected "purge" or "stale"'), "purge"),
  id: v.optional(givenEventId),
});

export function invalidations(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  api.post("/", requireScope("mesh:events"), async (c) => {
    const { ack, timeoutMs } = readQuery(c.req.url, v.strictObject(acknowledgement));
    const asked = await readBody(c.req.raw, body);
    const { tags, urls, prefixes, everything, mode } = asked;
    if (tags === undefined && urls === undefined && prefixes === undefined && everything === undefined) {
      throw refused("malformed_request", "body: expected tags, urls, prefixes or everything");
    }
    const data: InvalidationData = {
      mode,
      ...(tags === undefined ? {} : { tags }),
      ...(urls === undefined ? {} : { urls: urls.map((url, index) => placeOf(url, `urls.${index}`)) }),
      ...(prefixes === undefined ? {} : { prefixes: prefixes.map((url, index) => placeOf(url, `prefixes.${index}`)) }),
      ...(everything === undefined ? {} : { everything }),
    };
    const event = { id: asked.id ?? crypto.randomUUID(), type: "invalidation", data };
    const published = await c.var.isolate.publisher.publish(c.executionCtx, event, ack, timeoutMs);
    const answer = publishedAnswer(published, ack !== "none");
    return c.json(answer.body, answer.status);
  });
  return api;
}

/**
 * An absolute URL, compared by host name without its port, or a path for every host; in the canonical form of the gate.
 * A query is part of it; a fragment is not.
 */
function placeOf(url: string, field: string): Place {
  const absolute = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(url);
  const rest = absolute === null ? url : (absolute[2] ?? "");
  const mark = rest.indexOf("?");
  const path = canonicalPath(mark === -1 ? rest || "/" : rest.slice(0, mark) || "/");
  if (path.kind === "refused") throw refused("malformed_request", `${field}: ${path.detail}`);
  const query = mark === -1 ? "" : rest.slice(mark);
  const host = absolute?.[1];
  return { host: host === undefined ? null : hostName(host, field), path: path.path + query };
}

function hostName(authority: string, field: string): string {
  const host = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.exec(authority)?.[1];
  if (host === undefined) throw refused("malformed_request", `${field}: expected a host name or address`);
  return (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase();
}
