/** GET /_mesh/v1/events/{id}: where an event has arrived. */
import { Hono } from "hono/tiny";
import { askLog } from "./ask-log.ts";
import { requireScope } from "./authorize.ts";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { noQuery } from "./fields.ts";
import { refused } from "./refused.ts";

export function events(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  api.get("/:id", requireScope("mesh:read", "mesh:events"), async (c) => {
    readQuery(c.req.url, noQuery);
    const id = c.req.param("id");
    if (!/^[A-Za-z0-9._:-]{1,128}$/.test(id))
      throw refused("malformed_request", "id: expected 1 to 128 of [A-Za-z0-9._:-]");
    const found = await askLog(c.var.isolate, (log) => log.receipts({ v: 1, id }));
    if (found.kind === "unknown") throw refused("not_found", "no event of this id is kept");
    const { seq, type, at } = found.event;
    return c.json({
      id,
      seq,
      type,
      at: new Date(at).toISOString(),
      cursor: `${found.epoch}.${seq}`,
      regions: found.receipts,
    });
  });
  return api;
}
