/** Accounts, clients and API keys over sockets: made at one edge, good at all, and ended everywhere by one call. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { type Echo, EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

const configFile = join(import.meta.dirname, "accounts.config.ts");

let origin: EchoOrigin;
let mesh: LocalMesh;
let urls: readonly string[];

beforeAll(async () => {
  origin = await EchoOrigin.start();
  mesh = await startMesh({ configFile, origins: { "*": origin.url } });
  urls = mesh.edges.map(({ url }) => url);
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

/** `PUT /accounts/ada`, as the operator, at the first edge unless it is said otherwise. */
async function call(line: string, body?: unknown, port = 0) {
  const [method, path] = line.split(" ");
  const answer = await fetch(`${urls[port]}/_mesh/v1${path}`, {
    method: method ?? "GET",
    headers: { Authorization: `Bearer ${await mesh.adminToken()}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> };
}

interface Key {
  readonly keyId: string;
  readonly apiKey: string;
}

async function newKey(owner: string, more: object = {}): Promise<Key> {
  const { status, body } = await call("POST /keys", { owner, ...more });
  expect(status).toBe(200);
  return { keyId: String(body["keyId"]), apiKey: String(body["apiKey"]) };
}

const asKey = (apiKey: string) => ({ "x-api-key": apiKey });
const asBearer = (apiKey: string) => ({ authorization: `Bearer ${apiKey}` });

function askAll(path: string, headers: Record<string, string>, rounds = 1): Promise<readonly Response[]> {
  const all = Array.from({ length: rounds }, () => urls.map((url) => fetch(`${url}${path}`, { headers }))).flat();
  return Promise.all(all);
}

const statusesOf = (answers: readonly Response[]) => [...new Set(answers.map(({ status }) => status))];

describe("an API key in a mesh of three regions", () => {
  test("made at one edge opens all, and reaches no upstream, while its owner's name does", async () => {
    await call("PUT /accounts/ada", { roles: ["editor"], tenant: "t1", scopes: ["write"] });
    const { apiKey } = await newKey("ada");
    for (const headers of [asKey(apiKey), asBearer(apiKey)]) {
      for (const answer of await askAll("/write/echo", headers)) {
        expect(answer.status).toBe(200);
        const echo = (await answer.json()) as Echo;
        expect(JSON.stringify(echo)).not.toContain(apiKey);
        expect(Object.fromEntries(echo.fields)).toMatchObject({
          "mesh-subject": "ada",
          "mesh-issuer": "urn:selvedge:local",
          "mesh-tenant": "t1",
          "mesh-roles": '"editor"',
        });
      }
    }
    const [open] = await askAll("/open/echo", asKey(apiKey));
    expect(JSON.stringify(await open?.json())).not.toContain(apiKey);
  });

  test("opens no more than it was given", async () => {
    const { apiKey } = await newKey("ada", { scopes: ["read"] });
    expect(statusesOf(await askAll("/echo", asKey(apiKey)))).toEqual([200]);
    expect(statusesOf(await askAll("/write/echo", asKey(apiKey)))).toEqual([403]);
  });

  test("beside a token is refused, and another service's key in the same field is that service's", async () => {
    const { apiKey } = await newKey("ada");
    const both = { ...asKey(apiKey), authorization: `Bearer ${await mesh.adminToken()}` };
    expect(statusesOf(await askAll("/echo", both))).toEqual([400]);
    const [theirs] = await askAll("/open/echo", asKey("their-own-key"));
    expect(JSON.stringify(await theirs?.json())).toContain("their-own-key");
    expect(statusesOf(await askAll("/echo", asKey("their-own-key")))).toEqual([401]);
  });

  test("T3 after its removal with ack=everywhere no edge accepts it, however warm", async () => {
    const { apiKey, keyId } = await newKey("ada");
    expect(statusesOf(await askAll("/echo", asKey(apiKey), 20))).toEqual([200]);
    const removed = await call(`DELETE /keys/${keyId}?ack=everywhere`, undefined, 1);
    expect(removed).toMatchObject({ status: 200, body: { keyId } });
    expect(statusesOf(await askAll("/echo", asKey(apiKey), 50))).toEqual([401]);
  });

  test("T3 is revoked by its id as a token is", async () => {
    const { apiKey, keyId } = await newKey("ada");
    expect(statusesOf(await askAll("/echo", asKey(apiKey)))).toEqual([200]);
    const revoked = await call("POST /revocations?ack=everywhere", { jti: keyId });
    expect(revoked.status).toBe(200);
    expect(statusesOf(await askAll("/echo", asKey(apiKey), 10))).toEqual([401]);
  });

  test("T3 after its owner's roles changed with ack=everywhere it has the new ones at every edge, and goes on", async () => {
    await call("PUT /accounts/bob", { roles: ["editor"], scopes: ["write"] });
    const { apiKey } = await newKey("bob");
    expect(statusesOf(await askAll("/write/echo", asKey(apiKey), 5))).toEqual([200]);
    const changed = await call("PUT /accounts/bob?ack=everywhere", { roles: ["reader"], scopes: ["write"] });
    expect(changed.status).toBe(200);
    expect(statusesOf(await askAll("/write/echo", asKey(apiKey), 20))).toEqual([403]);
    expect(statusesOf(await askAll("/echo", asKey(apiKey), 20))).toEqual([200]);
  });

  test("T3 ends with its owner, who is not another one of the same name", async () => {
    await call("PUT /accounts/eve", {});
    const { apiKey } = await newKey("eve");
    expect(statusesOf(await askAll("/echo", asKey(apiKey), 5))).toEqual([200]);
    expect((await call("DELETE /accounts/eve?ack=everywhere")).status).toBe(200);
    expect(statusesOf(await askAll("/echo", asKey(apiKey), 20))).toEqual([401]);
    await call("PUT /accounts/eve", {});
    expect(statusesOf(await askAll("/echo", asKey(apiKey)))).toEqual([401]);
  });
});

interface Granted {
  readonly access_token: string;
  readonly scope?: string;
}

function tokenFor(form: Readonly<Record<string, string>>, port = 0): Promise<Response> {
  return fetch(`${urls[port]}/_mesh/v1/auth/token`, { method: "POST", body: new URLSearchParams(form) });
}

describe("logins in a mesh of three regions", () => {
  test("an account that was made at one edge logs in at the others, and gets what it may", async () => {
    const password = "correct horse, caf\u00e9";
    await call("PUT /accounts/grace", { password, roles: ["editor"], scopes: ["write"] });
    for (const port of [1, 2]) {
      const answer = await tokenFor(
        { grant_type: "password", username: "grace", password: "correct horse, cafe\u0301" },
        port,
      );
      expect(answer.status).toBe(200);
      const { access_token: token } = (await answer.json()) as Granted;
      expect(statusesOf(await askAll("/write/echo", asBearer(token)))).toEqual([200]);
    }
    for (const username of ["grace", "nobody"]) {
      expect((await tokenFor({ grant_type: "password", username, password: "wrong" }, 2)).status).toBe(401);
    }
  });

  test("T3 a new password ends the tokens of the old one at every edge", async () => {
    await call("PUT /accounts/hal", { password: "old" });
    const login = await tokenFor({ grant_type: "password", username: "hal", password: "old" }, 1);
    const { access_token: token } = (await login.json()) as Granted;
    expect(statusesOf(await askAll("/echo", asBearer(token), 5))).toEqual([200]);
    expect((await call("PUT /accounts/hal?ack=everywhere", { password: "new" })).status).toBe(200);
    expect(statusesOf(await askAll("/echo", asBearer(token), 20))).toEqual([401]);
    const old = await tokenFor({ grant_type: "password", username: "hal", password: "old" }, 2);
    expect(old.status).toBe(401);
  });

  test("a client logs in with either secret while it is rotated, and has its own scopes alone", async () => {
    const made = await call("PUT /clients/loom", { scopes: ["mesh:locks"] });
    const rotated = await call("POST /clients/loom/rotate", {}, 1);
    for (const secret of [made.body["secret"], rotated.body["secret"]]) {
      const form = { grant_type: "client_credentials", client_id: "loom", client_secret: String(secret) };
      const answer = await tokenFor(form, 2);
      expect(answer.status).toBe(200);
      const { access_token: token, scope } = (await answer.json()) as Granted;
      expect(scope).toBe("mesh:locks");
      const headers = asBearer(token);
      expect((await fetch(`${urls[0]}/_mesh/v1/locks`, { headers })).status).toBe(200);
      expect((await fetch(`${urls[0]}/_mesh/v1/accounts`, { headers })).status).toBe(403);
      expect((await tokenFor({ ...form, scope: "mesh:admin" })).status).toBe(400);
    }
    const wrong = { grant_type: "client_credentials", client_id: "loom", client_secret: "wrong" };
    expect((await tokenFor(wrong)).status).toBe(401);
  });
});

describe("a token that has ended", () => {
  const tokenOf = async (form: Readonly<Record<string, string>>) => {
    const answer = await fetch(`${urls[0]}/_mesh/v1/auth/token`, { method: "POST", body: new URLSearchParams(form) });
    return String(((await answer.json()) as Readonly<Record<string, unknown>>)["access_token"]);
  };
  const change = (line: string, token: string, body?: object) =>
    fetch(`${urls[1]}/_mesh/v1${line.split(" ")[1]}`, {
      method: line.split(" ")[0] ?? "",
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  test("T3 makes no key, client or revocation at an edge that has not heard of its end", async () => {
    const { body } = await call("PUT /clients/op2", { scopes: ["mesh:admin"] });
    const token = await tokenOf({
      grant_type: "client_credentials",
      client_id: "op2",
      client_secret: String(body["secret"]),
    });
    // The edge has just pulled its view, and knows the token: for most of a second it asks nobody.
    expect((await change("PUT /accounts/eve", token, { roles: [] })).status).toBe(200);
    expect((await call("DELETE /clients/op2")).status).toBe(200);
    for (const [line, what] of [
      ["POST /keys", { owner: "eve" }],
      ["PUT /clients/ghost", { scopes: ["mesh:admin"] }],
      ["POST /revocations", { subject: "nobody" }],
    ] as const) {
      const refused = await change(line, token, what);
      expect(await refused.json()).toMatchObject({ status: 401, code: "token_revoked" });
    }
    expect((await call("GET /clients/ghost")).status).toBe(404);
  });
});
