/** What introspection and revocation say of refresh tokens, and where none may be used up. */
import { describe, expect, test } from "vitest";
import type { Peeked } from "../../durable-objects/grants/contract.ts";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { writeRefresh } from "../../workers/auth/grant-text.ts";
import { MeshKey } from "../../workers/auth/mesh-key.ts";
import { compile } from "../../workers/config/compile.ts";
import type { Isolate } from "../../workers/isolate.ts";
import { createReserved } from "../../workers/reserved.ts";
import { withTop } from "../support/configurations.ts";

const site = "https://mesh.example";
const env = { MESH_KEY_SECRET: "a secret of at least thirty-two characters" };
const family = "f".repeat(22);
const hourMs = 3_600_000;
const ended: NewEvent = { id: `family-${family}`, type: "revocation", data: { family } };

/** A family that began an hour ago, under a lifetime of a day. */
function begun(client: string | null = null, generation = 1): Peeked {
  const startedAt = Date.now() - hourMs;
  const grant = { family, subject: "ada", client, scopes: ["read"], startedAt, endsAt: startedAt + 24 * hourMs };
  return { kind: "live", grant, generation };
}

interface Holds {
  /** How long after its beginning the password was changed, ms. */
  readonly changedAfterMs: number;
  readonly revokedUntil: number | null | "unknown";
  /** null: there is no such client. */
  readonly clientScopes: readonly string[] | null;
}

const nothing: Holds = { changedAfterMs: -1, revokedUntil: null, clientScopes: [] };

function isolateWith(refresh: { readonly ttlSeconds: number } | undefined, seen: Peeked, holds = nothing) {
  const mesh = compile(withTop({ tokens: refresh === undefined ? {} : { refresh } }));
  const { issuer } = mesh.tokens;
  const published: string[] = [];
  const calls: string[] = [];
  const grants = {
    peek: async () => {
      calls.push("peek");
      return seen;
    },
  };
  const accounts = {
    facts: async ({ kind, name }: { readonly kind: string; readonly name: string }) => {
      const { clientScopes: scopes } = holds;
      const client = { name, scopes, resources: [], redirectUris: [], isPublic: true, proofChangedAt: 0 };
      if (kind === "client")
        return scopes === null ? { v: 1, kind: "missing" } : { v: 1, kind: "found", facts: client };
      const proofChangedAt = (seen.kind === "live" ? seen.grant.startedAt : 0) + holds.changedAfterMs;
      return { v: 1, kind: "found", facts: { name: "ada", roles: [], scopes: ["read"], claims: {}, proofChangedAt } };
    },
  };
  const operator = { issuer, subject: "root", client: null, scopes: ["mesh:tokens"], claims: {}, tenant: null };
  const isolate = {
    mesh,
    local: null,
    env: { ...env, GRANTS: { getByName: () => grants }, ACCOUNTS: { getByName: () => accounts } },
    revocations: { ownRevokedUntil: async () => holds.revokedUntil },
    signing: { problem: async () => null },
    tokens: {
      verify: async (token: string) =>
        token === "an.operator.token"
          ? { kind: "accepted", identity: operator }
          : { kind: "refused", code: "token_invalid" },
    },
    publisher: {
      publish: async (_context: unknown, { id }: NewEvent) => {
        published.push(id);
        return { kind: "published", id, seq: 1, acknowledged: true, receipts: [] };
      },
    },
  } as unknown as Isolate;
  return { isolate, published, calls };
}

async function post(isolate: Isolate, path: string, form: Readonly<Record<string, string>>, authorization?: string) {
  const body = new URLSearchParams(form);
  const headers = authorization === undefined ? {} : { authorization };
  const request = new Request(`${site}/_mesh/v1/auth${path}`, { method: "POST", headers, body });
  const context = { waitUntil: () => undefined } as unknown as ExecutionContext;
  return createReserved().fetch(request, isolate, "a-request", context);
}

const text = () => writeRefresh({ family, generation: 1 }, new MeshKey(env, "grants"));
const bearer = "Bearer an.operator.token";

describe("introspection of a refresh token", () => {
  test.each<readonly [string, { readonly ttlSeconds: number } | undefined, boolean]>([
    ["says that it is active", { ttlSeconds: 86_400 }, true],
    ["that is older than the lifetime of now says that it is not", { ttlSeconds: 3_600 }, false],
    ["where the configuration has none says that it is not", undefined, false],
  ])("%s", async (_what, refresh, active) => {
    const { isolate } = isolateWith(refresh, begun());
    const answer = await post(isolate, "/introspect", { token: await text() }, bearer);
    expect(await answer.json()).toMatchObject({ active });
  });

  test.each<readonly [string, Holds]>([
    ["whose subject was revoked", { ...nothing, revokedUntil: Infinity }],
    ["whose account has another password", { ...nothing, changedAfterMs: 1 }],
    ["whose client is no more", { ...nothing, clientScopes: null }],
  ])("%s says that it is not", async (_what, holds) => {
    const { isolate } = isolateWith({ ttlSeconds: 86_400 }, begun("app"), holds);
    const answer = await post(isolate, "/introspect", { token: await text() }, bearer);
    expect(await answer.json()).toEqual({ active: false });
  });

  test.each([
    [[], "read"],
    [["read", "write"], "read"],
    [["write"], ""],
  ])("says the scopes that are left where its client has %j", async (clientScopes, scope) => {
    const { isolate } = isolateWith({ ttlSeconds: 86_400 }, begun("app"), { ...nothing, clientScopes });
    const answer = await post(isolate, "/introspect", { token: await text() }, bearer);
    expect(await answer.json()).toMatchObject({ active: true, scope });
  });

  test("says of the one before it that it is not", async () => {
    const { isolate } = isolateWith({ ttlSeconds: 86_400 }, begun(null, 2));
    const answer = await post(isolate, "/introspect", { token: await text() }, bearer);
    expect(await answer.json()).toEqual({ active: false });
  });

  test("says nothing while the Regions are silent", async () => {
    const { isolate } = isolateWith({ ttlSeconds: 86_400 }, begun(), { ...nothing, revokedUntil: "unknown" });
    const answer = await post(isolate, "/introspect", { token: await text() }, bearer);
    expect(answer.status).toBe(503);
  });

  test("says when it ends by the lifetime of now", async () => {
    const { isolate } = isolateWith({ ttlSeconds: 7_200 }, begun());
    const answer = await post(isolate, "/introspect", { token: await text() }, bearer);
    const { iat, exp } = (await answer.json()) as { readonly iat: number; readonly exp: number };
    expect(exp - iat).toBe(7_200);
  });
});

describe("the revocation of a refresh token", () => {
  test("that ended before tells of its end again: whoever got no answer waits for the regions once more", async () => {
    const { isolate, published } = isolateWith({ ttlSeconds: 86_400 }, { kind: "ended", events: [ended] });
    expect((await post(isolate, "/revoke", { token: await text() }, bearer)).status).toBe(200);
    expect(published).toEqual([ended.id]);
  });

  test.each<readonly [string, Peeked]>([
    ["that nobody knows", { kind: "ended", events: [] }],
    ["of which older code answers", { kind: "ended" }],
  ])("%s tells of nothing", async (_what, seen) => {
    const { isolate, published } = isolateWith({ ttlSeconds: 86_400 }, seen);
    expect((await post(isolate, "/revoke", { token: await text() }, bearer)).status).toBe(200);
    expect(published).toEqual([]);
  });
});

test("T7 no refresh token is used for a cookie, which has no room for its successor", async () => {
  const { isolate, calls } = isolateWith({ ttlSeconds: 86_400 }, begun());
  const answer = await post(isolate, "/token/cookie", { grant_type: "refresh_token", refresh_token: await text() });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: "malformed_request" });
  expect(calls).toEqual([]);
});
