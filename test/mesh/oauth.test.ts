/**
 * An OAuth client that is not ours against three regions: oauth4webapi, which refuses answers that are not as the RFCs
 * say. Nothing is excepted but that the mesh is reached by plain http.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { Browser } from "../support/browser.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { freePort } from "../support/free-port.ts";
import { startMesh } from "../support/mesh.ts";

// oxlint-disable-next-line typescript/no-deprecated -- marked so to stand out; a mesh on one machine has no certificate
const overHttp = { [oauth.allowInsecureRequests]: true } as const;
const redirectUri = "https://app.example.com/callback?from=mesh";
const audience = "urn:test:inventory";
const publicClient: oauth.Client = { client_id: "app" };
const asPublic = oauth.None();

let directory: string;
let origin: EchoOrigin;
let mesh: LocalMesh;
let issuer: string;
let server: oauth.AuthorizationServer;
let secret: string;

/** An issuer is a URL, so its port is chosen before the mesh is configured. */
function configurationFor(issuerUrl: string): string {
  return `import { defineMesh } from "selvedge";
export default defineMesh({
  environment: "local",
  viewLeaseMs: 200,
  mount: { auth: "/" },
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin" }],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { issuer: ${JSON.stringify(issuerUrl)}, audience: ${JSON.stringify(audience)}, refresh: {} },
});
`;
}

beforeAll(async () => {
  origin = await EchoOrigin.start();
  directory = mkdtempSync(join(tmpdir(), "selvedge-oauth-"));
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  const configFile = join(directory, "mesh.config.ts");
  writeFileSync(configFile, configurationFor(issuer));
  mesh = await startMesh({ configFile, origins: { "*": origin.url }, ports: [port] });
  await put("/accounts/ada", { password: "shuttle", roles: ["editor"], scopes: ["read", "write"], tenant: "t1" });
  await put("/clients/app", { public: true, redirectUris: [redirectUri], scopes: ["read"] });
  secret = String((await put("/clients/loom", { scopes: ["read", "write"] }))["secret"]);
  const asked = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...overHttp });
  server = await oauth.processDiscoveryResponse(new URL(issuer), asked);
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function put(path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = { authorization: `Bearer ${await mesh.adminToken()}` };
  const answer = await fetch(`${issuer}/_mesh/v1${path}`, { method: "PUT", headers, body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Readonly<Record<string, unknown>>;
}

const loom: oauth.Client = { client_id: "loom" };
const asLoom = () => oauth.ClientSecretBasic(secret);

/** What the gate says to a token, at every edge. */
async function statuses(token: string): Promise<readonly number[]> {
  const headers = { authorization: `Bearer ${token}` };
  return Promise.all(mesh.edges.map(async ({ url }) => (await fetch(`${url}/echo`, { headers })).status));
}

interface Begun {
  readonly url: URL;
  readonly verifier: string;
  readonly state: string;
}

async function begin(more: Readonly<Record<string, string>> = {}): Promise<Begun> {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint ?? "");
  const asked = {
    response_type: "code",
    client_id: "app",
    redirect_uri: redirectUri,
    scope: "read",
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...more,
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  return { url, verifier, state };
}

/** The way of a person: the page, the form, and the address to which the browser is sent. */
async function logIn({ url, state }: Begun, password = "shuttle"): Promise<URLSearchParams> {
  const browser = new Browser();
  const page = await browser.open(url);
  expect(page.status).toBe(200);
  const sent = await browser.submit(page, { username: "ada", password });
  expect(sent.status).toBe(303);
  expect(sent.location).toMatch(/^https:\/\/app\.example\.com\/callback\?from=mesh&/);
  return oauth.validateAuthResponse(server, publicClient, new URL(sent.location ?? ""), state);
}

async function exchange(parameters: URLSearchParams, verifier: string): Promise<oauth.TokenEndpointResponse> {
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    publicClient,
    asPublic,
    parameters,
    redirectUri,
    verifier,
    overHttp,
  );
  return oauth.processAuthorizationCodeResponse(server, publicClient, answer);
}

async function refresh(token: string | undefined): Promise<oauth.TokenEndpointResponse> {
  const answer = await oauth.refreshTokenGrantRequest(server, publicClient, asPublic, token ?? "", overHttp);
  return oauth.processRefreshTokenResponse(server, publicClient, answer);
}

async function introspect(token: string): Promise<oauth.IntrospectionResponse> {
  const answer = await oauth.introspectionRequest(server, loom, asLoom(), token, overHttp);
  return oauth.processIntrospectionResponse(server, loom, answer);
}

/** What the client makes of a refusal: the library throws what RFC 6749 section 5.2 says. */
const oauthError = (status: number, error: string) => expect.objectContaining({ status, error }) as unknown;

describe("discovery (RFC 8414)", () => {
  test("names the issuer, and the endpoints at its own address", () => {
    expect(server).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      introspection_endpoint: `${issuer}/introspect`,
      revocation_endpoint: `${issuer}/revoke`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    });
  });
});

describe("the authorization code with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 9207)", () => {
  test("gives tokens that every edge takes, and a resource server by its own checks (RFC 9068)", async () => {
    const begun = await begin();
    const tokens = await exchange(await logIn(begun), begun.verifier);
    expect(tokens).toMatchObject({ token_type: "bearer", expires_in: 900, scope: "read", username: "ada" });
    expect(await statuses(tokens.access_token)).toEqual([200, 200, 200]);
    const request = new Request(`${issuer}/echo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(server, request, audience, overHttp);
    expect(claims).toMatchObject({ iss: issuer, sub: "ada", client_id: "app", scope: "read", tenant: "t1" });
  });

  test("is good once: a second use ends what came of the first", async () => {
    const begun = await begin();
    const parameters = await logIn(begun);
    const tokens = await exchange(parameters, begun.verifier);
    await expect(exchange(parameters, begun.verifier)).rejects.toEqual(oauthError(400, "invalid_grant"));
    await expect(refresh(tokens.refresh_token)).rejects.toEqual(oauthError(400, "invalid_grant"));
    await expect.poll(() => statuses(tokens.access_token), { timeout: 10_000 }).toEqual([401, 401, 401]);
  });

  test("is nothing without the verifier that it was asked with, and is not used up by that", async () => {
    const begun = await begin();
    const parameters = await logIn(begun);
    const other = oauth.generateRandomCodeVerifier();
    await expect(exchange(parameters, other)).rejects.toEqual(oauthError(400, "invalid_grant"));
    expect(await exchange(parameters, begun.verifier)).toHaveProperty("access_token");
  });

  test("a wrong password shows the page again, and the right one then goes on", async () => {
    const begun = await begin();
    const browser = new Browser();
    const refused = await browser.submit(await browser.open(begun.url), { username: "ada", password: "wrong" });
    expect([refused.status, refused.location]).toEqual([401, null]);
    expect(refused.body).toContain("do not belong together");
    const sent = await browser.submit(refused, { username: "ada", password: "shuttle" });
    const parameters = oauth.validateAuthResponse(server, publicClient, new URL(sent.location ?? ""), begun.state);
    expect(await exchange(parameters, begun.verifier)).toHaveProperty("access_token");
  });

  test("a refusal comes back to the client with its state and issuer", async () => {
    const begun = await begin({ scope: "write" });
    const { location } = await new Browser().open(begun.url);
    const validate = () => oauth.validateAuthResponse(server, publicClient, new URL(location ?? ""), begun.state);
    expect(validate).toThrow(expect.objectContaining({ error: "invalid_scope" }) as Error);
  });

  test("an answer of another issuer is taken by no client that looks", async () => {
    const begun = await begin();
    const browser = new Browser();
    const sent = await browser.submit(await browser.open(begun.url), { username: "ada", password: "shuttle" });
    const url = new URL(sent.location ?? "");
    expect(url.searchParams.get("iss")).toBe(issuer);
    url.searchParams.set("iss", "https://elsewhere.example");
    expect(() => oauth.validateAuthResponse(server, publicClient, url, begun.state)).toThrow(/iss/);
  });
});

describe("refresh (RFC 6749 section 6)", () => {
  test("gives the next pair, each once, and a reuse ends them all", async () => {
    const begun = await begin();
    const first = await exchange(await logIn(begun), begun.verifier);
    const second = await refresh(first.refresh_token);
    const third = await refresh(second.refresh_token);
    expect(new Set([first, second, third].map(({ refresh_token: token }) => token)).size).toBe(3);
    expect(await statuses(third.access_token)).toEqual([200, 200, 200]);
    await expect(refresh(first.refresh_token)).rejects.toEqual(oauthError(400, "invalid_grant"));
    await expect(refresh(third.refresh_token)).rejects.toEqual(oauthError(400, "invalid_grant"));
    await expect.poll(() => statuses(third.access_token), { timeout: 10_000 }).toEqual([401, 401, 401]);
  });

  test("of another client, or made up, is invalid_grant", async () => {
    const begun = await begin();
    const { refresh_token: token = "" } = await exchange(await logIn(begun), begun.verifier);
    const stolen = await oauth.refreshTokenGrantRequest(server, loom, asLoom(), token, overHttp);
    await expect(oauth.processRefreshTokenResponse(server, loom, stolen)).rejects.toEqual(
      oauthError(400, "invalid_grant"),
    );
    await expect(refresh(`${token.slice(0, -1)}${token.endsWith("A") ? "E" : "A"}`)).rejects.toEqual(
      oauthError(400, "invalid_grant"),
    );
    expect(await refresh(token)).toHaveProperty("access_token");
  });
});

async function passwordGrant(form: Readonly<Record<string, string>>, client = publicClient, auth = asPublic) {
  const answer = await oauth.genericTokenEndpointRequest(server, client, auth, "password", form, overHttp);
  return oauth.processGenericTokenEndpointResponse(server, client, answer);
}

describe("introspection (RFC 7662) and revocation (RFC 7009)", () => {
  test("an access token and a refresh token are active until they are revoked, and for nobody else to revoke", async () => {
    const { access_token: access, refresh_token: next = "" } = await passwordGrant({
      username: "ada",
      password: "shuttle",
    });
    expect(await introspect(access)).toMatchObject({ active: true, sub: "ada", client_id: "app", iss: issuer });
    expect(await introspect(next)).toMatchObject({ active: true, sub: "ada", client_id: "app" });
    const foreign = await oauth.revocationRequest(server, loom, asLoom(), access, overHttp);
    await expect(oauth.processRevocationResponse(foreign)).rejects.toEqual(oauthError(400, "unauthorized_client"));
    expect(await introspect(access)).toMatchObject({ active: true });

    const url = new URL(`${server.revocation_endpoint}?ack=everywhere`);
    const everywhere = { ...server, revocation_endpoint: url.href };
    const revoked = await oauth.revocationRequest(everywhere, publicClient, asPublic, access, overHttp);
    expect(await oauth.processRevocationResponse(revoked)).toBeUndefined();
    expect(await introspect(access)).toEqual({ active: false });
    expect(await introspect(next)).toEqual({ active: false });
    expect(await statuses(access)).toEqual([401, 401, 401]);
    await expect(refresh(next)).rejects.toEqual(oauthError(400, "invalid_grant"));
  });

  test("a revoked refresh token takes its access tokens along", async () => {
    const { access_token: access, refresh_token: next = "" } = await passwordGrant({
      username: "ada",
      password: "shuttle",
    });
    const revoked = await oauth.revocationRequest(server, publicClient, asPublic, next, overHttp);
    expect(await oauth.processRevocationResponse(revoked)).toBeUndefined();
    await expect.poll(() => statuses(access), { timeout: 10_000 }).toEqual([401, 401, 401]);
  });

  test("what is no token is inactive, and revoked without a word", async () => {
    expect(await introspect("x")).toEqual({ active: false });
    const revoked = await oauth.revocationRequest(server, publicClient, asPublic, "x", overHttp);
    expect(await oauth.processRevocationResponse(revoked)).toBeUndefined();
  });

  test("a public client learns nothing about tokens", async () => {
    const answer = await oauth.introspectionRequest(server, publicClient, asPublic, "x", overHttp);
    await expect(oauth.processIntrospectionResponse(server, publicClient, answer)).rejects.toMatchObject({
      status: 401,
      code: oauth.WWW_AUTHENTICATE_CHALLENGE,
    });
  });
});

describe("client credentials (RFC 6749 section 4.4)", () => {
  const ask = async (auth: oauth.ClientAuth, form: Readonly<Record<string, string>> = {}) =>
    oauth.processClientCredentialsResponse(
      server,
      loom,
      await oauth.clientCredentialsGrantRequest(server, loom, auth, form, overHttp),
    );

  test.each([
    ["Basic credentials", () => oauth.ClientSecretBasic(secret)],
    ["the form", () => oauth.ClientSecretPost(secret)],
  ])("by %s give a token for the client itself, and no refresh token", async (_how, auth) => {
    const tokens = await ask(auth(), { scope: "read" });
    expect(tokens).toMatchObject({ scope: "read", token_type: "bearer" });
    expect(tokens).not.toHaveProperty("refresh_token");
    expect(await statuses(tokens.access_token)).toEqual([200, 200, 200]);
  });

  test("of a wrong secret are 401 with a challenge", async () => {
    await expect(ask(oauth.ClientSecretBasic("wrong"))).rejects.toMatchObject({
      status: 401,
      code: oauth.WWW_AUTHENTICATE_CHALLENGE,
      cause: [{ scheme: "basic", parameters: { realm: "mesh" } }],
    });
  });

  test("with a scope that the client has not are invalid_scope", async () => {
    await expect(ask(asLoom(), { scope: "mesh:admin" })).rejects.toEqual(oauthError(400, "invalid_scope"));
  });
});

describe("the password grant (RFC 6749 section 4.3)", () => {
  test("gives what account and client both may", async () => {
    const tokens = await passwordGrant({ username: "ada", password: "shuttle" });
    expect(tokens).toMatchObject({ scope: "read", username: "ada", roles: ["editor"] });
  });

  test("of a wrong password is 401 with a challenge, as for a name that nobody has", async () => {
    for (const username of ["ada", "nobody"]) {
      await expect(passwordGrant({ username, password: "wrong" })).rejects.toMatchObject({
        status: 401,
        code: oauth.WWW_AUTHENTICATE_CHALLENGE,
      });
    }
  });

  test("an unknown grant is unsupported_grant_type", async () => {
    const asked = oauth.genericTokenEndpointRequest(server, publicClient, asPublic, "urn:x:y", {}, overHttp);
    await expect(oauth.processGenericTokenEndpointResponse(server, publicClient, await asked)).rejects.toEqual(
      oauthError(400, "unsupported_grant_type"),
    );
  });
});
