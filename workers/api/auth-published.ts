/** …/.well-known/…: what everyone may know: the keys that verify (RFC 7517), and where things are (RFC 8414). */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { keyringStub } from "../../durable-objects/stubs.ts";
import { adminScopes } from "../token/admin-client.ts";
import { authBase } from "./auth-asking.ts";
import type { ApiEnv } from "./call.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

/** Keys and metadata change seldom, and are told to everyone. */
const published = { "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*" } as const;
const keySet = { ...published, "Content-Type": "application/jwk-set+json" } as const;

const keysPath = "/.well-known/jwks.json";
const assertionKeysPath = "/.well-known/assertions.json";
const metadataPath = "/.well-known/oauth-authorization-server";

export function publishedPaths(): Hono<ApiEnv> {
  const paths = new Hono<ApiEnv>();
  paths.get(keysPath, (c) => listKeys(c));
  paths.get(assertionKeysPath, (c) => listAssertionKeys(c));
  paths.get(metadataPath, (c) => describeServer(c));
  return paths;
}

/** Current, next and retiring ones (RFC 7517 section 5). */
async function listKeys(c: Call): Promise<Response> {
  const data = await c.var.isolate.tokens.ownKeys(c.executionCtx, Date.now());
  if (data === null) throw refused("overloaded", undefined, { headers: { "Retry-After": "5" } });
  return Response.json({ keys: data.keys }, { headers: keySet });
}

/** For the services behind the gate: they verify assertions, and nothing else with these. */
async function listAssertionKeys(c: Call): Promise<Response> {
  const { env, mesh } = c.var.isolate;
  const answer = await keyringStub(env, mesh.environment).keys({ v: 1, purpose: "assertion" });
  if (answer.kind === "refused") throw refused("overloaded", undefined, { headers: { "Retry-After": "10" } });
  return Response.json({ keys: answer.keys }, { headers: keySet });
}

/** What is true now, at the address under which it was asked for. */
function describeServer(c: Call): Response {
  const { tokens } = c.var.isolate.mesh;
  const base = new URL(c.req.url).origin + authBase(c);
  const methods = ["client_secret_basic", "client_secret_post", "none"];
  const body = {
    issuer: tokens.issuer,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    jwks_uri: base + keysPath,
    introspection_endpoint: `${base}/introspect`,
    revocation_endpoint: `${base}/revoke`,
    scopes_supported: adminScopes,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: [
      "authorization_code",
      "client_credentials",
      "password",
      ...(tokens.refresh === null ? [] : ["refresh_token"]),
    ],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods.slice(0, 2),
    revocation_endpoint_auth_methods_supported: methods,
    authorization_response_iss_parameter_supported: true,
  };
  return Response.json(body, { headers: published });
}
