/** Whatever is wrong with a call of the mesh API, it is refused in one form that names what was wrong; nothing is half done. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { startMesh } from "../support/mesh.ts";
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

const malformed = { status: 400, code: "malformed_request" } as const;

const hold = { holder: "node-a", ttlMs: 1_000 };
const holdOf = (more: object) => ({ ...hold, ...more });
const acquire = "POST /locks/loom/acquire";
const take = "POST /limits/demo/take";
const purge = "POST /invalidations";
const takeOf = (more: object) => ({ key: "untouched", ...more });

/** Rows of [what is wrong, what is sent, the field that the detail names]. */
const bodies: Readonly<Record<string, readonly (readonly [string, unknown, string])[]>> = {
  [acquire]: [
    ["no body", undefined, "body: expected JSON"],
    ["a body of spaces", "   ", "body: expected JSON"],
    ["broken JSON", `{"holder":"a"`, "body: expected JSON"],
    ["two values", `{"holder":"a","ttlMs":1000}{}`, "body: expected JSON"],
    ["a trailing comma", `{"holder":"a","ttlMs":1000,}`, "body: expected JSON"],
    ["NaN", `{"holder":"a","ttlMs":NaN}`, "body: expected JSON"],
    ["Infinity", `{"holder":"a","ttlMs":Infinity}`, "body: expected JSON"],
    ["a byte order mark", `\xef\xbb\xbf{"holder":"a","ttlMs":1000}`, "body: expected JSON"],
    ["bytes that are no UTF-8", `{"holder":"\xff","ttlMs":1000}`, "body: expected UTF-8"],
    ["a form", "holder=a&ttlMs=1000", "body: expected JSON"],
    ["null", "null", "body: expected an object"],
    ["a list", [], "expected"],
    ["a text that could be a secret", JSON.stringify("s".repeat(2_000)), "body: expected an object"],
    ["a deep nest", `{"holder":${"[".repeat(200_000)}${"]".repeat(200_000)},"ttlMs":1000}`, "holder: "],
    ["no fields", {}, "holder: expected, and missing"],
    ["no ttlMs", { holder: "a" }, "ttlMs: expected, and missing"],
    ["a misspelt field", holdOf({ ttlms: 5 }), "ttlms: expected no such field"],
    ["a prototype's name", `{"holder":"a","ttlMs":1000,"__proto__":{}}`, "__proto__: expected no such field"],
    ["another prototype's name", holdOf({ constructor: 1 }), "constructor: expected no such field"],
    ["a field with an endless name", holdOf({ ["x".repeat(5_000)]: 1 }), "x".repeat(100)],
    ["an empty holder", holdOf({ holder: "" }), "holder: "],
    ["a holder of another type", holdOf({ holder: 7 }), "holder: "],
    ["a holder that is null", holdOf({ holder: null }), "holder: "],
    ["a holder over its length", holdOf({ holder: "a".repeat(129) }), "holder: "],
    ["a holder over its bytes", holdOf({ holder: "ä".repeat(65) }), "holder: "],
    ["a line break in the holder", holdOf({ holder: "a\nb" }), "holder: "],
    ["a zero character in the holder", holdOf({ holder: "a\u0000" }), "holder: "],
    ["a delete character in the holder", holdOf({ holder: "\u007f" }), "holder: "],
    ["a C1 control character in the holder", holdOf({ holder: "a\u0085b" }), "holder: "],
    ["half a character in the holder", `{"holder":"\\ud800","ttlMs":1000}`, "holder: "],
    ["ttlMs as a text", holdOf({ ttlMs: "1000" }), "ttlMs: expected a whole number from 1000 to 3600000"],
    ["a negative ttlMs", holdOf({ ttlMs: -1_000 }), "ttlMs: "],
    ["ttlMs of 0", holdOf({ ttlMs: 0 }), "ttlMs: "],
    ["a fraction", holdOf({ ttlMs: 1_000.5 }), "ttlMs: "],
    ["ttlMs over its most", holdOf({ ttlMs: 3_600_001 }), "ttlMs: "],
    ["a number beyond all", `{"holder":"a","ttlMs":1e999}`, "ttlMs: "],
    ["a negative waitMs", holdOf({ waitMs: -1 }), "waitMs: "],
    ["waitMs over its most", holdOf({ waitMs: 30_001 }), "waitMs: "],
    ["waitMs that is null", holdOf({ waitMs: null }), "waitMs: "],
    ["atLeastMs over ttlMs", holdOf({ atLeastMs: 1_001 }), "atLeastMs: "],
    ["a shared hold", holdOf({ mode: "shared" }), "mode: "],
    ["permits", holdOf({ permits: 2 }), "permits: "],
    ["an empty requestId", holdOf({ requestId: "" }), "requestId: "],
  ],
  "POST /locks/loom/renew": [
    ["no token", { holder: "a" }, "token: expected, and missing"],
    ["a negative token", { holder: "a", token: -1 }, "token: "],
    ["a token beyond exact numbers", `{"holder":"a","token":9007199254740993}`, "token: "],
  ],
  "POST /locks/loom/release": [
    ["a token as a text", { holder: "a", token: "1" }, "token: "],
    ["a field of another call", { holder: "a", token: 1, ttlMs: 1_000 }, "ttlMs: expected no such field"],
  ],
  "POST /locks/renew": [
    ["no holds", { holder: "a", holds: [] }, "holds: "],
    ["too many holds", { holder: "a", holds: Array.from({ length: 101 }, () => ({ lock: "l", token: 1 })) }, "holds: "],
    ["a hold that is a text", { holder: "a", holds: ["x".repeat(2_000)] }, "holds.0: expected an object"],
    [
      "a wrong name within",
      {
        holder: "a",
        holds: [
          { lock: "l", token: 1 },
          { lock: "L", token: 1 },
        ],
      },
      "holds.1.lock: ",
    ],
  ],
  [take]: [
    ["no key", { cost: 1 }, "key: expected, and missing"],
    ["an empty key", { key: "" }, "key: "],
    ["a key over 512 bytes", { key: "k".repeat(513) }, "key: "],
    ["a control character in the key", { key: "a\tb" }, "key: "],
    ["a key that is a list", { key: ["a"] }, "key: "],
    ["a negative cost", takeOf({ cost: -1 }), "cost: "],
    ["half a token", takeOf({ cost: 0.5 }), "cost: "],
    ["a cost beyond exact numbers", takeOf({ cost: 2 ** 53 }), "cost: "],
    ["a cost as a text", takeOf({ cost: "1" }), "cost: "],
    ["an unknown field", takeOf({ costs: 1 }), "costs: expected no such field"],
  ],
  [purge]: [
    ["nothing to purge", {}, "expected tags, urls, prefixes or everything"],
    ["a mode alone", { mode: "purge" }, "expected tags, urls, prefixes or everything"],
    ["a list as a body", [], "expected"],
    ["no tags in the list", { tags: [] }, "tags: "],
    ["tags that are a text", { tags: "a" }, "tags: "],
    ["an empty tag", { tags: [""] }, "tags.0: "],
    ["a tag over 64 bytes", { tags: ["ok", "ä".repeat(33)] }, "tags.1: "],
    ["a control character in a tag", { tags: ["a\u001b"] }, "tags.0: "],
    ["too many tags", { tags: Array.from({ length: 10_001 }, () => "t") }, "tags: "],
    ["a URL with dot segments", { urls: ["/a/../b"] }, "urls.0: "],
    ["a URL that is no path", { urls: ["parts"] }, "urls.0: "],
    ["a URL of another scheme", { urls: ["file:///etc/passwd"] }, "urls.0: "],
    ["a URL with a user", { urls: ["http://a@b/"] }, "urls.0: "],
    ["a prefix with an encoded slash", { prefixes: ["/a", "/a%2Fb"] }, "prefixes.1: "],
    ["everything that is false", { everything: false }, "everything: expected true"],
    ["an unknown mode", { everything: true, mode: "soft" }, "mode: "],
    ["an id with a space", { everything: true, id: "a b" }, "id: "],
    ["an id over its length", { everything: true, id: "a".repeat(129) }, "id: "],
  ],
};

const bodyCalls: readonly RefusedCall[] = Object.entries(bodies).flatMap(([line, rows]) =>
  rows.map(([title, body, names]): RefusedCall => ({ title, line, body, names, ...malformed })),
);

/** Rows of [method and path, the field that the detail names]. */
const targets: readonly (readonly [string, string])[] = [
  ["POST /invalidations?ack=all", "ack: "],
  ["POST /invalidations?ack=", "ack: "],
  ["POST /invalidations?ack=none&ack=regions", "query ack: "],
  ["POST /invalidations?ack=regions&timeoutMs=-1", "timeoutMs: "],
  ["POST /invalidations?ack=regions&timeoutMs=1e3", "timeoutMs: "],
  ["POST /invalidations?ack=regions&timeoutMs=30001", "timeoutMs: "],
  ["POST /invalidations?ack=regions&timeoutMs=99999999999999999999", "timeoutMs: "],
  ["POST /invalidations?akc=regions", "akc: expected no such field"],
  ["POST /invalidations?__proto__=regions", "__proto__: expected no such field"],
  ["POST /invalidations?__proto__=a&__proto__=b", "query __proto__: "],
  ["GET /locks?limit=0", "limit: "],
  ["GET /locks?limit=1001", "limit: "],
  ["GET /locks?limit=ten", "limit: "],
  ["GET /locks?limit=", "limit: "],
  ["GET /locks?limit=1&limit=2", "query limit: "],
  ["GET /locks?cursor=%00", "query cursor: "],
  ["GET /locks?cursor=WzEwMDAwMCwiIl0", "query cursor: "],
  ["GET /locks?page=2", "page: expected no such field"],
  ["GET /limits?limit=-5", "limit: "],
  ["GET /limits?cursor=A", "cursor: "],
  ["GET /status?fromat=text", "fromat: expected no such field"],
  ["GET /events/an-id?after=1", "after: expected no such field"],
  ["GET /locks/Loom", "name: "],
  ["GET /locks/-loom", "name: "],
  [`GET /locks/${"a".repeat(65)}`, "name: "],
  ["GET /locks/a%20b", "name: "],
  ["GET /locks/l%C3%B6om", "name: "],
  ["GET /locks/a%3Fb", "name: "],
  ["DELETE /locks/a%23b", "name: "],
  ["GET /locks/a%2525", ""],
  ["GET /locks/a%2Fb", ""],
  ["GET /locks/%2e%2e", ""],
  ["GET /locks/..", ""],
  ["GET /locks//a", ""],
  ["GET /locks/a%00", ""],
  ["GET /locks/a%0d%0aX", ""],
  ["GET /locks/a%ff", ""],
  ["GET /events/a%20b", "id: "],
  [`GET /events/${"e".repeat(129)}`, "id: "],
  [`GET /limits/demo/budgets/${"k".repeat(513)}`, "key: "],
];

const targetCalls = targets.map(([line, names]): RefusedCall => {
  const body = line.startsWith("POST") ? { body: { everything: true } } : {};
  return { title: line, line, ...body, ...(names === "" ? {} : { names }), ...malformed };
});

describe("bodies and targets", () => {
  test.each([...bodyCalls, ...targetCalls])("$line with $title is $code", expectRefused);

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
    ["POST /limits/demo", "GET, HEAD"],
    ["GET /limits/demo/take", "POST"],
    ["POST /limits/demo/budgets/a", "GET, HEAD"],
    ["GET /invalidations", "POST"],
    ["PUT /invalidations", "POST"],
    ["DELETE /events/an-id", "GET, HEAD"],
    ["OPTIONS /locks/loom/acquire", "POST"],
    ["PUT /auth/token", "GET, HEAD, POST"],
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
  const login = (text: string) => `Authorization: Basic ${Buffer.from(text).toString("base64")}`;
  const token = "POST /auth/token";
  const rows: readonly (readonly [string, readonly string[], string | undefined, Partial<RefusedCall>])[] = [
    ["nothing", [], undefined, { names: "grant_type: " }],
    ["no grant", [form], "client_id=admin&client_secret=x", { names: "grant_type: " }],
    ["another grant", [form], "grant_type=password&client_id=admin&client_secret=x", { names: "grant_type: " }],
    ["a grant twice", [form], `${grant}&${grant}`, { names: "grant_type: " }],
    ["an unknown field", [form], `${grant}&username=a`, { names: "body: " }],
    ["a broken escape", [form], "grant_type=%zz", { names: "body: " }],
    ["a pair without a sign", [form], "grant_type", { names: "body: " }],
    ["JSON", ["Content-Type: application/json"], `{"grant_type":"client_credentials"}`, { names: "Content-Type: " }],
    ["no type", [], grant, { names: "Content-Type: " }],
    ["no client", [form], grant, wrong],
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

  test.each(["mesh:all", "mesh:read mesh:everything", "", " ", "MESH:READ"])(
    "the scope %j is refused",
    async (scope) => {
      const fields = [form, login(`admin:${mesh.adminSecret}`)];
      const body = `${grant}&scope=${encodeURIComponent(scope)}`;
      await expectRefused({ title: scope, line: token, as: "nobody", fields, body, names: "scope: ", ...malformed });
    },
  );

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
