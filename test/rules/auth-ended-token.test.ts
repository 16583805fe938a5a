/** What an ended token buys: nothing, also at an edge whose view has not heard of its end. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { compile } from "../../workers/config/compile.ts";
import type { Isolate } from "../../workers/isolate.ts";
import { createReserved } from "../../workers/reserved.ts";
import { withTop } from "../support/configurations.ts";

const site = "https://mesh.example";
const redirectUrl = "https://app.example.com/landing";
const mesh = compile(withTop({ tokens: { redirectUrl } }));
const { issuer } = mesh.tokens;
const redirectUri = "https://app.example.com/callback";
const iat = 1_795_000_000;
const names: TokenNames = {
  issuer,
  subject: "ada",
  client: "mesh",
  kid: "k-1",
  jti: "j-1",
  family: "f-1",
  issuedFrom: (iat - 1) * 1_000,
};
const identity = {
  issuer,
  subject: "ada",
  client: "mesh",
  tenant: null,
  roles: [],
  scopes: ["read"],
  claims: { aud: mesh.tokens.audience, jti: "j-1", sid: "f-1", iat },
  expiresAt: iat + 900,
};
const facts = { roles: [], tenant: null, claims: {}, scopes: ["read"], resources: [], proofChangedAt: 0 };
const app = { ...facts, kind: "client", name: "app", scopes: [], redirectUris: [redirectUri], isPublic: true };
const ada = { ...facts, kind: "account", name: "ada", redirectUris: [], isPublic: false };

/** The view says that the token is good; `says` is a Region's word. */
function isolateWhereRegion(says: boolean | "unknown") {
  const asked: TokenNames[] = [];
  const kept: unknown[] = [];
  const signed: unknown[] = [];
  const stub = (object: object) => ({ idFromName: () => "an id", getByName: () => object, get: () => object });
  const accounts = {
    facts: async ({ kind }: { readonly kind: string }) => ({ kind: "found", facts: kind === "client" ? app : ada }),
  };
  const grants = {
    keepCode: async ({ code }: { readonly code: unknown }) => {
      kept.push(code);
      return { kind: "kept" };
    },
  };
  const signer = {
    sign: async () => {
      signed.push("token");
      return { v: 1, kind: "signed", token: "a.new.token", expiresAt: Date.now() + 900_000, jti: "j-2" };
    },
  };
  const isolate = {
    mesh,
    local: null,
    env: {
      MESH_KEY_SECRET: "a secret of at least thirty-two characters",
      ACCOUNTS: stub(accounts),
      GRANTS: stub(grants),
    },
    signer,
    tokens: {
      verify: async () => ({ kind: "accepted", identity }),
      nameOf: async () => ({ kind: "named", names, expiresAt: (iat + 900) * 1_000 }),
    },
    revocations: {
      isRevoked: async (named: TokenNames) => {
        asked.push(named);
        return says;
      },
      ownRevokedUntil: async () => null,
    },
  } as unknown as Isolate;
  return { isolate, asked, kept, signed };
}

async function ask(isolate: Isolate, path: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  const request = new Request(`${site}/_mesh/v1/auth${path}`, { headers });
  const context = { waitUntil: () => undefined } as unknown as ExecutionContext;
  return createReserved().fetch(request, isolate, "a-request", context);
}

const bearer = { authorization: "Bearer a.good.token" };
const cookie = { cookie: "__Host-mesh=a.good.token" };
const query = new URLSearchParams({
  response_type: "code",
  client_id: "app",
  redirect_uri: redirectUri,
  code_challenge: createHash("sha256").update("v".repeat(43)).digest("base64url"),
  code_challenge_method: "S256",
}).toString();

describe("T3 at /authorize a token", () => {
  test("gives a code that counts from when the token was issued, by a Region's word on all its names", async () => {
    const { isolate, asked, kept } = isolateWhereRegion(false);
    const answer = await ask(isolate, `/authorize?${query}`, bearer);
    expect(new URL(answer.headers.get("location") ?? "about:blank").searchParams.has("code")).toBe(true);
    expect(asked).toEqual([names]);
    expect(kept).toMatchObject([{ subject: "ada", client: "app", startedAt: iat * 1_000 + 999 }]);
  });

  test.each([
    ["that was ended gives the login page and no code", true, 200, bearer],
    ["in a cookie that was ended gives the login page and no code", true, 200, cookie],
    ["of which no Region can say it gives no code", "unknown", 503, bearer],
  ] as const)("%s", async (_what, says, status, headers) => {
    const { isolate, kept } = isolateWhereRegion(says);
    const answer = await ask(isolate, `/authorize?${query}`, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("location")).toBeNull();
    expect(kept).toEqual([]);
  });
});

describe("T3 a renewal", () => {
  test("is given by a Region's word on all names of the token", async () => {
    const { isolate, asked } = isolateWhereRegion(false);
    expect((await ask(isolate, "/token?renew", bearer)).status).toBe(200);
    expect(asked).toEqual([names]);
  });

  test.each([
    ["that was ended", true, 401, "token_revoked"],
    ["of which no Region can say it", "unknown", 503, "not_current"],
  ] as const)("of a token %s is none", async (_what, says, status, code) => {
    const { isolate, signed } = isolateWhereRegion(says);
    const answer = await ask(isolate, "/token?renew", bearer);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
    expect(signed).toEqual([]);
  });
});

describe("the redirect with a token", () => {
  test("is for a token that its caller has", async () => {
    const { isolate } = isolateWhereRegion(false);
    const answer = await ask(isolate, "/token/redirect", bearer);
    expect(answer.status).toBe(307);
    expect(answer.headers.get("location")).toContain("#access_token=a.good.token");
  });

  test.each(["", "?renew"])("shows none from a cookie, which scripts cannot read%s", async (more) => {
    const { isolate, signed } = isolateWhereRegion(false);
    const answer = await ask(isolate, `/token/redirect${more}`, cookie);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
    expect(signed).toEqual([]);
  });
});
