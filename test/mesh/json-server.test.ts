/**
 * `npm start -- --origin URL` in front of json-server: through every edge a client gets what it got before, byte for
 * byte, but for the fields that the mesh documents as its own and those of one connection.
 */
import { once } from "node:events";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JsonServerOrigin } from "../support/json-server-origin.ts";
import { type SpawnedMesh, spawnMesh } from "../support/mesh.ts";

let origin: JsonServerOrigin;
let mesh: SpawnedMesh;

beforeAll(async () => {
  origin = await JsonServerOrigin.start();
  mesh = await spawnMesh("--origin", origin.url);
});

afterAll(async () => {
  await mesh[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

interface Answer {
  readonly status: number;
  readonly statusText: string;
  /** Sorted; several fields of one name stay several. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** What the mesh adds to an answer, and what belongs to one connection or one moment. */
const notCompared =
  /^(?:mesh-.*|cache-status|ratelimit|ratelimit-policy|server-timing|age|date|connection|keep-alive|transfer-encoding)$/;

/** Node's own client neither decodes nor follows nor adds. */
async function ask(url: string, { method = "GET", path, headers = {}, body }: Call, agent?: Agent): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const isFramed = body === undefined || "transfer-encoding" in headers;
  const length = isFramed ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const all = { ...length, ...headers };
  const request = httpRequest({ hostname, port, path, method, headers: all, agent: agent ?? false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const raw = response.rawHeaders;
  const fields = raw.flatMap((name, index) =>
    index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ""] as const] : [],
  );
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? "",
    fields: fields
      .filter(([name]) => !notCompared.test(name))
      .toSorted(([one, first], [other, second]) => (`${one}:${first}` < `${other}:${second}` ? -1 : 1)),
    body: Buffer.concat(chunks),
  };
}

function expectSame(through: Answer, direct: Answer): void {
  expect({ ...shownOf(through), fields: fieldsOf(through, direct) }).toEqual({
    ...shownOf(direct),
    fields: fieldsOf(direct, direct),
  });
  expect(through.body.equals(direct.body)).toBe(true);
}

function shownOf({ status, statusText, body }: Answer) {
  return { status, statusText, length: body.length };
}

/**
 * A length is framing: an answer that came in chunks may be kept and then has one, which is that of its bytes; and a 204
 * must have none (RFC 9110 section 8.6), whatever the API says. A 304 lists in Vary what a 200 would (section 15.4.5);
 * json-server leaves Accept-Encoding out of it.
 */
function fieldsOf({ body, fields }: Answer, direct: Answer): Answer["fields"] {
  const isToldDirectly = direct.fields.some(([name]) => name === "content-length") && direct.status !== 204;
  const isFraming = (name: string, value: string) =>
    name === "content-length" && !isToldDirectly && (direct.status === 204 || Number(value) === body.length);
  return fields
    .filter(([name, value]) => !isFraming(name, value))
    .map(([name, value]) => {
      const isShort = name === "vary" && direct.status === 304 && !/accept-encoding/i.test(value);
      return [name, isShort ? `${value}, Accept-Encoding` : value];
    });
}

const json = { "content-type": "application/json" };
const from = { origin: "https://app.example.com" };
const preflight = { ...from, "access-control-request-method": "PATCH", "access-control-request-headers": "x-a, x-b" };
const basic = { authorization: `Basic ${btoa("ada:lovelace")}` };
/** Of somebody else's issuer: nothing that the mesh could verify. */
const foreign = { authorization: "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl" };

const reads: readonly (readonly [string, Call])[] = [
  ["a list", { path: "/posts" }],
  ["one", { path: "/posts/7" }],
  ["an object", { path: "/profile" }],
  ["the whole database", { path: "/db" }],
  ["the home page, a file", { path: "/" }],
  ["a file that is not there", { path: "/style/none.css" }],
  ["one that is not there", { path: "/posts/999" }],
  ["a resource that is not there", { path: "/nothing" }],
  ["a filter", { path: "/posts?author=ada&views_gte=10" }],
  ["a filter in Unicode", { path: `/posts?author=${encodeURIComponent("Zoë 🧵")}` }],
  ["a filter given twice", { path: "/posts?id=1&id=2&id=3" }],
  ["a search", { path: "/posts?q=Post%202" }],
  ["plus signs and empty values", { path: "/posts?title=Post+3&x=&y&=z&&" }],
  ["brackets and bars as they are", { path: "/posts?a[]=1&b={c}|d&e=%5B%5D" }],
  ["a question mark and nothing", { path: "/posts?" }],
  ["a page with Link and X-Total-Count", { path: "/posts?_page=2&_limit=5" }],
  ["the last page", { path: "/posts?_page=6&_limit=5" }],
  ["a slice in order", { path: "/posts?_sort=views&_order=desc&_start=3&_end=9" }],
  ["what belongs to it", { path: "/posts/1?_embed=comments" }],
  ["a nested list", { path: "/posts/1/comments" }],
  ["a path that ends with a slash", { path: "/posts/" }],
  ["a path in Unicode", { path: `/posts/${encodeURIComponent("Zoë 🧵")}` }],
  ["HEAD of a list", { method: "HEAD", path: "/posts" }],
  ["HEAD of one", { method: "HEAD", path: "/posts/7" }],
  ["HEAD of nothing", { method: "HEAD", path: "/nothing" }],
  ["OPTIONS", { method: "OPTIONS", path: "/posts" }],
  ["OPTIONS of nothing", { method: "OPTIONS", path: "/nothing" }],
  ["a condition that does not hold", { path: "/posts/7", headers: { "if-none-match": '"other"' } }],
  ["a condition that always holds", { path: "/posts/7", headers: { "if-none-match": "*" } }],
  ["a date as a condition", { path: "/", headers: { "if-modified-since": "Fri, 31 Dec 2099 23:59:59 GMT" } }],
  ["what a cache must not keep", { path: "/posts/7", headers: { "cache-control": "no-cache", pragma: "no-cache" } }],
  ["a part of a file", { path: "/", headers: { range: "bytes=10-49" } }],
  ["a part that is not there", { path: "/", headers: { range: "bytes=9999999-" } }],
  ["a long answer, plain", { path: "/notes/long", headers: { "accept-encoding": "identity" } }],
  ["a long answer, compressed", { path: "/notes/long", headers: { "accept-encoding": "gzip" } }],
  ["a long answer, in the client's order", { path: "/notes", headers: { "accept-encoding": "deflate, gzip;q=0.5" } }],
  ["HEAD of a compressed one", { method: "HEAD", path: "/notes/long", headers: { "accept-encoding": "gzip" } }],
  ["a request from elsewhere", { path: "/posts/1", headers: from }],
  [
    "a credentialed request from elsewhere",
    { path: "/posts/1", headers: { ...from, cookie: "session=1; theme=dark" } },
  ],
  ["a preflight", { method: "OPTIONS", path: "/posts/1", headers: preflight }],
  ["a preflight of nothing", { method: "OPTIONS", path: "/nothing", headers: preflight }],
  ["a Basic login", { path: "/posts/1", headers: basic }],
  ["a foreign token", { path: "/posts/1", headers: foreign }],
  ["a foreign token that is broken", { path: "/posts/1", headers: { authorization: "Bearer x, Bearer y" } }],
  ["an upgrade that nobody takes", { path: "/posts/1", headers: { upgrade: "h2c", connection: "upgrade" } }],
  ...["/token", "/healthz", "/readyz", "/metrics", "/.well-known/jwks.json", "/login", "/_mesh-not", "/mesh"].map(
    (path) => [`${path}, which is the API's`, { path }] as const,
  ),
];

const writes: readonly (readonly [string, Call])[] = [
  ["POST", { method: "POST", path: "/posts", headers: json, body: `{"title":"new","author":"ada"}` }],
  ["POST in Unicode", { method: "POST", path: "/posts", headers: json, body: JSON.stringify({ title: "織り 🧵" }) }],
  [
    "POST of a form",
    {
      method: "POST",
      path: "/posts",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "title=a+b&author=%C3%A9",
    },
  ],
  [
    "POST of 3 MB",
    { method: "POST", path: "/notes", headers: json, body: JSON.stringify({ id: "big", text: "x".repeat(3_000_000) }) },
  ],
  ["the 3 MB again", { path: "/notes/big" }],
  [
    "POST of more than it takes",
    { method: "POST", path: "/notes", headers: json, body: `{"text":"${"x".repeat(11_000_000)}"}` },
  ],
  ["POST without a body", { method: "POST", path: "/posts" }],
  ["POST of broken JSON", { method: "POST", path: "/posts", headers: json, body: `{"title":` }],
  ["POST of an id that is there", { method: "POST", path: "/posts", headers: json, body: `{"id":1}` }],
  [
    "POST in chunks",
    { method: "POST", path: "/posts", headers: { ...json, "transfer-encoding": "chunked" }, body: `{"a":1}` },
  ],
  ["POST under another", { method: "POST", path: "/posts/2/comments", headers: json, body: `{"body":"nested"}` }],
  ["PUT", { method: "PUT", path: "/posts/3", headers: json, body: `{"title":"all of it"}` }],
  ["PUT of nothing", { method: "PUT", path: "/posts/999", headers: json, body: `{"title":"x"}` }],
  ["PUT of an object", { method: "PUT", path: "/profile", headers: json, body: `{"name":"other"}` }],
  ["PATCH", { method: "PATCH", path: "/posts/4", headers: { ...json, ...from }, body: `{"views":1000}` }],
  ["PATCH by a login", { method: "PATCH", path: "/posts/5", headers: { ...json, ...basic }, body: `{"views":1001}` }],
  [
    "PATCH by a foreign token",
    { method: "PATCH", path: "/posts/6", headers: { ...json, ...foreign }, body: `{"views":1}` },
  ],
  [
    "PATCH by another name",
    { method: "POST", path: "/posts/6", headers: { ...json, "x-http-method-override": "PATCH" }, body: `{"views":2}` },
  ],
  ["a read of what was changed", { path: "/posts/4" }],
  ["DELETE", { method: "DELETE", path: "/posts/1" }],
  ["a read of what is gone", { path: "/posts/1" }],
  ["DELETE of what is gone", { method: "DELETE", path: "/posts/1" }],
  ["DELETE with a body", { method: "DELETE", path: "/posts/8", headers: json, body: `{"why":"because"}` }],
  ["a method that it does not know", { method: "PROPFIND", path: "/posts" }],
  ["POST to /token", { method: "POST", path: "/token", headers: json, body: `{"user":"ada"}` }],
  ["POST to /login", { method: "POST", path: "/login", headers: json, body: `{"user":"ada"}` }],
  ["all that is there at the end", { path: "/db" }],
];

describe("reads through all three edges", () => {
  test.each(reads)("%s", async (_, call) => {
    const direct = await ask(origin.url, call);
    // Twice: what the first one left in a cache must answer like the API.
    for (const { url } of [...mesh.ports, ...mesh.ports]) expectSame(await ask(url, call), direct);
  });

  test("a validator of the API's answers 304 through every edge", async () => {
    for (const path of ["/posts/7", "/posts?_page=2&_limit=5", "/"]) {
      const { fields } = await ask(origin.url, { path });
      const etag = fields.find(([name]) => name === "etag")?.[1] ?? "";
      const call = { path, headers: { "if-none-match": etag } };
      const direct = await ask(origin.url, call);
      expect([etag, direct.status]).toEqual([expect.stringContaining('"'), 304]);
      for (const { url } of [...mesh.ports, ...mesh.ports]) expectSame(await ask(url, call), direct);
    }
  });
});

test("what was kept for a client that takes gzip is not given to one that does not, also after the API confirmed it", async () => {
  const call = (encoding: string): Call => ({ path: "/notes?id=long", headers: { "accept-encoding": encoding } });
  for (const encoding of ["gzip", "gzip", "identity", "gzip", "identity", "identity"]) {
    const direct = await ask(origin.url, call(encoding));
    for (const { url } of mesh.ports) expectSame(await ask(url, call(encoding)), direct);
  }
});

test.each([0, 1, 2])(
  "a row of writes and reads, through edge %i and directly, each on a fresh database",
  async (edge) => {
    origin.reset();
    const direct = [];
    for (const [, call] of writes) direct.push(await ask(origin.url, call));
    origin.reset();
    const url = mesh.ports[edge]?.url ?? "";
    for (const [index, [title, call]] of writes.entries()) {
      const through = await ask(url, call);
      const expected = direct[index];
      if (expected === undefined) throw new Error("cannot compare: there is no direct answer");
      expect([title, through.status]).toEqual([title, expected.status]);
      expectSame(through, expected);
    }
  },
);

/** Far over the quota of 200 reads a second, however slow this machine is. */
async function burst(of: SpawnedMesh): Promise<{ readonly statuses: readonly number[]; readonly tookMs: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 60 });
  const beganAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 1_500 }, (_, index) =>
      ask(of.ports[index % 3]?.url ?? "", { path: "/profile", headers: { "cache-control": "no-store" } }, agent),
    ),
  );
  agent.destroy();
  return { statuses: answers.map(({ status }) => status), tookMs: performance.now() - beganAt };
}

test("with limits in shadow mode no burst is refused", async () => {
  const { statuses } = await burst(mesh);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});

test("with --enforce no more than the quota passes in any window, and the rest is refused with 429", async () => {
  await using enforcing = await spawnMesh("--origin", origin.url, "--enforce");
  const { statuses, tookMs } = await burst(enforcing);
  const passed = statuses.filter((status) => status === 200).length;
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect(passed).toBeGreaterThanOrEqual(200);
  expect(passed).toBeLessThanOrEqual(200 * (Math.floor(tookMs / 1_000) + 2));
});
