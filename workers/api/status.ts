/** GET /_mesh/v1/status: every region's place in the Log, what this edge believes, and the outside issuers' keys. */
import { Hono } from "hono/tiny";
import { askLog } from "./ask-log.ts";
import { requireScope } from "./authorize.ts";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { noQuery } from "./fields.ts";
import { issuersShown } from "./issuer-standing.ts";

export function status(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  api.get("/", requireScope("mesh:read"), async (c) => {
    readQuery(c.req.url, noQuery);
    const { isolate } = c.var;
    const { mesh, view, region } = isolate;
    const [{ epoch, head, floor, unsent, regions }, issuers] = await Promise.all([
      askLog(isolate, (log) => log.status()),
      issuersShown(isolate),
    ]);
    const cursor = view.cursor;
    return c.json({
      epoch,
      seq: head,
      floor,
      unsent,
      configuration: mesh.version,
      regions: regions.map((each) => ({ ...each, lag: head - each.applied })),
      edge: {
        region,
        cursor: cursor === null ? null : `${cursor.epoch}.${cursor.seq}`,
        viewLeaseEndsInMs: view.leaseEndsInMs(),
      },
      issuers,
    });
  });
  return api;
}
