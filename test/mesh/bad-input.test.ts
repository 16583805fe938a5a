/** Whatever is wrong with a call of the mesh API, it is refused in one form that names what was wrong; nothing is half done. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { startMesh } from "../support/mesh.ts";
import { acquire, hold, malformed, malformedCalls, purge, take, takeOf } from "../support/malformed-calls.ts";
import { ApiCaller, fieldOf, type RefusedCall } from "../support/refusal-calls.ts";
import { mintKey, TokenMint } from "../support/token-mint.ts";

const mebibyte = 1_048_576;

let mesh: LocalMesh;
let api: ApiCaller;
/** What the refused calls must not have touched. */
let before: { readonly locks: unknown; readonly seq: unknown; readonly budget: unknown };

beforeAll(async () => {
  mesh = await startMesh({ regions: ["weur"] });
  const { port = 0 } = mesh.edges[0] ?? {};
  api = new ApiCaller(port, { admin: await mesh.adminToken(), reader: await tokenWith("mesh:read") });
  before = await traces();
});

afterAll(() => mesh.stop());

async function tokenWith(scope: string): Promise<string> {
  const answer = await fetch(`${mesh.urlOf("weur")}/_mesh/v1/auth/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`admin:${mesh.adminSecret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", scope }),
  });
  return ((await answer.json()) as { readonly access_token: string }).access_token;
}

async function traces(): Promise<typeof before> {
  const [locks, status, budget] = await Promise.all(
    ["/locks", "/status", "/limits/demo/budgets/untouched"].map((path) => api.json(path)),
  );
  const { locks: held } = locks as { readonly locks: unknown };
  const { seq } = status as { readonly seq: unknown };
  return { locks: held, seq, budget: (budget as { readonly used: unknown }).used };
}

async function expectRefused(call: RefusedCall): Promise<void> {
  const { answer, problem } = await api.refused(call);
  expect([answer.status, problem.code, problem.detail]).toEqual([
    call.status,
    call.code,
    call.names === undefined ? problem.detail : expect.stringContaining(call.names),
  ]);
  expect(problem).toMatchObject({
    type: `/_mesh/problems/${call.code}`,
    title: expect.stringMatching(/^[A-Z].+[^.]$/) as unknown,
    status: call.status,
    instance: fieldOf(answer, "mesh-request-id"),
  });
  expect([fieldOf(answer, "cache-control"), fieldOf(answer, "allow")]).toEqual(["no-store", call.allow]);
  expect(answer.body.length).toBeLessThan(1_000);
}

describe("bodies and targets", () => {
  test.each(malformedCalls)("$line with $title is $code", expectRefused);

  const large = " ".repeat(mebibyte + 1);
  const tooLarge = { status: 413, code: "too_large", names: "body: " } as const;
  test.each<RefusedCall>([
    { title: "a body over 1 MiB", line: acquire, body: large, ...tooLarge },
    { title: "a declared length over 1 MiB", line: purge, fields: [`Content-Length: ${mebibyte + 1}`], ...tooLarge },
    {
      title: "chunks over 1 MiB",
      line: take,
      fields: ["Transfer-Encoding: chunked"],
      body: `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
      ...tooLarge,
    },
    { title: "a form over 1 MiB", line: "POST /auth/token", as: "nobody", body: large, ...tooLarge },
    {
      title: "the largest body there may be",
      line: acquire,
      body: " ".repeat(mebibyte),
      names: "body: ",
      ...malformed,
    },
    {
      title: "a head over 64 KiB",
      line: "GET /status",
      fields: [`X-Big: ${"a".repeat(66_000)}`],
      status: 431,
      code: "too_large",
      names: "head: ",
    },
  ])("$title is $status $code", expectRefused);
});

describe("who asks", () => {
  const needing: readonly (readonly [string, object | undefined])[] = [
    ["GET /status", undefined],
    ["GET /locks", undefined],
    ["GET /locks/loom", undefined],
    ["DELETE /locks/loom", undefined],
    [acquire, hold],
    ["POST /locks/loom/renew", { holder: "a", token: 1 }],
    ["POST /locks/loom/release", { holder: "a", token: 1 }],
    ["POST /locks/renew", { holder: "a", holds: [{ lock: "loom", token: 1 }] }],
    ["GET /limits", undefined],
    ["GET /limits/demo", undefined],
    [take, takeOf({})],
    ["GET /limits/demo/budgets/untouched", undefined],
    ["GET /limits/demo/counts", undefined],
    ["PUT /limits/demo", { quota: 1 }],
    ["DELETE /limits/demo", undefined],
    ["POST /limits/take", { takes: [{ limit: "demo", ...takeOf({}) }] }],
    ["POST /limits/demo/reserve", takeOf({ cost: 1 })],
    ["POST /limits/demo/settle", { reservation: "abcd", cost: 1 }],
    ["DELETE /limits/demo/budgets/untouched", undefined],
    [purge, { everything: true }],
    ["GET /events/an-id", undefined],
  ];

  test.each(needing)("%s needs a token", async (line, body) => {
    await expectRefused({ title: line, line, body, as: "nobody", status: 401, code: "token_missing" });
    const { answer } = await api.refused({ title: line, line, body, as: "nobody", status: 401, code: "token_missing" });
    expect(fieldOf(answer, "www-authenticate")).toBe('Bearer realm="mesh"');
  });

  test.each(needing.filter(([line]) => !line.startsWith("GET")))("%s is nothing for mesh:read", async (line, body) => {
    await expectRefused({ title: line, line, body, as: "reader", status: 403, code: "forbidden", names: "scope" });
  });

  test("a scope is asked for before the body is read", async () => {
    const call = { title: "", line: acquire, as: "reader", body: "{", status: 403, code: "forbidden" } as const;
    await expectRefused(call);
  });

  const invalid = { line: "GET /status", status: 401, code: "token_invalid" } as const;
  const doubled = { line: "GET /status", status: 400, code: "malformed_token", names: "Authorization: " } as const;
  const by = (...fields: readonly string[]) => ({ as: { fields } });
  test.each<RefusedCall>([
    { title: "garbage", ...by("Authorization: Bearer garbage"), ...invalid },
    { title: "an empty token", ...by("Authorization: Bearer"), ...invalid },
    { title: "three dots", ...by("Authorization: Bearer ..."), ...invalid },
    { title: "a token over every length", ...by(`Authorization: Bearer ${"a".repeat(20_000)}`), ...invalid },
    { title: "two tokens", ...by("Authorization: Bearer a", "Authorization: Bearer b"), ...doubled },
    { title: "two tokens in one field", ...by("Authorization: Bearer a, Bearer b"), ...doubled },
    { title: "a token beside a login", ...by("Authorization: Basic YTpi", "Authorization: Bearer b"), ...doubled },
    { title: "a login", ...by("Authorization: Basic YTpi"), ...invalid, code: "token_missing" },
    { title: "a token in a cookie", ...by("Cookie: __Host-mesh=a"), ...invalid, code: "token_missing" },
  ])("$title is $code", expectRefused);

  test("a token that another key signed, or that nobody signed, is token_invalid whatever it says", async () => {
    const [, claimsText = ""] = (await mesh.adminToken()).split(".");
    const claims = JSON.parse(Buffer.from(claimsText, "base64url").toString()) as Record<string, unknown>;
    const { issuer, audience } = { issuer: String(claims["iss"]), audience: String(claims["aud"]) };
    const mint = new TokenMint({ issuer, audience, now: Date.now() }, await mintKey("strange"));
    const strangers = [
      await mint.token({ claims }),
      await mint.token({ claims: { ...claims, iss: "https://elsewhere.example" } }),
      `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")}.${claimsText}.`,
    ];
    for (const token of strangers) {
      await expectRefused({ title: "", ...by(`Authorization: Bearer ${token}`), ...invalid });
    }
  });

  test("one changed character of a good token is token_invalid", async () => {
    const token = await mesh.adminToken();
    const at = token.lastIndexOf(".") + 10;
    const changed = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
    await expectRefused({ title: "", ...by(`Authorization: Bearer ${changed}`), ...invalid });
  });
});

describe("methods and paths", () => {
  test.each([
    ["POST /status", "GET, HEAD"],
    ["DELETE /status", "GET, HEAD"],
    ["POST /locks", "GET, HEAD"],
    ["PUT /locks/loom", "DELETE, GET, HEAD"],
    ["POST /locks/loom", "DELETE, GET, HEAD"],
    ["GET /locks/loom/acquire", "POST"],
    ["DELETE /locks/loom/renew", "POST"],
    ["PATCH /locks/loom/release", "POST"],
    ["PATCH /locks/renew", "DELETE, GET, HEAD, POST"],
    ["DELETE /limits", "GET, HEAD"],
    ["POST /limits/demo", "DELETE, GET, HEAD, PUT"],
    ["PATCH /limits/take", "DELETE, GET, HEAD, POST, PUT"],
    ["GET /limits/demo/take", "POST"],
    ["PUT /limits/demo/reserve", "POST"],
    ["GET /limits/demo/settle", "POST"],
    ["DELETE /limits/demo/counts", "GET, HEAD"],
    ["POST /limits/demo/budgets/a", "DELETE, GET, HEAD"],
    ["POST /limits/demo/budgets/a%2Fb", "DELETE, GET, HEAD"],
    ["GET /invalidations", "POST"],
    ["PUT /invalidations", "POST"],
    ["DELETE /events/an-id", "GET, HEAD"],
    ["OPTIONS /locks/loom/acquire", "POST"],
    ["PUT /auth/token", "DELETE, GET, HEAD, POST"],
    ["POST /auth/.well-known/jwks.json", "GET, HEAD"],
    ["DELETE /auth/.well-known/oauth-authorization-server", "GET, HEAD"],
    ["POST /_mesh/healthz", "GET, HEAD"],
    ["DELETE /_mesh/readyz", "GET, HEAD"],
    ["PUT /_mesh/problems/not_found", "GET, HEAD"],
  ])("%s is method_not_allowed, and says that %s are", async (line, allow) => {
    await expectRefused({ title: line, line, status: 405, code: "method_not_allowed", allow });
  });

  test.each([
    "GET /",
    "GET /nothing",
    "POST /lock/loom/acquire",
    "POST /locks/loom/seize",
    "POST /locks/loom/acquire/again",
    "POST /locks/loom/acquire/",
    "GET /locks/",
    "GET /limits/unknown",
    "POST /limits/unknown/take",
    "GET /limits/unknown/counts",
    "DELETE /limits/unknown",
    "DELETE /limits/demo",
    "GET /limits/DEMO",
    "GET /limits/demo/budgets/",
    "GET /events/never-published",
    "GET /auth",
    "GET /_mesh",
    "GET /_mesh/",
    "GET /_mesh/v2/status",
    "GET /%5fmesh/v1/nothing",
    "GET /_mesh/problems/nothing",
  ])("%s is not_found", async (line) => {
    await expectRefused({
      title: line,
      line,
      body: line.startsWith("POST") ? takeOf({}) : undefined,
      status: 404,
      code: "not_found",
    });
  });

  test("a refused HEAD has no body", async () => {
    const answers = await Promise.all(
      ["HEAD /nothing", "HEAD /locks/loom/acquire", "HEAD /locks/Loom"].map((line) => api.ask({ line })),
    );
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [404, ""],
      [405, ""],
      [400, ""],
    ]);
  });
});

describe("the token endpoint", () => {
  const form = "Content-Type: application/x-www-form-urlencoded";
  const grant = "grant_type=client_credentials";
  const wrong = { status: 401, code: "token_invalid", names: "expected the client's id and secret" } as const;
  const missing = { status: 401, code: "token_missing", names: "expected credentials" } as const;
  const login = (text: string) => `Authorization: Basic ${Buffer.from(text).toString("base64")}`;
  const token = "POST /auth/token";
  const rows: readonly (readonly [string, readonly string[], string | undefined, Partial<RefusedCall>])[] = [
    ["nothing", [], undefined, missing],
    ["no grant", [form], "client_id=admin&client_secret=x", { names: "grant_type: " }],
    ["another grant", [form], "grant_type=implicit&client_id=admin&client_secret=x", { names: "grant_type: " }],
    ["a grant twice", [form], `${grant}&${grant}`, { names: "grant_type: " }],
    ["another grant's field twice", [form], `${grant}&username=a&username=a`, { names: "username: " }],
    ["a broken escape", [form], "grant_type=%zz", { names: "body: " }],
    ["a pair without a sign", [form], "grant_type", missing],
    ["JSON", ["Content-Type: application/json"], `{"grant_type":"client_credentials"}`, { names: "Content-Type: " }],
    ["no type", [], grant, { names: "Content-Type: " }],
    ["no client", [form], grant, missing],
    ["an id without a secret", [form], `${grant}&client_id=admin`, { names: "client_secret: " }],
    ["a secret without an id", [form], `${grant}&client_secret=x`, { names: "client_id: " }],
    ["a wrong secret", [form], `${grant}&client_id=admin&client_secret=x`, wrong],
    ["a wrong secret as a login", [form, login("admin:x")], grant, wrong],
    ["an unknown client", [form, login("root:x")], grant, wrong],
    [
      "a login and a form",
      [form, login("admin:x")],
      `${grant}&client_id=admin&client_secret=x`,
      { names: "client_id: " },
    ],
    ["two logins", [form, login("admin:x"), login("admin:y")], grant, { names: "Authorization: " }],
    ["a login without a colon", [form, login("admin")], grant, { names: "Authorization: " }],
    ["a login that is no base64", [form, "Authorization: Basic %%%"], grant, { names: "Authorization: " }],
    ["a Bearer token", [form, "Authorization: Bearer x"], grant, { names: "Authorization: " }],
  ];

  test.each(rows)("%s is refused", async (title, fields, body, expected) => {
    await expectRefused({ title, line: token, as: "nobody", fields, body, ...malformed, ...expected });
  });

  test.each(["mesh:all", "mesh:read mesh:everything", " ", "MESH:READ"])("the scope %j is refused", async (scope) => {
    const fields = [form, login(`admin:${mesh.adminSecret}`)];
    const body = `${grant}&scope=${encodeURIComponent(scope)}`;
    await expectRefused({ title: scope, line: token, as: "nobody", fields, body, names: "scope: ", ...malformed });
  });

  test("a token's facts are for who presents one", async () => {
    const facts = { title: "", line: "GET /auth/token", status: 401 } as const;
    await expectRefused({ ...facts, as: "nobody", code: "token_missing" });
    await expectRefused({ ...facts, as: { fields: ["Authorization: Bearer x"] }, code: "token_invalid" });
  });
});

// Last in this file, so that it looks at what all of the above left behind.
test("after all refused calls nothing is done: no lock is held, no event was made, no budget was touched", async () => {
  expect(before).toMatchObject({ locks: [], budget: 0 });
  expect(await traces()).toEqual(before);
});
