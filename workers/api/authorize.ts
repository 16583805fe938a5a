/**
 * Who may call the mesh API: Bearer tokens that the mesh itself issued, with a scope of the call or `mesh:admin`. One that
 * is bound to resources calls nothing that is not about these. What outlives a token is made only by one that a Region
 * holds for good now.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { readCredential } from "../token/credential.ts";
import { boundOf, isBoundElsewhere } from "../token/resources.ts";
import type { Identity, Verdict } from "../token/identity.ts";
import { readText } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

export type MeshScope = "mesh:read" | "mesh:tokens" | "mesh:limits" | "mesh:locks" | "mesh:events" | "mesh:admin";

/** What a path names, by the resource of the mesh API. */
const kinds: ReadonlyMap<string, "lock" | "limit"> = new Map([
  ["locks", "lock"],
  ["limits", "limit"],
]);

/** Their changes stay when the token that made them has ended: credentials, and what else decides who is let in. */
const lasting: ReadonlySet<string | undefined> = new Set([
  "accounts",
  "clients",
  "keys",
  "revocations",
  "signing-keys",
]);

/** Any one of the scopes is enough. */
export function requireScope(...scopes: readonly MeshScope[]) {
  return requireScopeWhere(expectBound, scopes);
}

/** The same for a call whose body names what it is about: it says so by `expectBoundTo`. */
export function requireScopeOfEach(...scopes: readonly MeshScope[]) {
  return requireScopeWhere(() => undefined, scopes);
}

export function expectBoundTo(c: Context<ApiEnv>, kind: "lock" | "limit", name: string): void {
  const { identity, isolate } = c.var;
  if (!isBoundElsewhere(identity, isolate.mesh.tokens.issuer, kind, { name })) return;
  throw refused("forbidden", `expected a client that may act on ${kind}:${name}`);
}

function expectBound(c: Context<ApiEnv>): void {
  const { identity, isolate } = c.var;
  if (boundOf(identity, isolate.mesh.tokens.issuer) === null) return;
  const kind = kinds.get(c.req.path.split("/")[3] ?? "");
  const name = c.req.param("name");
  if (kind === undefined || name === undefined) throw refused("forbidden", "expected a client without resources");
  expectBoundTo(c, kind, name);
}

function requireScopeWhere(check: (c: Context<ApiEnv>) => void, scopes: readonly MeshScope[]) {
  return createMiddleware<ApiEnv>(async function requireScopeOfCall(c, next) {
    const credential = readCredential(c.req.header("authorization") ?? null);
    if (credential.kind === "doubled") {
      throw refused("malformed_token", "Authorization: expected one credential: received more than one");
    }
    if (credential.kind !== "bearer") throw refused("token_missing");
    const { isolate } = c.var;
    const verify = async () => accepted(await isolate.tokens.verify(credential.token, c.executionCtx, Date.now()));
    const identity = await verify();
    // Outside issuers say who may use the service, never who may run the mesh.
    if (identity.issuer !== isolate.mesh.tokens.issuer) throw refused("token_invalid");
    if (!identity.scopes.includes("mesh:admin") && !scopes.some((scope) => identity.scopes.includes(scope))) {
      throw refused("forbidden", `expected the scope ${scopes.join(" or ")}`);
    }
    c.set("identity", identity);
    check(c);
    if (c.req.method !== "GET" && lasting.has(c.req.path.split("/")[3])) {
      await readWhole(c);
      // By its view an edge would take a token for a lease longer than the call that ended it took.
      if (!(await isolate.view.renewed())) throw notCurrent();
      await verify();
    }
    await next();
  });
}

/** A body that is slow in coming must not lie between what is known of the token and what is done with it. */
async function readWhole(c: Context<ApiEnv>): Promise<void> {
  const { url, method, headers } = c.req.raw;
  const text = await readText(c.req.raw);
  c.req.raw = new Request(url, { method, headers, body: text === "" ? null : text });
}

function accepted(verdict: Verdict): Identity {
  if (verdict.kind === "accepted") return verdict.identity;
  throw verdict.code === "not_current" ? notCurrent() : refused(verdict.code);
}

function notCurrent(): Error {
  return refused("not_current", undefined, { headers: { "Retry-After": "1" } });
}
