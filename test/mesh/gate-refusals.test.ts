/** What the gate refuses, over sockets, each with its exact code; and what never reaches the upstream. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { type Echo, EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";
import { type RawAnswer, rawRequest, sendRaw } from "../support/raw-http.ts";

let origin: EchoOrigin;
let mesh: LocalMesh;
let port: number;

beforeAll(async () => {
  origin = await EchoOrigin.start();
  mesh = await startMesh({
    configFile: join(import.meta.dirname, "../support/gate.config.ts"),
    regions: ["weur"],
    origins: { "*": origin.url },
    vars: { ORIGIN_SECRET: "the origin knows this" },
  });
  port = mesh.edges[0]?.port ?? 0;
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

function ask(requestLine: string, fields: readonly string[] = [], body = ""): Promise<RawAnswer> {
  return sendRaw(port, rawRequest(requestLine, fields, body));
}

function fieldOf(answer: RawAnswer, name: string): string | undefined {
  return answer.fields.find(([field]) => field === name)?.[1];
}

function codeOf(answer: RawAnswer): unknown {
  if (fieldOf(answer, "content-type") !== "application/problem+json") return `no problem: ${answer.body}`;
  return (JSON.parse(answer.body) as { readonly code: unknown }).code;
}

async function echoed(requestLine: string, fields: readonly string[] = [], body = ""): Promise<Echo> {
  const answer = await ask(requestLine, fields, body);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body) as Echo;
}

function sentOf(echo: Echo, name: string): readonly string[] {
  return echo.fields.filter(([field]) => field === name).map(([, value]) => value);
}

describe("paths", () => {
  test.each([
    "/public/../known/x",
    "/public/..",
    "/public/./x",
    "/public/%2e%2e/known/x",
    "/public/.%2E/known/x",
    "/public/..;/known/x",
    "/public/..;a=b/known/x",
    "/public/;../known/x",
    "/public/%2e%2e%3Bx/known",
    "/public/%252e%252e/known/x",
    "/public//x",
    "//public/x",
    "/public/a%2Fb",
    "/public/..%2fknown",
    "/public/a%5cb",
    "/public/a\\b",
    "/public\\..\\known",
    "/public/%00",
    "/public/%0d%0aX:y",
    "/public/%",
    "/public/%zz",
    "/public/%c0%ae%c0%ae/known",
    "/public/%7f",
  ])("GET %s is malformed_request and goes nowhere", async (path) => {
    const before = [...origin.calls.values()].reduce((sum, count) => sum + count, 0);
    const answer = await ask(`GET ${path}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, "malformed_request"]);
    expect([...origin.calls.values()].reduce((sum, count) => sum + count, 0)).toBe(before);
  });

  test("what was matched is what is sent", async () => {
    expect((await echoed("GET /pub%6cic/%7Ea/b%20c?q=%2e%2e/&r=[1]")).url).toBe("/public/~a/b%20c?q=%2e%2e/&r=[1]");
    expect((await echoed("GET /t/acme/items?x=1")).url).toBe("/v2/items?x=1");
  });

  // A server that drops parameters, or decodes before it routes, would serve what only `/known/*` or `/_mesh` may name.
  test.each([
    "/known;x/a",
    "/known;/a",
    "/known%3Bx/a",
    "/known%3bx=1;y/a",
    "/kn%256Fwn/a",
    "/known%253Bx/a",
    "/known;x",
    "/_mesh;x/v1/status",
  ])("GET %s is malformed_request: its other reading takes another route", async (path) => {
    const before = [...origin.calls.values()].reduce((sum, count) => sum + count, 0);
    const answer = await ask(`GET ${path}`, ["Host: api.example.com"]);
    expect([answer.status, codeOf(answer)]).toEqual([400, "malformed_request"]);
    expect([...origin.calls.values()].reduce((sum, count) => sum + count, 0)).toBe(before);
    expect((await ask(`HEAD ${path}`, ["Host: api.example.com"])).body).toBe("");
  });

  test("parameters that change nothing of the route arrive as they were sent", async () => {
    expect((await echoed("GET /public/m;v=1/x%3By?z;q")).url).toBe("/public/m;v=1/x%3By?z;q");
    expect((await echoed("GET /t/acme;x=1/items;y")).url).toBe("/v2/items;y");
  });

  test.each([
    ["Host: a b"],
    ["Host: a/../b"],
    ["Host: a/public"],
    ["Host: a?b"],
    ["Host: a#b"],
    ["Host: user@a"],
    ["Host: a", "Host: b"],
  ])("a bad Host is malformed_request: %s %s", async (...fields) => {
    const answer = await ask("GET /public/x", fields);
    expect([answer.status, codeOf(answer)]).toEqual([400, "malformed_request"]);
  });

  test("GET * is malformed_request", async () => {
    const answer = await ask("OPTIONS *");
    expect([answer.status, codeOf(answer)]).toEqual([400, "malformed_request"]);
  });
});

describe("requests", () => {
  const huge = `X-Big: ${"a".repeat(70_000)}`;
  test.each([
    ["an unmatched path", "GET /nowhere", [], "", { status: 404, code: "no_route" }],
    ["another host's path", "GET /host-only", ["Host: www.example.com"], "", { status: 404, code: "no_route" }],
    ["a method that no route takes", "DELETE /read/x", [], "", { status: 405, code: "method_not_allowed" }],
    ["TRACE", "TRACE /public/x", [], "", { status: 405, code: "method_not_allowed" }],
    ["a head over 64 KiB", "GET /public/x", [huge], "", { status: 431, code: "too_large" }],
    ["a head over 64 KiB to the mesh itself", "GET /_mesh/healthz", [huge], "", { status: 431, code: "too_large" }],
    [
      "a fencing token that nobody asks for",
      "GET /public/x",
      ['Mesh-Fence: "a";token=1'],
      "",
      { status: 400, code: "malformed_request" },
    ],
    [
      "a declared body over the limit",
      "POST /small/x",
      ["Content-Length: 11"],
      "01234567890",
      { status: 413, code: "too_large" },
    ],
    [
      "a counted body over the limit",
      "POST /small/x",
      ["Transfer-Encoding: chunked"],
      "b\r\n01234567890\r\n0\r\n\r\n",
      { status: 413, code: "too_large" },
    ],
    ["a GET with a body", "GET /public/x", ["Content-Length: 3"], "abc", { status: 400, code: "malformed_request" }],
    [
      "a GET with a body in chunks",
      "GET /public/x",
      ["Transfer-Encoding: chunked"],
      "3\r\nabc\r\n0\r\n\r\n",
      { status: 400, code: "malformed_request" },
    ],
    [
      "a blocked address",
      "GET /public/x",
      ["CF-Connecting-IP: 198.51.100.7"],
      "",
      { status: 403, code: "address_blocked" },
    ],
    [
      "a blocked address in another spelling",
      "GET /public/x",
      ["CF-Connecting-IP: ::ffff:c633:6407"],
      "",
      { status: 403, code: "address_blocked" },
    ],
    [
      "an address that is none",
      "GET /public/x",
      ["CF-Connecting-IP: 010.1.1.1"],
      "",
      { status: 400, code: "malformed_request" },
    ],
    ["no token", "GET /known/x", [], "", { status: 401, code: "token_missing" }],
    [
      "two tokens",
      "GET /known/x",
      ["Authorization: Bearer a", "Authorization: Bearer b"],
      "",
      { status: 400, code: "malformed_token" },
    ],
    ["an unknown page", "GET /_mesh/problems/nothing", [], "", { status: 404, code: "not_found" }],
    ["a mesh path that is none", "GET /_mesh", [], "", { status: 404, code: "not_found" }],
    [
      "a wrong method on a mesh path",
      "POST /_mesh/healthz",
      ["Content-Length: 0"],
      "",
      { status: 405, code: "method_not_allowed" },
    ],
  ] as const)("%s: %s", async (_, requestLine, fields, body, { status, code }) => {
    const answer = await ask(requestLine, fields, body);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    const problem = JSON.parse(answer.body) as Record<string, unknown>;
    expect(problem).toMatchObject({
      type: `/_mesh/problems/${code}`,
      status,
      instance: fieldOf(answer, "mesh-request-id"),
    });
    expect([fieldOf(answer, "cache-control"), fieldOf(answer, "mesh-region")]).toEqual(["no-store", "weur"]);
  });

  test("bodies within the limit pass, declared and in chunks; an empty body of a GET is none", async () => {
    expect((await echoed("POST /small/x", ["Content-Length: 10"], "0123456789")).bytes).toBe(10);
    expect((await echoed("POST /small/x", ["Transfer-Encoding: chunked"], "a\r\n0123456789\r\n0\r\n\r\n")).bytes).toBe(
      10,
    );
    expect((await echoed("GET /public/x", ["Content-Length: 0"])).bytes).toBe(0);
    expect((await echoed("GET /public/x", ["Transfer-Encoding: chunked"], "0\r\n\r\n")).bytes).toBe(0);
  });

  test("a refused method is told which ones are not", async () => {
    expect(fieldOf(await ask("DELETE /read/x"), "allow")).toBe("GET, HEAD");
  });

  test("the refusal of a HEAD has no body", async () => {
    const answer = await ask("HEAD /nowhere");
    expect([answer.status, answer.body]).toEqual([404, ""]);
    expect((await ask("HEAD /known/x")).body).toBe("");
    expect((await ask("HEAD /public//x")).body).toBe("");
  });

  test("an upstream that is not there is upstream_failed, and one that is late upstream_timeout", async () => {
    const gone = await ask("GET /public/drop-always");
    expect([gone.status, codeOf(gone)]).toEqual([502, "upstream_failed"]);
    const odd = await ask("GET /public/999");
    expect([odd.status, codeOf(odd)]).toEqual([502, "upstream_failed"]);
    const late = await ask("GET /impatient/hold");
    expect([late.status, codeOf(late)]).toEqual([504, "upstream_timeout"]);
    await origin.ended("/impatient/hold");
  });
});

describe("preflights", () => {
  const preflight = ["Origin: https://app.example.com", "Access-Control-Request-Method: GET"];
  const statuses = async (path: string, address: string): Promise<readonly number[]> => {
    const found: number[] = [];
    for (let index = 0; index < 4; index += 1) {
      const answer = await ask(`OPTIONS ${path}`, [...preflight, `CF-Connecting-IP: ${address}`]);
      found.push(answer.status);
    }
    return found;
  };

  test("that go to the origin are counted by address, and by nobody's subject", async () => {
    expect(await statuses("/few/preflight", "203.0.113.1")).toEqual([200, 200, 429, 429]);
    expect(origin.calls.get("/few/preflight")).toBe(2);
  });

  test("that the gate answers cost nothing", async () => {
    expect(await statuses("/few-answered/preflight", "203.0.113.2")).toEqual([204, 204, 204, 204]);
    expect(await statuses("/few/after", "203.0.113.2")).toEqual([200, 200, 429, 429]);
  });
});

describe("what a client cannot say", () => {
  test.each(["Mesh-Subject", "Mesh_Subject", "MESH-ROLES", "mesh_roles", "Mesh-Anything-New", "Mesh_Client-Address"])(
    "%s never reaches the upstream from a client",
    async (name) => {
      const echo = await echoed("GET /public/x", [`${name}: spoofed`]);
      expect(echo.fields.filter(([, value]) => value.includes("spoofed"))).toEqual([]);
    },
  );

  test("Connection takes away what the client sent, and nothing that the mesh says", async () => {
    const listed = "close, Mesh-Request-Id, Mesh-Client-Address, X-Forwarded-For, X-Mine";
    const echo = await echoed("GET /public/x", [`Connection: ${listed}`, "X-Mine: 1", "Mesh-Request-Id: spoofed"]);
    expect(sentOf(echo, "x-mine")).toEqual([]);
    expect(sentOf(echo, "mesh-request-id")).toHaveLength(1);
    expect(sentOf(echo, "mesh-client-address")).toEqual(["127.0.0.1"]);
  });

  test("the address is the platform's word, whatever else the client says", async () => {
    const fields = [
      "CF-Connecting-IP: 2001:DB8::7",
      "X-Forwarded-For: 6.6.6.6",
      "Forwarded: for=6.6.6.6",
      "X-Real-IP: 6.6.6.6",
    ];
    const echo = await echoed("GET /public/x", fields);
    expect(sentOf(echo, "mesh-client-address")).toEqual(["2001:db8::7"]);
    expect(sentOf(echo, "x-forwarded-for")).toEqual(["2001:db8::7"]);
    expect(echo.fields.filter(([, value]) => value.includes("6.6.6.6"))).toEqual([]);
  });

  test("only the mesh proves to be the mesh", async () => {
    const echo = await echoed("GET /proving/x", ["X-From-Mesh: guessed"]);
    expect(sentOf(echo, "x-from-mesh")).toEqual(["the origin knows this"]);
    expect(sentOf(await echoed("GET /public/x"), "x-from-mesh")).toEqual([]);
  });
});

describe("the mesh's own pages", () => {
  test("it is up, and ready when its view is current", async () => {
    expect((await ask("GET /_mesh/healthz")).body).toBe('{"status":"ok"}');
    expect((await ask("GET /_mesh/readyz")).status).toBe(200);
    expect((await ask("GET /%5Fmesh/healthz")).status).toBe(200);
  });

  test("without a mount, the root's paths are the upstream's", async () => {
    expect((await ask("GET /healthz", ["Host: api.example.com"])).status).toBe(200);
    expect((await echoed("GET /token", ["Host: api.example.com:8443"])).url).toBe("/token");
  });

  test("a problem's page is HTML for a browser and JSON for a program", async () => {
    const page = await ask("GET /_mesh/problems/no_route", ["Accept: text/html,application/json;q=0.9"]);
    expect([page.status, fieldOf(page, "content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.body).toContain("<h1>No route matches</h1>");
    const document = JSON.parse((await ask("GET /_mesh/problems/too_large")).body) as Record<string, unknown>;
    expect(document).toMatchObject({ code: "too_large", statuses: [413, 431] });
  });
});
