/** The paths that are the mesh's own, below /_mesh/: health, the pages of problems, and the mesh API. */
import { Hono } from "hono/tiny";
import { createApi } from "./api/app.ts";
import type { ApiEnv } from "./api/call.ts";
import type { Cors } from "./config/mesh.ts";
import type { Isolate } from "./isolate.ts";
import { pages, problemPageResponse } from "./problem/page.ts";
import { problemResponse, refuse, type Refusal } from "./problem/problem.ts";

interface ReservedEnv {
  readonly Bindings: ApiEnv["Bindings"] & {
    readonly DOOR: { readonly isolate: Isolate; readonly requestId: string; readonly cors: Cors | null };
  };
  readonly Variables: ApiEnv["Variables"];
}

export interface Reserved {
  /** `request` has a canonical URL. `cors` of the address that it came to; null, or absent, for none. */
  fetch(
    request: Request,
    isolate: Isolate,
    requestId: string,
    context: ExecutionContext,
    cors?: Cors | null,
  ): Promise<Response>;
}

export function createReserved(): Reserved {
  const app = new Hono<ReservedEnv>();
  app.use(async function introduce(c, next) {
    c.set("isolate", c.env.DOOR.isolate);
    c.set("requestId", c.env.DOOR.requestId);
    c.set("cors", c.env.DOOR.cors);
    // The router lets a last slash go with what stands before it: here it is another path.
    if (c.req.path.endsWith("/")) c.res = refused(c.env.DOOR.requestId, refuse("not_found"));
    else await next();
    c.header("Mesh-Region", c.env.DOOR.isolate.region);
    c.header("Mesh-Request-Id", c.env.DOOR.requestId);
  });
  app.get("/_mesh/healthz", (c) => c.json({ status: "ok" }, 200, { "Cache-Control": "no-store" }));
  app.get("/_mesh/readyz", async (c) => {
    const { isolate, requestId } = c.var;
    if (!(await isolate.view.current(c.executionCtx)))
      return refused(requestId, refuse("not_current", undefined, { headers: { "Retry-After": "1" } }));
    const problem = await isolate.signing.problem();
    if (problem === null) return c.json({ status: "ready" }, 200, { "Cache-Control": "no-store" });
    // What was signed before is verified all the same: only who needs a new token is turned away.
    const detail = `the Keyring cannot sign: ${problem}`;
    return refused(requestId, refuse("overloaded", detail, { headers: { "Retry-After": "10" } }));
  });
  app.get("/_mesh/problems/:code", (c) => {
    const page = pages.get(c.req.param("code"));
    return page === undefined
      ? refused(c.var.requestId, refuse("not_found"))
      : problemPageResponse(page, c.req.header("accept"));
  });
  for (const path of ["/_mesh/healthz", "/_mesh/readyz", "/_mesh/problems/:code"]) {
    const only = refuse("method_not_allowed", undefined, { headers: { Allow: "GET, HEAD" } });
    app.all(path, (c) => refused(c.var.requestId, only));
  }
  app.route("/", createApi());
  app.notFound((c) => refused(c.var.requestId, refuse("not_found")));
  return {
    fetch: async (request, isolate, requestId, context, cors = null) =>
      app.fetch(request, { ...isolate.env, DOOR: { isolate, requestId, cors } }, context),
  };
}

function refused(requestId: string, refusal: Refusal): Response {
  return problemResponse(refusal, requestId);
}
