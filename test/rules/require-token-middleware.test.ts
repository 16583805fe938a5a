import { Hono } from "hono";
import { expect, test } from "vitest";
import { requireToken, type RequireTokenOptions } from "../../library/hono.ts";
import type { CallOptions, Identity, Verdict } from "../../library/tokens.ts";

const ada: Identity = {
  issuer: "https://id.example.com",
  subject: "ada",
  client: "console",
  tenant: null,
  roles: ["editor"],
  scopes: ["read"],
  claims: {},
  expiresAt: 0,
};

/** Answers always the same, and keeps what it was asked. */
class Scripted {
  readonly asked: { readonly token: string; readonly request: unknown }[] = [];
  readonly #verdict: Verdict;

  constructor(verdict: Verdict = { kind: "accepted", identity: ada }) {
    this.#verdict = verdict;
  }

  async verify(token: string, options?: CallOptions): Promise<Verdict> {
    this.asked.push({ token, request: options?.request });
    return this.#verdict;
  }
}

const good = { headers: { authorization: "Bearer t.o.k" } };

function appWith(tokens: Scripted, options: RequireTokenOptions<object> = {}) {
  return new Hono().use(requireToken(tokens, options)).get("/", (c) => c.text(c.var.identity.subject));
}

test("the handler has the identity, and the verifier the request's place", async () => {
  const tokens = new Scripted();
  const request = new Request("http://x/", good);
  const response = await appWith(tokens).request(request);
  expect(await response.text()).toBe("ada");
  expect(tokens.asked).toEqual([{ token: "t.o.k", request }]);
});

test("a request without a Bearer token asks no verifier, and is challenged without an error", async () => {
  for (const authorization of [undefined, "Basic YTpi", "Digest x"]) {
    const tokens = new Scripted();
    const response = await appWith(tokens).request(
      "/",
      authorization === undefined ? {} : { headers: { authorization } },
    );
    expect(response.status).toBe(401);
    expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="api"');
    expect(await response.json()).toEqual({
      type: "about:blank",
      title: "A token is required",
      status: 401,
      code: "token_missing",
    });
    expect(tokens.asked).toEqual([]);
  }
});

test("two credentials are malformed", async () => {
  const tokens = new Scripted();
  const response = await appWith(tokens).request("/", { headers: { authorization: "Bearer a, Bearer b" } });
  expect(response.status).toBe(400);
  expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="api", error="invalid_request"');
  expect(tokens.asked).toEqual([]);
});

test("a refused token is challenged, and which check it failed is not told", async () => {
  for (const code of ["token_invalid", "token_revoked"] as const) {
    const tokens = new Scripted({ kind: "refused", code, reason: "signature_wrong" });
    const response = await appWith(tokens, { realm: "inventory" }).request("/", good);
    expect(response.status).toBe(401);
    expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="inventory", error="invalid_token"');
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await response.text()).not.toContain("signature");
  }
});

test("a verdict that could not be had is 503 with a time to come back, and no challenge", async () => {
  const response = await appWith(new Scripted({ kind: "refused", code: "not_current" })).request("/", good);
  expect(response.status).toBe(503);
  expect(response.headers.get("Retry-After")).toBe("1");
  expect(response.headers.has("WWW-Authenticate")).toBe(false);
});

test("who lacks one of the scopes is 403, and told which are needed", async () => {
  expect((await appWith(new Scripted(), { scopes: ["read"] }).request("/", good)).status).toBe(200);
  const response = await appWith(new Scripted(), { scopes: ["read", "write"] }).request("/", good);
  expect(response.status).toBe(403);
  expect(response.headers.get("WWW-Authenticate")).toBe(
    'Bearer realm="api", error="insufficient_scope", scope="read write"',
  );
});

test("who is known and not allowed is 403 without a challenge: another token would not help", async () => {
  const allow = async ({ roles }: Identity) => Promise.resolve(roles.includes("owner"));
  const response = await appWith(new Scripted(), { allow }).request("/", good);
  expect(response.status).toBe(403);
  expect(response.headers.has("WWW-Authenticate")).toBe(false);
});

test("an answer of one's own gets the challenge", async () => {
  const tokens = new Scripted({ kind: "refused", code: "token_invalid" });
  const app = appWith(tokens, { onRefused: (_c, { code }) => Response.redirect(`http://x/login?${code}`) });
  const response = await app.request("/", good);
  expect(response.status).toBe(302);
  expect(response.headers.get("Location")).toBe("http://x/login?token_invalid");
  expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="api", error="invalid_token"');
});

test("an answer of one's own is told which check failed, and the usual one tells nobody", async () => {
  const seen: unknown[] = [];
  const tokens = new Scripted({ kind: "refused", code: "token_invalid", reason: "audience_wrong" });
  const onRefused = (_c: unknown, refusal: unknown) => {
    seen.push(refusal);
    return new Response("no", { status: 401 });
  };
  await appWith(tokens, { onRefused }).request("/", good);
  expect(seen).toMatchObject([{ code: "token_invalid", reason: "audience_wrong" }]);
  const usual = await appWith(tokens).request("/", good);
  expect([await usual.text(), ...usual.headers].flat().join()).not.toContain("audience");
});

test("a realm or a scope that would end the challenge's quotes is thrown back", () => {
  for (const options of [
    { realm: 'a"b' },
    { realm: "a\\b" },
    { realm: "a\nb" },
    { scopes: ["a b"] },
    { scopes: [""] },
  ]) {
    expect(() => requireToken(new Scripted(), options)).toThrow(TypeError);
  }
});
