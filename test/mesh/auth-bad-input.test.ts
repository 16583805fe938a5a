/**
 * Whatever is wrong with a call of the auth paths, it is refused in one form that names what was wrong and that OAuth
 * clients can read; nothing is half done, no secret is told, nothing is a defect.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { loopbackTricks, redirectTricks, stateTricks } from "../support/authorize-tricks.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { malformedAuthCalls } from "../support/malformed-auth-calls.ts";
import { formText, goodForms, loopbackUri, type MalformedAuthCall, redirectUri } from "../support/malformed-forms.ts";
import { startMesh } from "../support/mesh.ts";
import { randomAuthCall } from "../support/random-auth-calls.ts";
import { type RawAnswer, rawRequest, sendRaw } from "../support/raw-http.ts";
import { fieldOf } from "../support/refusal-calls.ts";

let mesh: LocalMesh;
let origin: EchoOrigin;
let port: number;
/** What `$NAME` stands for in the tables; each of them is a secret. */
let secrets: Readonly<Record<string, string>>;

const verifier = "v".repeat(43);
const challenge = createHash("sha256").update(verifier).digest("base64url");
const password = "a password, not told";
const authorizeQuery = (more: Readonly<Record<string, string>> = {}) =>
  new URLSearchParams({
    response_type: "code",
    client_id: "app",
    redirect_uri: redirectUri,
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...more,
  }).toString();

beforeAll(async () => {
  origin = await EchoOrigin.start();
  mesh = await startMesh({
    configFile: join(import.meta.dirname, "auth-bad-input.config.ts"),
    origins: { "*": origin.url },
    regions: ["weur"],
  });
  port = mesh.edges[0]?.port ?? 0;
  await put("/accounts/ada", { password, scopes: ["read", "write"] });
  await put("/accounts/bob", {});
  await put("/clients/app", { public: true, scopes: ["read"], redirectUris: [redirectUri, loopbackUri] });
  await put("/clients/desk", { public: true, redirectUris: [redirectUri] });
  const { secret } = await put("/clients/loom", { scopes: ["read"] });
  const known = { PASSWORD: password.replaceAll(" ", "+"), SECRET: String(secret), VERIFIER: verifier };
  secrets = known;
  const granted = bodyOf(await post(formText(goodForms.password)));
  secrets = { ...known, TOKEN: String(granted["access_token"]), REFRESH: String(granted["refresh_token"]) };
  secrets = { ...secrets, CODE: await code(), AUTHORIZE: authorizeQuery() };
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

async function put(path: string, body: object, status = 200): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${mesh.urlOf("weur")}/_mesh/v1${path}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${await mesh.adminToken()}` },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(status);
  return (await answer.json()) as Readonly<Record<string, unknown>>;
}

let asked = 0;

/** From an address of its own: failed logins delay the next ones from there. */
function ask(line: string, fields: readonly string[] = [], body = ""): Promise<RawAnswer> {
  asked += 1;
  const [method = "", path = ""] = filled(line).split(/ (.*)/s);
  const text = filled(body);
  const from = `CF-Connecting-IP: 2001:db8:${asked.toString(16)}::1`;
  const length = text === "" ? [] : [`Content-Length: ${text.length}`];
  const target = path.startsWith("/_mesh") || path.startsWith("/echo") ? path : `/_mesh/v1/auth${path}`;
  return sendRaw(port, rawRequest(`${method} ${target}`, [...fields.map(filled), from, ...length], text));
}

const post = (form: string) => ask("POST /token", ["Content-Type: application/x-www-form-urlencoded"], form);

function filled(text: string): string {
  return text.replaceAll(
    /\$(?:PASSWORD|SECRET|CODE|VERIFIER|REFRESH|TOKEN|AUTHORIZE)/g,
    (name) => secrets[name.slice(1)] ?? "",
  );
}

function bodyOf({ body }: RawAnswer): Readonly<Record<string, unknown>> {
  return JSON.parse(body) as Readonly<Record<string, unknown>>;
}

async function code(): Promise<string> {
  const sent = await ask(`GET /authorize?${authorizeQuery()}`, ["Authorization: Bearer $TOKEN"]);
  return new URL(fieldOf(sent, "location") ?? "").searchParams.get("code") ?? "";
}

const told = (answer: RawAnswer) => `${JSON.stringify(answer.fields)}${answer.body}`;

/** The client's own name for its request is no secret. */
function expectNothingTold(answer: RawAnswer): void {
  const { AUTHORIZE: _query, ...kept } = secrets;
  expect(Object.keys(kept).filter((name) => told(answer).includes(kept[name] ?? ""))).toEqual([]);
  expect(answer.fields.filter(([name]) => name === "set-cookie" || name === "auth-token")).toEqual([]);
  expect(answer.body.length).toBeLessThan(1_200);
}

async function expectRefused({ line, fields, body, ...expected }: MalformedAuthCall): Promise<void> {
  const answer = await ask(line, fields, body);
  const problem = bodyOf(answer);
  const names = expected.names ?? "";
  expect({ status: answer.status, code: problem["code"], error: problem["error"], detail: problem["detail"] }).toEqual({
    status: expected.status,
    code: expected.code,
    error: expected.error,
    detail: names === "" ? problem["detail"] : (expect.stringMatching(new RegExp(`^${names}`)) as unknown),
  });
  expect(problem).toMatchObject({
    type: `/_mesh/problems/${expected.code}`,
    status: expected.status,
    instance: fieldOf(answer, "mesh-request-id"),
  });
  expect(fieldOf(answer, "content-type")).toMatch(/^application\/(?:problem\+)?json$/);
  expect(fieldOf(answer, "cache-control")).toBe("no-store");
  expect(fieldOf(answer, "www-authenticate") !== undefined).toBe(
    answer.status === 401 || expected.code === "malformed_token",
  );
  expectNothingTold(answer);
}

describe("a call that is wrong in one thing", () => {
  test.each(malformedAuthCalls.map((call) => [call.title.slice(0, 100), call] as const))(
    "is refused: %s",
    (_title, call) => expectRefused(call),
  );
});

describe("what is not known, and what has no value, is left alone (RFC 6749 section 3.2)", () => {
  const form = "Content-Type: application/x-www-form-urlencoded";
  const unknown = "audience=x&audience=y&__proto__=x&username=&scope=&more";

  test("at /token", async () => {
    const { username: _name, scope: _scope, ...rest } = goodForms.password;
    const answer = await post(`${formText(rest)}&username=ada&audience=x&audience=y&__proto__=x&scope=&more&code=x`);
    expect([answer.status, bodyOf(answer)["scope"]]).toEqual([200, "read"]);
    const alone = await ask("POST /token", [form, `Authorization: Basic ${btoa("loom:x")}`], "audience=x");
    expect(bodyOf(alone)["error"]).toBe("invalid_grant");
  });

  test.each(["/introspect", "/revoke"])("at %s", async (path) => {
    const answer = await ask(`POST ${path}`, [form], `token=x&client_id=loom&client_secret=$SECRET&${unknown}`);
    expect(answer.status).toBe(200);
  });

  test("at /authorize", async () => {
    const query = `${authorizeQuery()}&audience=x&audience=y&scope=&state=&nonce=z`;
    const answer = await ask(`GET /authorize?${query}`, ["Authorization: Bearer $TOKEN"]);
    const { searchParams } = new URL(fieldOf(answer, "location") ?? "");
    expect([answer.status, searchParams.has("code"), searchParams.has("state")]).toEqual([303, true, false]);
  });
});

describe("at /authorize", () => {
  test.each(redirectTricks)("the redirect %s goes nowhere, and is told to the person", async (redirect) => {
    const answer = await ask(`GET /authorize?${authorizeQuery({ redirect_uri: redirect })}`);
    expect([answer.status, bodyOf(answer)["code"], fieldOf(answer, "location")]).toEqual([
      400,
      "malformed_request",
      undefined,
    ]);
    expect(bodyOf(answer)["detail"]).toMatch(/^redirect_uri: /);
  });

  test.each(loopbackTricks)("the redirect %s is not this machine's", async (redirect) => {
    const answer = await ask(`GET /authorize?${authorizeQuery({ redirect_uri: redirect })}`);
    expect([answer.status, fieldOf(answer, "location")]).toEqual([400, undefined]);
  });

  test.each(["http://127.0.0.1:51234/callback", "http://127.0.0.1/callback"])(
    "the redirect %s is this machine's, whatever its port",
    async (redirect) => {
      const query = authorizeQuery({ redirect_uri: redirect });
      expect((await ask(`GET /authorize?${query}`)).status).toBe(200);
      const sent = await ask(`GET /authorize?${query}`, ["Authorization: Bearer $TOKEN"]);
      expect(fieldOf(sent, "location")).toMatch(new RegExp(`^${redirect}\\?code=slc_`));
    },
  );

  test.each([
    "response_type",
    "client_id",
    "redirect_uri",
    "code_challenge",
    "code_challenge_method",
    "state",
    "scope",
  ])("%s twice is told to the person", async (name) => {
    const query = `${authorizeQuery({ state: "s", scope: "read" })}&${name}=x`;
    const answer = await ask(`GET /authorize?${query}`, ["Authorization: Bearer $TOKEN"]);
    expect([answer.status, fieldOf(answer, "location")]).toEqual([400, undefined]);
  });

  test.each<readonly [string, Readonly<Record<string, string>>, string]>([
    ["another response type", { response_type: "token" }, "unsupported_response_type"],
    ["no challenge", { code_challenge: "" }, "invalid_request"],
    ["a plain challenge", { code_challenge_method: "plain" }, "invalid_request"],
    ["a challenge that is none", { code_challenge: "x" }, "invalid_request"],
    ["a scope that the client has not", { scope: "write" }, "invalid_scope"],
    ["a resource that is not there", { resource: "service:nowhere" }, "invalid_target"],
    ["no response type", { response_type: "" }, "invalid_request"],
    ["a scope with a line break", { scope: "read\r\nSet-Cookie: stolen=1" }, "invalid_scope"],
    ...stateTricks.map(
      (state) => [`the state ${JSON.stringify(state).slice(0, 40)}`, { state }, "invalid_request"] as const,
    ),
  ])("%s is told to the client, at its redirect", async (_what, more, error) => {
    const answer = await ask(`GET /authorize?${authorizeQuery(more)}`, ["Authorization: Bearer $TOKEN"]);
    const location = new URL(fieldOf(answer, "location") ?? "");
    expect([answer.status, location.origin, location.searchParams.get("error")]).toEqual([
      303,
      "https://app.example.com",
      error,
    ]);
    expect(location.searchParams.has("code")).toBe(false);
    expectNothingTold(answer);
  });

  test("what a state holds comes back as it was, and into no page and no field of its own", async () => {
    const state = `"><script>alert(1)</script>%0d%0a&code=x#é`.replace("é", "e");
    const page = await ask(`GET /authorize?${authorizeQuery({ state })}`);
    expect([page.status, page.body.includes("<script")]).toEqual([200, false]);
    const sent = await ask(`GET /authorize?${authorizeQuery({ state })}`, ["Authorization: Bearer $TOKEN"]);
    const { searchParams } = new URL(fieldOf(sent, "location") ?? "");
    expect(searchParams.getAll("state")).toEqual([state]);
    expect(searchParams.getAll("code")).toHaveLength(1);
  });
});

describe("names and claims", () => {
  test("an account has one name, however it is typed", async () => {
    const [composed, decomposed] = ["caf\u00e9", "cafe\u0301"].map(encodeURIComponent);
    await put(`/accounts/${decomposed}`, { password: "x" });
    const login = (name: string | undefined) => post(`grant_type=password&username=${name}&password=x`);
    const { access_token: token } = bodyOf(await login(decomposed));
    const own = [`Authorization: Bearer ${String(token)}`];
    for (const name of [composed, decomposed]) expect((await ask(`GET /tokens/${name}`, own)).status).toBe(200);
    const ended = await ask(`DELETE /tokens/${decomposed}?ack=everywhere`, [
      `Authorization: Bearer ${await mesh.adminToken()}`,
    ]);
    expect(ended.status).toBe(204);
    expect((await ask("GET /token", own)).status).toBe(401);
    expect((await login(composed)).status).toBe(200);
  });

  test("an account with as many claims as it may have logs in and passes the gate, and fits no cookie", async () => {
    const most = { note: "n".repeat(4_060) };
    await put("/accounts/big", { password: "x", claims: most });
    await put("/accounts/bigger", { password: "x", claims: { note: "n".repeat(4_097) } }, 400);
    const form = "grant_type=password&username=big&password=x";
    const { access_token: token } = bodyOf(await post(form));
    expect((await ask("GET /echo", [`Authorization: Bearer ${String(token)}`])).status).toBe(200);
    const cookie = await ask("POST /token/cookie", ["Content-Type: application/x-www-form-urlencoded"], form);
    expect([cookie.status, bodyOf(cookie)["code"], fieldOf(cookie, "set-cookie")]).toEqual([
      409,
      "conflict",
      undefined,
    ]);
  });
});

test("after all refused calls nothing was done: the login lives, and what is used once is unused", async () => {
  const { access_token: token, refresh_token: refresh } = bodyOf(await post(formText(goodForms.password)));
  expect((await ask("GET /token", [`Authorization: Bearer ${String(token)}`])).status).toBe(200);
  expect(refresh).toEqual(expect.any(String));
  for (const form of Object.values(goodForms)) expect((await post(formText(form))).status).toBe(200);
});

// Last in this file: some of it is right, and ends what the tables need.
test("whatever comes is answered, and nothing is a defect", async () => {
  await fc.assert(
    fc.asyncProperty(randomAuthCall, async ({ method, path, query, fields, body }) => {
      const text = body.map(([name, value]) => `${name}=${value}`).join("&");
      const { status } = await ask(`${method} ${path}${query}`, fields, text);
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
});
