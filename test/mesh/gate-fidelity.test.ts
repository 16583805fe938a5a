/** A proxy is good when nobody notices it: what passes through the gate arrives as it was sent. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { LocalMesh } from "../../local/mesh.ts";
import { type Echo, EchoOrigin, encodedText, plainText } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

let origin: EchoOrigin;
let mesh: LocalMesh;
let port: number;

beforeAll(async () => {
  origin = await EchoOrigin.start();
  mesh = await startMesh({
    configFile: join(import.meta.dirname, "../support/gate.config.ts"),
    regions: ["weur"],
    origins: { "*": origin.url, gone: "http://127.0.0.1:1" },
    vars: { ORIGIN_SECRET: "the origin knows this" },
  });
  port = mesh.edges[0]?.port ?? 0;
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer | string;
}

interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Node's own client neither decodes nor follows nor adds. */
async function ask(path: string, asked: Asked = {}): Promise<Answer> {
  const { method = "GET", body } = asked;
  const headers = {
    ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
    ...asked.headers,
  };
  const request = httpRequest({ port, host: "127.0.0.1", path, method, headers, agent: false });
  request.end(asked.body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? "",
    headers: response.headers,
    body: Buffer.concat(chunks),
  };
}

/** What has come, piece by piece; null at the end. */
function partsOf(message: IncomingMessage): { next(): Promise<string | null> } {
  const iterator = (message as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = (await iterator.next()) as IteratorResult<Buffer, undefined>;
      return done === true ? null : String(value);
    },
  };
}

async function echoed(path: string, asked: Asked = {}): Promise<Echo> {
  return JSON.parse(String((await ask(path, asked)).body)) as Echo;
}

describe("requests", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "MKCOL"])(
    "%s arrives with its body",
    async (method) => {
      const body = randomBytes(300_000);
      const echo = await echoed("/public/echo", { method, body });
      expect([echo.method, echo.bytes, echo.digest]).toEqual([
        method,
        body.length,
        createHash("sha256").update(body).digest("hex"),
      ]);
    },
  );

  test("nothing is added to what a client sends but the mesh's own fields", async () => {
    const echo = await echoed("/public/echo", { headers: { "x-a": "1", "user-agent": "test" } });
    const names = echo.fields.map(([name]) => name).toSorted();
    expect(names).toEqual(
      [
        "cf-worker",
        "connection",
        "host",
        "mesh-client-address",
        "mesh-request-id",
        "traceparent",
        "user-agent",
        "x-a",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
      ].filter((name) => name !== "connection" || names.includes(name)),
    );
  });

  test("what a client says to caches arrives untouched, also when it says nothing", async () => {
    const fields = {
      "cache-control": "max-age=60",
      pragma: "x",
      "if-none-match": '"a"',
      "if-modified-since": "x",
      range: "bytes=0-1",
    };
    const echo = await echoed("/public/echo", { headers: fields });
    expect(Object.fromEntries(echo.fields)).toMatchObject(fields);
    const silent = await echoed("/public/echo");
    expect(silent.fields.map(([name]) => name)).not.toContain("cache-control");
    expect(silent.fields.map(([name]) => name)).not.toContain("pragma");
  });

  test("the host that the client asked for goes on beside the origin's own", async () => {
    const fields = Object.fromEntries(
      (await echoed("/public/echo", { headers: { host: "Shop.Example:8443" } })).fields,
    );
    expect(fields).toMatchObject({ "x-forwarded-host": "Shop.Example:8443", "x-forwarded-proto": "http" });
    expect(fields.host).toBe(new URL(origin.url).host);
  });

  test("a body streams: its first byte is upstream before its last is sent, and the same on the way back", async () => {
    const request = httpRequest({
      port,
      host: "127.0.0.1",
      path: "/public/hold-body-both",
      method: "POST",
      agent: false,
    });
    request.write("one");
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const parts = partsOf(response);
    expect(await parts.next()).toEqual("first");
    const upstream = await origin.begun("/public/hold-body-both");
    const received = partsOf(upstream.req);
    expect(await received.next()).toBe("one");
    request.end("two");
    expect(await received.next()).toBe("two");
    upstream.end("last");
    expect(await parts.next()).toBe("last");
    expect(await parts.next()).toBeNull();
  });
});

describe("answers", () => {
  test.each(["gzip", "br"] as const)("%s bytes stay as they are", async (encoding) => {
    const answer = await ask(`/public/${encoding}`, { headers: { "accept-encoding": "gzip, br" } });
    expect(answer.headers["content-encoding"]).toBe(encoding);
    expect(answer.body.equals(encodedText[encoding])).toBe(true);
  });

  test("several Set-Cookie fields stay several", async () => {
    const { headers } = await ask("/public/cookies");
    expect(headers["set-cookie"]).toEqual(["a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "b=2; HttpOnly"]);
  });

  test("a redirect goes back to the client, who may follow it", async () => {
    const answer = await ask("/public/redirect");
    expect([answer.status, answer.headers.location, String(answer.body)]).toEqual([
      302,
      "http://elsewhere.invalid/a?b",
      "moved",
    ]);
  });

  test("a range is the upstream's", async () => {
    const answer = await ask("/public/partial", { headers: { range: "bytes=10-19" } });
    expect([answer.status, answer.headers["content-range"]]).toEqual([206, `bytes 10-19/${plainText.length}`]);
    expect(answer.body.equals(plainText.subarray(10, 20))).toBe(true);
  });

  test("a HEAD has the head of the GET and no body", async () => {
    const head = await ask("/public/length", { method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.headers.etag]).toEqual([
      200,
      String(plainText.length),
      '"x"',
    ]);
    expect(head.body).toHaveLength(0);
    expect((await ask("/public/length")).body.equals(plainText)).toBe(true);
  });

  test.each([204, 205, 304])("a %i has no body and keeps its fields", async (status) => {
    const answer = await ask(`/public/${status}`);
    expect([answer.status, answer.headers["x-kept"], answer.body.length]).toEqual([status, "1", 0]);
  });

  test("a status nobody knows keeps its number and its words", async () => {
    const answer = await ask("/public/418");
    expect([answer.status, answer.statusText, String(answer.body)]).toEqual([418, "Short And Stout", "teapot"]);
  });

  test("an upstream cannot speak for the mesh, and fields of its connection end here", async () => {
    const { headers } = await ask("/public/spoof");
    expect(headers).toMatchObject({ "mesh-region": "weur", "x-kept": "1" });
    for (const name of ["mesh_subject", "x-hop", "proxy-status"]) expect(headers).not.toHaveProperty(name);
  });

  test("every answer says where it was given and under which id, which is the one that the upstream got", async () => {
    const answer = await ask("/public/echo");
    const { fields } = JSON.parse(String(answer.body)) as Echo;
    expect(answer.headers).toMatchObject({
      "mesh-region": "weur",
      "server-timing": expect.stringMatching(/^upstream;dur=\d+$/) as unknown,
    });
    expect(answer.headers["mesh-request-id"]).toBe(Object.fromEntries(fields)["mesh-request-id"]);
  });

  test("a trace goes on under the same id, and a broken one is begun anew", async () => {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01`, tracestate: "a=b" };
    const known = Object.fromEntries((await echoed("/public/echo", { headers })).fields);
    expect(known).toMatchObject({
      traceparent: expect.stringMatching(`^00-${trace}-(?!b7ad6b7169203331)`) as unknown,
      tracestate: "a=b",
    });
    const broken = { traceparent: `00-${trace}-0000000000000000-01`, tracestate: "a=b" };
    const anew = Object.fromEntries((await echoed("/public/echo", { headers: broken })).fields);
    expect(anew).toMatchObject({ traceparent: expect.not.stringContaining(trace) as unknown });
    expect(anew).not.toHaveProperty("tracestate");
  });
});

describe("failures", () => {
  test("a GET whose connection is lost is sent once more, and a POST is not", async () => {
    expect((await ask("/public/drop-once-get")).status).toBe(200);
    expect(origin.calls.get("/public/drop-once-get")).toBe(2);
    expect((await ask("/public/drop-once-post", { method: "POST", body: "x" })).status).toBe(502);
    expect(origin.calls.get("/public/drop-once-post")).toBe(1);
    expect((await ask("/public/drop-always-get")).status).toBe(502);
    expect(origin.calls.get("/public/drop-always-get")).toBe(2);
  });

  test("an upstream that refuses connections is 502", async () => {
    expect((await ask("/gone/x")).status).toBe(502);
  });

  test("a client that goes away before the answer frees the upstream", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /public/hold-left HTTP/1.1\r\nHost: any\r\n\r\n");
    await origin.begun("/public/hold-left");
    socket.resetAndDestroy();
    await origin.ended("/public/hold-left");
  });

  test.each(["small", "public"])("a body that breaks off under /%s is never taken for a whole one", async (route) => {
    const path = `/${route}/hold-upload`;
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${path} HTTP/1.1\r\nHost: any\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    const upstream = await origin.begun(path);
    const received = partsOf(upstream.req);
    expect(await received.next()).toBe("abc");
    socket.resetAndDestroy();
    await expect(received.next()).rejects.toThrow("aborted");
  });

  test("a body that grows over the limit is never taken for a whole one", async () => {
    const path = "/small/hold-growing";
    const request = httpRequest({ port, host: "127.0.0.1", path, method: "POST", agent: false });
    request.write("abc");
    const received = partsOf((await origin.begun(path)).req);
    expect(await received.next()).toBe("abc");
    request.end("0123456789");
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    await expect(received.next()).rejects.toThrow("aborted");
    response.resume();
  });

  test("a client that goes away within the answer frees the upstream", async () => {
    const request = httpRequest({ port, host: "127.0.0.1", path: "/public/hold-body-left", agent: false });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    await partsOf(response).next();
    response.socket.resetAndDestroy();
    await origin.ended("/public/hold-body-left");
  });

  test("the service's time ends with the head: a slow body is not cut off", async () => {
    const request = httpRequest({ port, host: "127.0.0.1", path: "/impatient/hold-body-slow", agent: false });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const parts = partsOf(response);
    await parts.next();
    // Another request's time runs out meanwhile: by then this one's has as well.
    expect((await ask("/impatient/hold-beside")).status).toBe(504);
    (await origin.begun("/impatient/hold-body-slow")).end("last");
    expect(await parts.next()).toBe("last");
  });
});

describe("WebSockets", () => {
  async function open(path: string, protocols: readonly string[] = []): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols]);
    await once(socket, "open");
    return socket;
  }

  async function reply(socket: WebSocket, message: string | Buffer): Promise<readonly [Buffer, boolean]> {
    socket.send(message);
    const [data, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
    return [data, isBinary];
  }

  test("messages pass in both kinds, and a close with its code and reason", async () => {
    const socket = await open("/public/ws");
    expect(String((await reply(socket, "hello"))[0])).toBe("hello");
    const binary = randomBytes(70_000);
    const [data, isBinary] = await reply(socket, binary);
    expect([isBinary, data.equals(binary)]).toEqual([true, true]);
    socket.send("close 4321");
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    expect([code, String(reason)]).toEqual([4321, "as asked"]);
  });

  test("a handshake passes the same steps: the mesh's fields, the subprotocol, and no token is a 401", async () => {
    const socket = await open("/public/ws", ["chat"]);
    expect(socket.protocol).toBe("chat");
    const fields = JSON.parse(String((await reply(socket, "fields"))[0])) as (readonly [string, string])[];
    expect(Object.fromEntries(fields)).toMatchObject({ "mesh-client-address": "127.0.0.1" });
    socket.close();
    await once(socket, "close");

    const refused = new WebSocket(`ws://127.0.0.1:${port}/known/ws`);
    const [, response] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(401);
    refused.on("error", () => {}); // ended before it was open, which is what is wanted
    refused.terminate();
  });
});

describe("CORS", () => {
  const app = "https://app.example.com";
  const preflight = { origin: app, "access-control-request-method": "PUT", "access-control-request-headers": "x-a" };

  test("a preflight is answered by the route, without a token and without the upstream", async () => {
    const answer = await ask("/cors/preflight", { method: "OPTIONS", headers: preflight });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": app,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "x-a",
      vary: expect.stringContaining("Origin") as unknown,
    });
    expect(origin.calls.get("/cors/preflight")).toBeUndefined();
  });

  test("a refusal can be read by the route's origins, and by no other", async () => {
    const ours = await ask("/cors/x", { headers: { origin: app } });
    expect([ours.status, ours.headers["access-control-allow-origin"], ours.headers.vary]).toEqual([401, app, "Origin"]);
    const theirs = await ask("/cors/x", { headers: { origin: "https://evil.example" } });
    expect(theirs.headers).not.toHaveProperty("access-control-allow-origin");
    const wrongMethod = await ask("/cors/x", { method: "DELETE", headers: { origin: app } });
    expect([wrongMethod.status, wrongMethod.headers["access-control-allow-origin"]]).toEqual([405, app]);
  });

  test("a route without a rule leaves preflights to the upstream, with no unverified token", async () => {
    const headers = { ...preflight, authorization: "Bearer unverified" };
    const echo = await echoed("/upstream-cors/echo", { method: "OPTIONS", headers });
    const fields = Object.fromEntries(echo.fields);
    expect(fields).toMatchObject({ origin: app });
    expect(fields).not.toHaveProperty("authorization");
    const answer = await ask("/public/own-cors", { headers: { origin: app } });
    expect(answer.headers).toMatchObject({ "access-control-allow-origin": "*", vary: "Accept" });
  });
});

describe("identity", () => {
  test("who asked goes on in the mesh's words, and a credential that is not forwarded stays here", async () => {
    const token = await mesh.adminToken();
    const headers = { authorization: `Bearer ${token}`, origin: "https://app.example.com" };
    const fields = Object.fromEntries((await echoed("/known/echo", { headers })).fields);
    expect(fields).toMatchObject({
      "mesh-subject": "admin",
      "mesh-issuer": expect.stringContaining("urn:selvedge:") as unknown,
    });
    expect(fields).not.toHaveProperty("authorization");
    const { headers: own } = await ask("/known/own-cors", { headers });
    expect(own).toMatchObject({ "access-control-allow-origin": "https://app.example.com", vary: "Accept, Origin" });
  });
});
