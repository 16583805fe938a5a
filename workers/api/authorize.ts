/** Who may call the mesh API: Bearer tokens that the mesh itself issued, with the scope of the call or `mesh:admin`. */
import { createMiddleware } from "hono/factory";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

export type MeshScope = "mesh:read" | "mesh:limits" | "mesh:locks" | "mesh:events" | "mesh:admin";

export function requireScope(scope: MeshScope) {
  return createMiddleware<ApiEnv>(async function requireScopeOfCall(c, next) {
    const header = c.req.header("authorization");
    if (header === undefined) throw refused("token_missing");
    const token = /^bearer ([^\s,]+)$/i.exec(header)?.[1];
    if (token === undefined) throw refused("malformed_token");
    const { isolate } = c.var;
    const verdict = await isolate.tokens.verify(token, c.executionCtx, Date.now());
    if (verdict.kind === "refused") throw refused(verdict.code);
    const { identity } = verdict;
    if (identity.issuer !== isolate.mesh.tokens.issuer) throw refused("token_invalid");
    if (!identity.scopes.includes(scope) && !identity.scopes.includes("mesh:admin")) {
      throw refused("forbidden", `expected the scope ${scope}`);
    }
    c.set("identity", identity);
    await next();
  });
}
