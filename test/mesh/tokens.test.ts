/** Tokens over sockets: those of a real OpenID provider, and the mesh's own; what is refused, and how. */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { type Echo, EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";
import { audience, OidcIssuer, otherAudience } from "../support/oidc-issuer.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";
import { encode } from "../support/token-mint.ts";

let issuer: OidcIssuer;
let origin: EchoOrigin;
let mesh: LocalMesh;
let urls: readonly string[];
let directory: string;
let token: string;

/** The issuer's port is not known before it runs, so the configuration is written then. */
function configurationFor(issuerUrl: string): string {
  return `import { defineMesh } from "selvedge";
export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [
    { match: "/open/*", service: "origin", identity: "none" },
    { match: "/optional/*", service: "origin", identity: "optional" },
    { match: "/write/*", service: "origin", identity: "required", allow: { scopes: ["write"] } },
    { match: "/*", service: "origin", identity: { need: "required", forward: "token" } },
  ],
  issuers: [{ issuer: ${JSON.stringify(issuerUrl)}, audience: ${JSON.stringify(audience)}, algorithms: ["ES256", "RS256"] }],
});
`;
}

beforeAll(async () => {
  issuer = await OidcIssuer.start();
  origin = await EchoOrigin.start();
  directory = mkdtempSync(join(tmpdir(), "selvedge-tokens-"));
  const configFile = join(directory, "mesh.config.ts");
  writeFileSync(configFile, configurationFor(issuer.issuer));
  mesh = await startMesh({ configFile, origins: { "*": origin.url } });
  urls = mesh.edges.map(({ url }) => url);
  token = await issuer.token();
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

describe("a token of an OpenID provider", () => {
  test("T1 is accepted on every port, and the whole mesh fetched the keys once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => fetch(`${urls[index % urls.length]}/echo`, { headers: bearer(token) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(issuer.keyFetches).toBe(1);
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])(
    "lets a %s pass with its body unchanged, on every port",
    async (method) => {
      const body = randomBytes(100_000);
      for (const url of urls) {
        const init: RequestInit = { method, headers: bearer(token), body };
        const response = await fetch(`${url}/echo`, init);
        expect(response.status).toBe(200);
        const echo = (await response.json()) as Echo;
        expect(echo).toMatchObject({ method, bytes: body.length });
        expect(echo.digest).toBe(createHash("sha256").update(body).digest("hex"));
      }
    },
  );

  test("names its subject and issuer to the origin", async () => {
    const echo = (await (await fetch(`${urls[0]}/echo`, { headers: bearer(token) })).json()) as Echo;
    const fields = new Map(echo.fields);
    expect(fields.get("mesh-subject")).toContain("service");
    expect(fields.get("mesh-issuer")).toContain(issuer.issuer);
  });

  test("without the scope of the route is 403, which is not 401", async () => {
    const response = await fetch(`${urls[0]}/write/echo`, { headers: bearer(token) });
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope", scope="write"');
  });
});

const partsOf = (text: string) => text.split(".");
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The claims of the good token under another header, signed as told. */
function reheaded(header: Readonly<Record<string, unknown>>, sign: (input: string) => string): string {
  const input = `${encode(JSON.stringify({ typ: "at+jwt", ...header }))}.${partsOf(token)[1]}`;
  return `${input}.${sign(input)}`;
}

const now = () => Math.floor(Date.now() / 1_000);
const refusals: readonly (readonly [title: string, make: () => string | Promise<string>])[] = [
  ["another audience, by the provider itself", () => issuer.token(otherAudience)],
  ["expired, and right in everything else", () => issuer.sign({ iat: now() - 600, exp: now() - 300 })],
  ["alg none without a signature", () => reheaded({ alg: "none", kid: "issuer-1" }, () => "")],
  ["alg none with a signature", () => reheaded({ alg: "none", kid: "issuer-1" }, () => partsOf(token)[2] ?? "")],
  [
    "HS256 with the RSA public key",
    () =>
      reheaded({ alg: "HS256", kid: "issuer-rsa" }, (input) =>
        createHmac("sha256", issuer.rsaPem).update(input).digest("base64url"),
      ),
  ],
  ["padding", () => `${token}=`],
  ["a space inside", () => `${token.slice(0, 40)} ${token.slice(40)}`],
  [
    "a last character that is not canonical",
    () => token.slice(0, -1) + (alphabet[alphabet.indexOf(token.at(-1) ?? "") + 1] ?? ""),
  ],
  ["an unknown key id", () => reheaded({ alg: "ES256", kid: "random" }, () => partsOf(token)[2] ?? "")],
  ["another issuer", () => issuer.sign({ iss: "https://evil.example" })],
  ["no token at all", () => "x"],
];

/** All that a client could tell two refusals apart by: the request id alone may differ. */
async function refusalOf(url: string, value: string) {
  const response = await fetch(`${url}/echo`, { headers: bearer(value) });
  const text = await response.text();
  const id = response.headers.get("mesh-request-id") ?? "";
  const { "mesh-request-id": _id, date: _date, ...head } = Object.fromEntries(response.headers);
  return { status: response.status, head, body: text.replaceAll(id, "ID") };
}

describe("T1 a token that is refused", () => {
  test("is made of one that is accepted", async () => {
    expect((await fetch(`${urls[0]}/echo`, { headers: bearer(await issuer.sign({})) })).status).toBe(200);
  });

  test("gets 401 and the same answer, whatever is wrong with it, and reaches no origin", async () => {
    for (const url of urls) {
      const expected = await refusalOf(url, "x");
      expect(expected).toMatchObject({
        status: 401,
        head: { "www-authenticate": 'Bearer realm="mesh", error="invalid_token"' },
      });
      expect(JSON.parse(expected.body)).toMatchObject({ code: "token_invalid", instance: "ID" });
      const before = origin.calls.get("/echo") ?? 0;
      expect(before).toBeGreaterThan(0);
      for (const [title, make] of refusals)
        expect([title, await refusalOf(url, await make())]).toEqual([title, expected]);
      expect(origin.calls.get("/echo")).toBe(before);
    }
  });

  test("is refused on an optional route too, where no credential is anonymous, and not looked at on an open one", async () => {
    expect((await fetch(`${urls[0]}/optional/echo`)).status).toBe(200);
    expect((await fetch(`${urls[0]}/optional/echo`, { headers: { authorization: "Basic YTpi" } })).status).toBe(200);
    expect((await fetch(`${urls[0]}/optional/echo`, { headers: bearer(`${token}=`) })).status).toBe(401);
    expect((await fetch(`${urls[0]}/open/echo`, { headers: bearer(`${token}=`) })).status).toBe(200);
  });

  test("two credentials are 400, none is 401 with a challenge", async () => {
    const port = mesh.edges[0]?.port ?? 0;
    const field = `Authorization: Bearer ${token}`;
    const doubled = await sendRaw(port, rawRequest("GET /echo", [field, field]));
    expect([doubled.status, JSON.parse(doubled.body)]).toMatchObject([400, { code: "malformed_token" }]);
    const missing = await sendRaw(port, rawRequest("GET /echo"));
    expect([missing.status, JSON.parse(missing.body)]).toMatchObject([401, { code: "token_missing" }]);
    expect(missing.fields).toContainEqual(["www-authenticate", 'Bearer realm="mesh"']);
  });

  test("T5 five hundred random key ids on all ports cause no further fetch of keys within the cooldown", async () => {
    const before = issuer.keyFetches;
    expect(before).toBe(1);
    const signature = partsOf(token)[2] ?? "";
    const forge = () => reheaded({ alg: "ES256", kid: randomBytes(8).toString("hex") }, () => signature);
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          fetch(`${urls[index % urls.length]}/echo`, { headers: bearer(forge()) }),
        ),
      );
      for (const answer of answers) expect(answer.status).toBe(401);
    }
    expect((await fetch(`${urls[0]}/echo`, { headers: bearer(token) })).status).toBe(200);
    expect(issuer.keyFetches).toBe(before);
  });
});

const auth = (path: string, url = urls[0]) => `${url}/_mesh/v1/auth${path}`;
const basic = (secret: string) => ({ authorization: `Basic ${btoa(`admin:${secret}`)}` });

describe("the mesh's own tokens", () => {
  test("are given to the built-in client on one port and accepted on every one", async () => {
    const response = await fetch(auth("/token"), {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: "admin",
        client_secret: mesh.adminSecret,
        scope: "mesh:read",
      }),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const answer = (await response.json()) as { readonly access_token: string };
    expect(answer).toEqual({
      access_token: answer.access_token,
      token_type: "Bearer",
      expires_in: 900,
      roles: [],
      scope: "mesh:read",
    });
    expect(response.headers.get("auth-token")).toBe(answer.access_token);
    expect(Date.parse(response.headers.get("auth-token-valid-until") ?? "")).toBeGreaterThan(Date.now());
    for (const url of urls) {
      const facts = await fetch(auth("/token", url), { headers: bearer(answer.access_token) });
      expect(facts.status).toBe(200);
      expect(await facts.json()).toMatchObject({ subject: "admin", client: "admin", scope: "mesh:read", roles: [] });
    }
  });

  test("verify with the published keys, which are the same on every port", async () => {
    const metadata = (await (await fetch(auth("/.well-known/oauth-authorization-server"))).json()) as {
      readonly issuer: string;
      readonly jwks_uri: string;
    };
    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
    const { protectedHeader } = await jwtVerify(await mesh.adminToken(), keys, {
      issuer: metadata.issuer,
      typ: "at+jwt",
      algorithms: ["ES256"],
    });
    const sets = await Promise.all(urls.map(async (url) => (await fetch(auth("/.well-known/jwks.json", url))).text()));
    expect(new Set(sets).size).toBe(1);
    expect(sets[0]).toContain(protectedHeader.kid);
    expect(sets[0]).not.toContain('"d"');
  });

  test.each<readonly [string, RequestInit, number, string]>([
    ["a wrong secret", { headers: basic("wrong") }, 401, "token_invalid"],
    ["no credentials", { body: new URLSearchParams({ grant_type: "client_credentials" }) }, 401, "token_missing"],
    [
      "another grant",
      { headers: basic("wrong"), body: new URLSearchParams({ grant_type: "password" }) },
      400,
      "malformed_request",
    ],
    [
      "both ways at once",
      { headers: basic("wrong"), body: new URLSearchParams({ client_id: "admin" }) },
      400,
      "malformed_request",
    ],
    [
      "a field twice",
      {
        body: new URLSearchParams([
          ["scope", "a"],
          ["scope", "b"],
        ]),
      },
      400,
      "malformed_request",
    ],
    ["JSON", { headers: { "content-type": "application/json" }, body: "{}" }, 400, "malformed_request"],
  ])("%s gets none", async (_title, init, status, code) => {
    const response = await fetch(auth("/token"), { method: "POST", ...init });
    expect([response.status, ((await response.json()) as { readonly code: string }).code]).toEqual([status, code]);
    if (status === 401) expect(response.headers.get("www-authenticate")).toMatch(/^Basic /);
  });

  test("a scope that does not exist is refused to the right secret, and other methods are 405", async () => {
    const body = new URLSearchParams({ grant_type: "client_credentials", scope: "mesh:everything" });
    expect((await fetch(auth("/token"), { method: "POST", headers: basic(mesh.adminSecret), body })).status).toBe(400);
    const response = await fetch(auth("/token"), { method: "PUT" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "DELETE, GET, HEAD, POST"]);
  });
});
