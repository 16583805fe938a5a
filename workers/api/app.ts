/**
 * The mesh API: /_mesh/v1, one file a resource. Bearer tokens of the mesh only, each call with its scope.
 * Everything malformed gets a problem document that names the field; nothing is half done.
 */
import { Hono } from "hono/tiny";
import { problemResponse, refuse } from "../problem/problem.ts";
import type { ApiEnv } from "./call.ts";
import { methodsByPath } from "./methods-by-path.ts";
import { Refused, refused } from "./refused.ts";
import { accounts } from "./accounts.ts";
import { authPaths } from "./auth.ts";
import { clients } from "./clients.ts";
import { events } from "./events.ts";
import { invalidations } from "./invalidations.ts";
import { keys } from "./keys.ts";
import { limits } from "./limits.ts";
import { locks } from "./locks.ts";
import { revocations } from "./revocations.ts";
import { signingKeys } from "./signing-keys.ts";
import { status } from "./status.ts";

export function createApi(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  api.route("/_mesh/v1/accounts", accounts());
  api.route("/_mesh/v1/auth", authPaths());
  api.route("/_mesh/v1/clients", clients());
  api.route("/_mesh/v1/events", events());
  api.route("/_mesh/v1/invalidations", invalidations());
  api.route("/_mesh/v1/keys", keys());
  api.route("/_mesh/v1/limits", limits());
  api.route("/_mesh/v1/locks", locks());
  api.route("/_mesh/v1/revocations", revocations());
  api.route("/_mesh/v1/signing-keys", signingKeys());
  api.route("/_mesh/v1/status", status());
  // Last, so that it gets what no resource takes; the mesh's own 404 knows nothing of the resources' methods.
  const methodsAt = methodsByPath(api.routes);
  api.all("/_mesh/v1/*", (c) => {
    const methods = methodsAt(c.req.path);
    if (methods.length === 0) throw refused("not_found");
    throw refused("method_not_allowed", undefined, { headers: { Allow: methods.join(", ") } });
  });
  api.onError((error, c) => {
    if (error instanceof Refused) return problemResponse(error.refusal, c.var.requestId);
    console.error({ event: "api_failed", requestId: c.var.requestId, error: String(error) });
    return problemResponse(refuse("internal_error"), c.var.requestId);
  });
  return api;
}
