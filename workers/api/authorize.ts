/** Who may call the mesh API: Bearer tokens that the mesh itself issued, with a scope of the call or `mesh:admin`. */
import { createMiddleware } from "hono/factory";
import { readCredential } from "../token/credential.ts";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

export type MeshScope = "mesh:read" | "mesh:tokens" | "mesh:limits" | "mesh:locks" | "mesh:events" | "mesh:admin";

/** Any one of the scopes is enough. */
export function requireScope(...scopes: readonly MeshScope[]) {
  return createMiddleware<ApiEnv>(async function requireScopeOfCall(c, next) {
    const credential = readCredential(c.req.header("authorization") ?? null);
    if (credential.kind === "doubled") {
      throw refused("malformed_token", "Authorization: expected one credential: received more than one");
    }
    if (credential.kind !== "bearer") throw refused("token_missing");
    const { isolate } = c.var;
    const verdict = await isolate.tokens.verify(credential.token, c.executionCtx, Date.now());
    if (verdict.kind === "refused") {
      throw refused(verdict.code, undefined, verdict.code === "not_current" ? { headers: { "Retry-After": "1" } } : {});
    }
    const { identity } = verdict;
    // Outside issuers say who may use the service, never who may run the mesh.
    if (identity.issuer !== isolate.mesh.tokens.issuer) throw refused("token_invalid");
    if (!identity.scopes.includes("mesh:admin") && !scopes.some((scope) => identity.scopes.includes(scope))) {
      throw refused("forbidden", `expected the scope ${scopes.join(" or ")}`);
    }
    c.set("identity", identity);
    await next();
  });
}
