/** GET /_mesh/v1/status: every region's place in the Log, and what this edge believes. */
import { Hono } from "hono";
import { logStub } from "../../durable-objects/stubs.ts";
import { requireScope } from "./authorize.ts";
import type { ApiEnv } from "./call.ts";

export function status(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  api.get("/", requireScope("mesh:read"), async (c) => {
    const { mesh, env, view, region } = c.var.isolate;
    const { epoch, head, floor, unsent, regions } = await logStub(env, mesh.environment).status();
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
    });
  });
  return api;
}
