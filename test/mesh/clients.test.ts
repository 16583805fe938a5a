/** What clients get at the auth paths and may do with it: resources, API keys, revocations and back, and pages elsewhere. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

type Body = Readonly<Record<string, unknown>>;
type Form = Readonly<Record<string, string>> | URLSearchParams;

const configFile = join(import.meta.dirname, "clients.config.ts");
const audience = "https://api.example.com";
const redirectUri = "https://app.example.com/callback";
const password = { grant_type: "password", username: "ada", password: "shuttle" };

let origin: EchoOrigin;
let mesh: LocalMesh;
let url: string;
let secrets: Readonly<Record<string, string>>;

beforeAll(async () => {
  origin = await EchoOrigin.start();
  mesh = await startMesh({ configFile, origins: { "*": origin.url }, regions: ["weur", "enam"] });
  url = mesh.urlOf("weur");
  await admin("PUT", "/accounts/ada", { password: "shuttle", scopes: ["mesh:locks"] });
  const page = { public: true, redirectUris: [redirectUri] };
  await admin("PUT", "/clients/app", page);
  await admin("PUT", "/clients/till", { ...page, resources: ["service:stock"] });
  const bound = { scopes: ["mesh:locks", "mesh:read"], resources: ["service:stock", "lock:stock.*"] };
  const [loom, other] = [await admin("PUT", "/clients/loom", bound), await admin("PUT", "/clients/other", {})];
  secrets = { loom: String(loom["secret"]), other: String(other["secret"]) };
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

async function admin(method: string, path: string, body?: object): Promise<Body> {
  const answer = await fetch(`${url}/_mesh/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${await mesh.adminToken()}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect({ path, status: answer.status }).toEqual({ path, status: 200 });
  return (await answer.json()) as Body;
}

const asClient = (id: string) => ({ authorization: `Basic ${btoa(`${id}:${secrets[id]}`)}` });

async function post(path: string, form: Form, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: new URLSearchParams(form) });
  const text = await answer.text();
  return { status: answer.status, body: (text === "" ? {} : JSON.parse(text)) as Body };
}

const tokenOf = ({ body }: { readonly body: Body }) => String(body["access_token"]);
const refreshOf = ({ body }: { readonly body: Body }) => String(body["refresh_token"]);
const by = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const statusAt = async (path: string, token: string, at = url) => (await fetch(`${at}${path}`, by(token))).status;

const places = async (token: string) => ({
  stock: await statusAt("/echo", token),
  billing: await statusAt("/billing/echo", token),
  lock: await statusAt("/_mesh/v1/locks/stock.shelf", token),
  otherLock: await statusAt("/_mesh/v1/locks/billing", token),
  status: await statusAt("/_mesh/v1/status", token),
});

describe("a client that is bound to resources (RFC 8707)", () => {
  const ask = (...resources: string[]) => {
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    for (const resource of resources) form.append("resource", resource);
    return post("/token", form, asClient("loom"));
  };

  test("acts on all of them and on nothing else, whatever its scopes", async () => {
    const token = tokenOf(await ask());
    expect(decodeJwt(token)).toMatchObject({ aud: audience, resources: ["service:stock", "lock:stock.*"] });
    expect(await places(token)).toEqual({ stock: 200, billing: 403, lock: 200, otherLock: 403, status: 403 });
  });

  test("gets a token for one of them alone, which is good for no other", async () => {
    const forStock = tokenOf(await ask("service:stock"));
    expect(decodeJwt(forStock)).toMatchObject({ aud: ["service:stock"], resources: ["service:stock"] });
    expect(await places(forStock)).toEqual({ stock: 200, billing: 403, lock: 403, otherLock: 403, status: 403 });
    const forLock = tokenOf(await ask("lock:stock.shelf"));
    expect(await places(forLock)).toEqual({ stock: 403, billing: 403, lock: 200, otherLock: 403, status: 403 });
    const forBoth = tokenOf(await ask("service:stock", "lock:stock.shelf"));
    expect(decodeJwt(forBoth)["aud"]).toEqual(["service:stock", "lock:stock.shelf"]);
    expect(await places(forBoth)).toMatchObject({ stock: 200, lock: 200 });
  });

  test.each(["service:billing", "lock:*", "https://elsewhere.example"])("gets none for %s", async (resource) => {
    expect(await ask("service:stock", resource)).toMatchObject({ status: 400, body: { error: "invalid_target" } });
  });

  test("binds what people get through it, and what is refreshed", async () => {
    const login = await post("/token", { ...password, client_id: "till" });
    expect(await places(tokenOf(login))).toMatchObject({ stock: 200, billing: 403, lock: 403 });
    const form = { grant_type: "refresh_token", refresh_token: refreshOf(login), client_id: "till" };
    const next = await post("/token", form);
    expect(await places(tokenOf(next))).toMatchObject({ stock: 200, billing: 403, lock: 403 });
    const free = await post("/token", password);
    expect(await places(tokenOf(free))).toMatchObject({ stock: 200, billing: 200, lock: 200, otherLock: 200 });
  });

  test("binds its API keys, from its next change on, too", async () => {
    const { apiKey } = await admin("POST", "/keys", { owner: "loom" });
    expect([await statusAt("/echo", String(apiKey)), await statusAt("/billing/echo", String(apiKey))]).toEqual([
      200, 403,
    ]);
    const wider = { scopes: ["mesh:locks", "mesh:read"], resources: ["service:billing"] };
    await admin("PUT", "/clients/loom?ack=everywhere", wider);
    expect([await statusAt("/echo", String(apiKey)), await statusAt("/billing/echo", String(apiKey))]).toEqual([
      403, 200,
    ]);
    await admin("PUT", "/clients/loom?ack=everywhere", { ...wider, resources: ["service:stock", "lock:stock.*"] });
  });
});

describe("an authorization code for a resource", () => {
  const verifier = "v".repeat(43);

  async function codeFor(client: string, more: Readonly<Record<string, string>>, token: string) {
    const query = new URLSearchParams({
      response_type: "code",
      client_id: client,
      redirect_uri: redirectUri,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      ...more,
    });
    const answer = await fetch(`${url}/authorize?${query.toString()}`, { ...by(token), redirect: "manual" });
    return new URL(answer.headers.get("location") ?? "").searchParams;
  }

  const redeem = (client: string, code: string | null, more: Readonly<Record<string, string>> = {}) =>
    post("/token", {
      grant_type: "authorization_code",
      code: code ?? "",
      code_verifier: verifier,
      redirect_uri: redirectUri,
      client_id: client,
      ...more,
    });

  test("gives a token for that resource, and what is refreshed is for no more", async () => {
    const login = tokenOf(await post("/token", password));
    const code = (await codeFor("app", { resource: "service:stock" }, login)).get("code");
    const granted = await redeem("app", code);
    expect(decodeJwt(tokenOf(granted))["aud"]).toEqual(["service:stock"]);
    const form = { grant_type: "refresh_token", refresh_token: refreshOf(granted), client_id: "app" };
    expect(await post("/token", { ...form, resource: "service:billing" })).toMatchObject({
      body: { error: "invalid_target" },
    });
    const next = await post("/token", form);
    expect(await places(tokenOf(next))).toMatchObject({ stock: 200, billing: 403, lock: 403 });
  });

  test("for another than the client's is invalid_target", async () => {
    const login = tokenOf(await post("/token", password));
    expect((await codeFor("till", { resource: "service:billing" }, login)).get("error")).toBe("invalid_target");
  });

  test("is for no more than the token with which it was got", async () => {
    const login = tokenOf(await post("/token", { ...password, client_id: "till" }));
    const granted = await redeem("app", (await codeFor("app", {}, login)).get("code"));
    expect(await places(tokenOf(granted))).toMatchObject({ stock: 200, billing: 403, lock: 403 });
  });
});

describe("an API key at introspection and revocation (RFC 7662, RFC 7009)", () => {
  const introspect = async (token: string) => (await post("/introspect", { token }, asClient("loom"))).body;

  test("is active with its owner, its scopes and its end, until it is removed", async () => {
    const expiresAt = "2099-01-01T00:00:00Z";
    const key = await admin("POST", "/keys", { owner: "ada", scopes: ["mesh:locks"], expiresAt });
    const token = String(key["apiKey"]);
    const issuer = "urn:selvedge:local";
    const facts = { active: true, token_type: "Bearer", iss: issuer, sub: "ada", username: "ada", scope: "mesh:locks" };
    expect(await introspect(token)).toMatchObject({ ...facts, jti: key["keyId"], exp: Date.parse(expiresAt) / 1_000 });
    await admin("DELETE", `/keys/${String(key["keyId"])}?ack=everywhere`);
    expect(await introspect(token)).toEqual({ active: false });
  });

  test("of a client names it, and has no end when it has none", async () => {
    const { apiKey } = await admin("POST", "/keys", { owner: "loom" });
    const told = await introspect(String(apiKey));
    expect(told).toMatchObject({
      active: true,
      sub: "loom",
      client_id: "loom",
      resources: ["service:stock", "lock:stock.*"],
    });
    expect(told).not.toHaveProperty("exp");
  });

  test("that is none is inactive, and a public client learns nothing of one", async () => {
    const { apiKey } = await admin("POST", "/keys", { owner: "loom" });
    const text = String(apiKey);
    expect(await introspect(`${text.slice(0, -1)}${text.endsWith("a") ? "b" : "a"}`)).toEqual({ active: false });
    expect((await post("/introspect", { token: text, client_id: "app" })).status).toBe(401);
  });

  test("is revoked by the client that owns it, and by no other", async () => {
    const { apiKey } = await admin("POST", "/keys", { owner: "loom" });
    const token = String(apiKey);
    const foreign = await post("/revoke", { token }, asClient("other"));
    expect(foreign).toMatchObject({ status: 400, body: { error: "unauthorized_client" } });
    expect(await statusAt("/echo", token)).toBe(200);
    expect((await post("/revoke?ack=everywhere", { token }, asClient("loom"))).status).toBe(200);
    for (const { url: edge } of mesh.edges) expect(await statusAt("/echo", token, edge)).toBe(401);
    expect(await introspect(token)).toEqual({ active: false });
    expect((await post("/revoke", { token }, asClient("loom"))).status).toBe(200);
  });

  test("that is revoked by its id is revoked without an end", async () => {
    const { keyId } = await admin("POST", "/keys", { owner: "loom" });
    const revoked = await admin("POST", "/revocations", { jti: keyId });
    expect(revoked["endsAt"]).toMatch(/^9999/);
  });
});

describe("a revocation that is lifted", () => {
  test("gives back the logins that it refused meanwhile", async () => {
    const login = await post("/token", password);
    const form = { grant_type: "refresh_token", refresh_token: refreshOf(login) };
    const { revocation } = await admin("POST", "/revocations?ack=everywhere", { subject: "ada" });
    for (let turn = 0; turn < 2; turn += 1) expect((await post("/token", form)).body["error"]).toBe("invalid_grant");
    await admin("DELETE", `/revocations/${String(revocation)}?ack=everywhere`);
    expect(await statusAt("/echo", tokenOf(login))).toBe(200);
    expect((await post("/token", form)).status).toBe(200);
  });
});

describe("a client with the scope mesh:tokens", () => {
  test("ends others' tokens, and none of the built-in client's", async () => {
    const { secret } = await admin("PUT", "/clients/keeper", { scopes: ["mesh:tokens"] });
    const basic = { authorization: `Basic ${btoa(`keeper:${String(secret)}`)}` };
    const token = tokenOf(await post("/token", { grant_type: "client_credentials" }, basic));
    const kept = await mesh.adminToken();
    const revoke = async (target: Body) =>
      (await fetch(`${url}/_mesh/v1/revocations`, { ...by(token), method: "POST", body: JSON.stringify(target) }))
        .status;
    for (const target of [{ client: "admin" }, { subject: "admin" }, { issuer: "urn:selvedge:local" }]) {
      expect(await revoke(target)).toBe(403);
      expect(await revoke({ ...target, issuedBefore: new Date(Date.now() - 1_000).toISOString() })).toBe(403);
    }
    const end = async (user: string) =>
      (await fetch(`${url}/tokens/${user}?ack=everywhere`, { ...by(token), method: "DELETE" })).status;
    expect([await end("admin"), await end("nobody"), await revoke({ subject: "nobody" })]).toEqual([403, 204, 200]);
    expect(await statusAt("/_mesh/v1/status", kept)).toBe(200);
    const issuedBefore = new Date(Date.now() - 3_600_000).toISOString();
    const { revocation } = await admin("POST", "/revocations", { client: "admin", issuedBefore });
    const path = `/revocations/${String(revocation)}`;
    expect((await fetch(`${url}/_mesh/v1${path}`, { ...by(token), method: "DELETE" })).status).toBe(403);
    await admin("DELETE", path);
  });
});

describe("a name with a slash", () => {
  test("fits no path of the tokens, and its tokens end by their subject", async () => {
    await admin("PUT", "/accounts/a%2Fb", { password: "shuttle" });
    const login = await post("/token", { ...password, username: "a/b" });
    expect((await fetch(`${url}/tokens/a%2Fb`, { ...by(tokenOf(login)), method: "DELETE" })).status).toBe(400);
    await admin("POST", "/revocations?ack=everywhere", { subject: "a/b", issuer: "urn:selvedge:local" });
    expect(await statusAt("/echo", tokenOf(login))).toBe(401);
    const form = { grant_type: "refresh_token", refresh_token: refreshOf(login) };
    expect((await post("/token", form)).body["error"]).toBe("invalid_grant");
  });
});

describe("a page of another origin (CORS)", () => {
  const page = { origin: "https://app.example.com" };
  const preflight = (path: string, from: Record<string, string> = page) =>
    fetch(`${url}${path}`, {
      method: "OPTIONS",
      headers: { ...from, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });
  const allowed = (answer: Response) => answer.headers.get("access-control-allow-origin");

  test.each(["/token", "/token/cookie", "/tokens/ada", "/logout", "/introspect", "/revoke"])(
    "may call %s as the route that it lies on lets it",
    async (path) => {
      const answer = await preflight(path);
      expect([answer.status, allowed(answer)]).toEqual([204, page.origin]);
      expect(answer.headers.get("access-control-allow-headers")).toBe("authorization");
      expect(answer.headers.get("mesh-request-id")).not.toBeNull();
      expect(allowed(await preflight(path, { origin: "https://elsewhere.example" }))).toBeNull();
    },
  );

  test("reads a token, a refusal, and the fields that are named", async () => {
    const ask = (form: Form, from = page) =>
      fetch(`${url}/token`, {
        method: "POST",
        headers: from,
        body: new URLSearchParams(form),
      });
    const granted = await ask(password);
    expect([granted.status, allowed(granted)]).toEqual([200, page.origin]);
    expect(granted.headers.get("access-control-allow-credentials")).toBe("true");
    expect(granted.headers.get("access-control-expose-headers")).toMatch(/^Auth-Token, .*, WWW-Authenticate$/i);
    expect(granted.headers.get("vary")).toContain("Origin");
    const refused = await ask({ ...password, password: "wrong" });
    expect([refused.status, allowed(refused)]).toEqual([401, page.origin]);
    const elsewhere = await ask(password, { origin: "https://elsewhere.example" });
    expect([elsewhere.status, allowed(elsewhere)]).toEqual([200, null]);
  });

  test("is trusted with the cookie where it is listed with credentials: to get it, to use it, and to log out", async () => {
    const ask = (path: string, fields: Readonly<Record<string, string>>) =>
      fetch(`${url}${path}`, { method: "POST", headers: fields });
    const login = { authorization: `Basic ${btoa("ada:shuttle")}` };
    const elsewhere = { origin: "https://elsewhere.example" };
    expect((await ask("/token/cookie", { ...login, ...elsewhere })).status).toBe(403);
    expect((await ask("/_mesh/v1/auth/token/cookie", { ...login, ...page })).status).toBe(403);
    const given = await ask("/token/cookie", { ...login, ...page });
    const [cookie = ""] = (given.headers.get("set-cookie") ?? "").split(";", 1);
    expect([given.status, allowed(given), cookie.slice(0, 12)]).toEqual([200, page.origin, "__Host-mesh="]);
    const statuses = async (path: string) => [
      (await ask(path, { cookie, ...page })).status,
      (await ask(path, { cookie, ...elsewhere })).status,
    ];
    expect(await statuses("/echo")).toEqual([200, 403]);
    expect((await ask("/logout?ack=everywhere", { cookie, ...elsewhere })).headers.get("set-cookie")).toBeNull();
    expect(await statuses("/_mesh/v1/auth/logout")).toEqual([403, 403]);
    expect(await statuses("/echo")).toEqual([200, 403]);
    const bearer = tokenOf(await post("/token", password));
    const both = { authorization: `Bearer ${bearer}`, cookie };
    const foreign = await ask("/logout?ack=everywhere", { ...both, ...elsewhere });
    expect([foreign.status, foreign.headers.get("set-cookie")]).toEqual([204, null]);
    expect([await statusAt("/echo", bearer), ...(await statuses("/echo"))]).toEqual([401, 200, 403]);
    const ended = await ask("/logout?ack=everywhere", { ...both, ...page });
    expect([ended.status, ended.headers.get("set-cookie")?.slice(0, 23)]).toEqual([204, "__Host-mesh=; Max-Age=0"]);
    expect(await statuses("/echo")).toEqual([401, 403]);
  });

  test.each(["/authorize", "/token/redirect", "/_mesh/v1/auth/token", "/_mesh/v1/accounts"])(
    "calls %s in no case",
    async (path) => {
      expect([allowed(await preflight(path)), allowed(await fetch(`${url}${path}`, { headers: page }))]).toEqual([
        null,
        null,
      ]);
    },
  );
});
