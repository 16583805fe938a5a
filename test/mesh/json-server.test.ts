/** `npm start -- --origin`: an API that knows nothing of the mesh answers its clients as it does without it. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JsonServer } from "../support/json-server.ts";
import { type SpawnedMesh, spawnMesh } from "../support/mesh.ts";

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly head: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** What the gate is documented to say itself, and what speaks of one connection. */
const own =
  /^(?:mesh-.*|cache-status|ratelimit.*|retry-after|server-timing|age|date|connection|keep-alive|transfer-encoding)$/;

async function ask(origin: string, { method = "GET", path, headers = {}, body }: Call): Promise<Answer> {
  const call = httpRequest(`${origin}${path}`, { method, headers, agent: false });
  call.end(body);
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  const head = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !own.test(name)));
  // RFC 9110 section 8.6: a 204 has no Content-Length. Some origins send one; the runtime does not pass it on.
  if (answer.statusCode === 204) delete head["content-length"];
  return { status: answer.statusCode ?? 0, head, body: Buffer.concat(pieces).toString("latin1") };
}

const json = { "Content-Type": "application/json" };
const basic = { Authorization: `Basic ${Buffer.from("me:secret").toString("base64")}` };
const foreign = { Authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ5b3UifQ.c2lnbmF0dXJl" };
const browser = { Origin: "https://app.example" };

const reads: readonly Call[] = [
  { path: "/" },
  { path: "/posts" },
  { path: "/posts/7" },
  { path: "/posts/700" },
  { path: "/posts?author=Ada&_sort=views&_order=desc" },
  { path: "/posts?_page=2&_limit=7" },
  { path: "/posts?q=%C3%BCn%C3%AFcode" },
  { path: "/posts?title_like=post%201" },
  { path: "/posts/1/comments" },
  { path: "/posts?_embed=comments&_limit=2" },
  { path: "/profile" },
  { path: "/db" },
  { path: "/posts", method: "HEAD" },
  { path: "/posts/1", method: "OPTIONS" },
  { path: "/posts", headers: { "Accept-Encoding": "gzip" } },
  { path: "/posts", headers: { Range: "bytes=0-99" } },
  { path: "/posts/2", headers: basic },
  { path: "/posts/2", headers: foreign },
  { path: "/posts/2", headers: { ...foreign, "X-API-Key": "slv_something", Cookie: "__Host-mesh=x" } },
  { path: "/posts/3", headers: browser },
  {
    path: "/posts/3",
    method: "OPTIONS",
    headers: { ...browser, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type" },
  },
  { path: "/token" },
  { path: "/token", method: "DELETE", headers: foreign },
  { path: "/healthz" },
  { path: "/readyz" },
  { path: "/metrics" },
  { path: "/login" },
  { path: "/.well-known/jwks.json" },
  { path: "/cluster/_status" },
  { path: "/posts/%7e" },
];

const writes: readonly Call[] = [
  { path: "/posts", method: "POST", headers: json, body: JSON.stringify({ title: "a", author: "Zoë — 日本" }) },
  {
    path: "/posts",
    method: "POST",
    headers: { ...json, ...basic },
    body: JSON.stringify({ title: "x".repeat(90_000) }),
  },
  { path: "/posts", method: "POST", headers: json, body: "{ this is no JSON" },
  { path: "/posts", method: "POST", headers: json, body: JSON.stringify({ id: 1 }) },
  { path: "/posts/2", method: "PUT", headers: { ...json, ...foreign }, body: JSON.stringify({ title: "put" }) },
  { path: "/posts/3", method: "PATCH", headers: json, body: JSON.stringify({ views: -1 }) },
  { path: "/posts/4", method: "DELETE" },
  { path: "/posts/400", method: "DELETE" },
  {
    path: "/posts/5",
    method: "PUT",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: "title=form",
  },
  { path: "/db" },
];

const textOf = ({ method = "GET", path, headers = {} }: Call): string =>
  `${method} ${path}${Object.keys(headers).length > 0 ? ` with ${Object.keys(headers).join(", ")}` : ""}`;

describe("json-server behind the mesh", () => {
  let api: JsonServer;
  let mesh: SpawnedMesh;
  beforeAll(async () => {
    api = await JsonServer.start();
    mesh = await spawnMesh("--origin", api.url);
  });
  afterAll(async () => {
    await mesh[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
  });

  it.each(reads.map((call): [string, Call] => [textOf(call), call]))(
    "%s is answered as without it",
    async (_, call) => {
      const expected = await ask(api.url, call);
      for (const { url } of mesh.ports) expect(await ask(url, call)).toEqual(expected);
    },
  );

  it("a condition that holds is answered by 304, as without it", async () => {
    const { head } = await ask(api.url, { path: "/posts/9" });
    const call = { path: "/posts/9", headers: { "If-None-Match": String(head["etag"]) } };
    const expected = await ask(api.url, call);
    expect(expected.status).toBe(304);
    for (const { url } of mesh.ports) expect(await ask(url, call)).toEqual(expected);
  });

  it("300 requests in a row are let through: limits watch only", async () => {
    const url = mesh.ports[0]?.url ?? "";
    const answers = await Promise.all(Array.from({ length: 300 }, () => fetch(`${url}/profile`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  });
});

describe("writes to json-server behind the mesh", () => {
  it("are answered as without it, each in its turn, and leave the same behind", async () => {
    await using direct = await JsonServer.start();
    await using behind = await JsonServer.start();
    await using mesh = await spawnMesh("--origin", behind.url);
    // The only place where the API speaks of itself by address.
    const nameless = ({ status, head, body }: Answer, at: string): Answer => ({
      status,
      head: {
        ...head,
        location: String(head["location"]).replace(at, ""),
        "content-length": undefined,
        etag: undefined,
      },
      body: body.replaceAll(/\\?n? {4}at [^\n]*/g, "").replaceAll(at, ""),
    });
    for (const [index, call] of writes.entries()) {
      const at = mesh.ports[index % mesh.ports.length]?.url ?? "";
      const expected = nameless(await ask(direct.url, call), direct.url);
      expect(nameless(await ask(at, call), behind.url), textOf(call)).toEqual(expected);
    }
  });

  it("are limited with --enforce", async () => {
    await using api = await JsonServer.start();
    await using mesh = await spawnMesh("--origin", api.url, "--enforce");
    const url = mesh.ports[0]?.url ?? "";
    const statuses = new Set<number>();
    // 200 a second may pass: some of 600 at once may not, wherever a second ends.
    const answers = await Promise.all(Array.from({ length: 600 }, () => fetch(`${url}/profile`)));
    for (const answer of answers) statuses.add(answer.status);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect(statuses).toContain(429);
  });
});
