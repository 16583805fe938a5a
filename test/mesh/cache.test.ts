/** The cache over sockets: what the runtime makes of kept answers, and invalidations that really travel. */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { startMesh } from "../support/mesh.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let origin: Server;
let handle: Handler;
/** Requests that reached the origin, `METHOD URL`. */
const asked: string[] = [];
let mesh: LocalMesh;
let urls: readonly string[];
let fresh = 0;

beforeAll(async () => {
  origin = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    handle(request, response);
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  mesh = await startMesh({
    configFile: join(import.meta.dirname, "cache.config.ts"),
    regions: ["weur", "enam"],
    isolates: 2,
    origins: { "*": `http://127.0.0.1:${(origin.address() as AddressInfo).port}` },
  });
  urls = mesh.edges.map(({ url }) => url);
});
afterAll(async () => {
  await mesh.stop();
  origin.closeAllConnections();
  origin.close();
});
beforeEach(() => {
  asked.length = 0;
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  readonly said: string;
}

interface Asked {
  readonly edge?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Node's own client neither decodes nor follows nor adds. */
async function ask(path: string, { edge = 0, headers = {}, method = "GET" }: Asked = {}): Promise<Answer> {
  // One authority for all edges: an origin that is shown another port may answer otherwise.
  const fields = { host: "api.example.com", ...headers };
  const request = httpRequest(`${urls[edge]}${path}`, { method, headers: fields, agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const said = String(response.headers["cache-status"]);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), said };
}

function edgeOf(region: string, isolate: number): number {
  return mesh.edges.findIndex((edge) => edge.region === region && edge.isolate === isolate);
}

/** A path that nothing is kept for. */
function newPath(): string {
  fresh += 1;
  return `/kept/${fresh}`;
}

/** The fill is kept after the client has its answer. */
async function untilHit(path: string, wanted: Asked = {}): Promise<Answer> {
  for (let turn = 0; turn < 200; turn += 1) {
    const answer = await ask(path, wanted);
    if (answer.said.includes("selvedge; hit")) return answer;
  }
  throw new Error(`cannot get a hit for ${path}: it was not kept`);
}

function answering(head: Readonly<Record<string, string>>, body: string | Buffer = "a body"): Handler {
  return (_request, response) => response.writeHead(200, { "cache-control": "max-age=600", ...head }).end(body);
}

describe("a kept answer", () => {
  it("has the same bytes and the same head, with its age", async () => {
    handle = answering({ etag: '"1"', "content-type": "text/plain", "content-length": "6", "x-own": "1" });
    const path = newPath();
    const first = await ask(path);
    expect(first.said).toBe("selvedge; fwd=uri-miss; fwd-status=200; stored");
    expect(first.headers["content-length"]).toBe("6");
    const hit = await untilHit(path);
    for (const name of ["etag", "content-type", "content-length", "x-own", "cache-control", "date", "mesh-region"]) {
      expect([name, hit.headers[name]]).toEqual([name, first.headers[name]]);
    }
    expect(hit.body).toEqual(first.body);
    expect(hit.headers["age"]).toMatch(/^\d+$/);
  });

  it("keeps encoded bytes as they are, for those who asked for them", async () => {
    const encoded = gzipSync("text ".repeat(1_000));
    handle = answering({ "content-encoding": "gzip", vary: "accept-encoding" }, encoded);
    const path = newPath();
    const headers = { "accept-encoding": "gzip" };
    expect((await ask(path, { headers })).body).toEqual(encoded);
    const hit = await untilHit(path, { headers });
    expect([hit.headers["content-encoding"], hit.body.equals(encoded)]).toEqual(["gzip", true]);
    expect((await ask(path)).said).toContain("fwd=vary-miss");
  });

  it("answers a HEAD with its length, and a condition with 304", async () => {
    handle = answering({ etag: '"1"' });
    const path = newPath();
    await untilHit(path);
    asked.length = 0;
    const head = await ask(path, { method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "6", 0]);
    const unchanged = await ask(path, { headers: { "if-none-match": 'W/"1"' } });
    expect([unchanged.status, unchanged.headers.etag, unchanged.body.length]).toEqual([304, '"1"', 0]);
    expect(asked).toEqual([]);
  });

  it("is confirmed, not fetched again", async () => {
    handle = (request, response) => {
      const isKnown = request.headers["if-none-match"] === '"1"';
      response
        .writeHead(isKnown ? 304 : 200, { "cache-control": "no-cache", etag: '"1"' })
        .end(isKnown ? "" : "a body");
    };
    const path = newPath();
    await ask(path);
    let last = await ask(path);
    for (let turn = 0; turn < 200 && !last.said.includes("fwd-status=304"); turn += 1) last = await ask(path);
    expect([last.status, last.body.toString(), last.said]).toEqual([
      200,
      "a body",
      "selvedge; fwd=stale; fwd-status=304",
    ]);
  });

  it("serves the other isolate of its region, and no other region", async () => {
    handle = answering({});
    const [own, neighbour, abroad] = [edgeOf("weur", 1), edgeOf("weur", 2), edgeOf("enam", 1)];
    let [path, said] = ["", ""];
    // The region's copy is written after the answer: now and then the neighbour is asked too early, and asks the origin.
    for (let turn = 0; turn < 20 && !said.includes("hit"); turn += 1) {
      path = newPath();
      await untilHit(path, { edge: own });
      ({ said } = await ask(path, { edge: neighbour }));
    }
    expect(said).toContain("selvedge; hit");
    expect((await ask(path, { edge: abroad })).said).toContain("fwd=uri-miss");
  });
});

describe("what is not kept", () => {
  it("a body that breaks off", async () => {
    handle = (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=600", "content-length": "1000" });
      response.write("half");
      setImmediate(() => response.destroy());
    };
    const path = newPath();
    await expect(ask(path)).rejects.toThrow();
    handle = answering({}, "whole");
    expect((await ask(path)).said).toContain("fwd=uri-miss");
    expect((await untilHit(path)).body.toString()).toBe("whole");
  });

  it("a body over the route's limit, which still arrives whole", async () => {
    const large = Buffer.alloc(3_000_000, "x");
    handle = (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=600" });
      response.end(large);
    };
    const path = newPath();
    for (let turn = 0; turn < 3; turn += 1) {
      const { body, said } = await ask(path);
      expect([body.length, said.includes("hit")]).toEqual([large.length, false]);
    }
  });

  it("what the client of a fill left behind half-read does no harm to the next", async () => {
    const large = Buffer.alloc(900_000, "x");
    handle = answering({}, large);
    const path = newPath();
    const request = httpRequest(`${urls[0]}${path}`, { headers: { host: "api.example.com" }, agent: false });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.destroy();
    expect((await ask(path)).body.equals(large)).toBe(true);
    expect((await untilHit(path)).body.equals(large)).toBe(true);
  });
});

describe("changes", () => {
  it("E6 a write ends what its region kept", async () => {
    handle = (request, response) =>
      request.method === "GET" ? answering({})(request, response) : void response.writeHead(204).end();
    const path = newPath();
    await untilHit(path);
    await ask(path, { method: "PUT" });
    expect((await ask(path)).said).not.toContain("hit");
  });

  it.each([
    ["a tag of the answer", () => ({ tags: ["of-answer"] })],
    ["a tag of the route", () => ({ tags: ["of-route"] })],
  ])("E4 after the ack of an invalidation by %s no edge has a hit", async (_title, data) => {
    let version = 1;
    handle = (_request, response) => answering({ "cache-tag": "of-answer" }, `version ${version}`)(_request, response);
    const path = newPath();
    for (const edge of urls.keys()) await untilHit(path, { edge });
    version = 2;
    const published = await fetch(`${urls[0]}/_mesh/v1/invalidations?ack=everywhere`, {
      method: "POST",
      headers: { Authorization: `Bearer ${await mesh.adminToken()}` },
      body: JSON.stringify(data()),
    });
    expect(published.status).toBe(200);
    for (const edge of urls.keys()) expect((await ask(path, { edge })).body.toString()).toBe("version 2");
  });
});
