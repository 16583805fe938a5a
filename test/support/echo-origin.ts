/** An API behind the gate that tells what it received, and answers in every way that a proxy could spoil. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { WebSocketServer } from "ws";

/** What `/echo` answers. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  /** Lower-case names; a field that came twice has two entries. */
  readonly fields: readonly (readonly [string, string])[];
  readonly bytes: number;
  readonly digest: string;
}

export const plainText = Buffer.from("the same bytes on both sides of the gate, again and again. ".repeat(200));
export const encodedText = { gzip: gzipSync(plainText), br: brotliCompressSync(plainText) };

export class EchoOrigin {
  readonly url: string;
  /** Requests that were begun, by path without the query. */
  readonly calls = new Map<string, number>();
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  /** Those who wait for a request's connection to end, by path. */
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();
  readonly #begins = new Map<string, PromiseWithResolvers<ServerResponse>>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    server.on("upgrade", (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (peer) => {
        const fields = JSON.stringify(fieldsOf(request));
        peer.on("message", (data, isBinary) => {
          const text = isBinary ? "" : (data as Buffer).toString();
          if (text === "fields") peer.send(fields);
          else if (text.startsWith("close ")) peer.close(Number(text.slice(6)), "as asked");
          else peer.send(data, { binary: isBinary });
        });
      });
    });
  }

  static async start(): Promise<EchoOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new EchoOrigin(server);
  }

  /** Resolves when the connection of a request to `/hold…` with this path has ended. */
  ended(path: string): Promise<void> {
    return entry(this.#ends, path).promise;
  }

  /** Resolves with the open answer when a request to `/hold…` with this path has come. */
  begun(path: string): Promise<ServerResponse> {
    return entry(this.#begins, path).promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#sockets.clients) peer.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const full = new URL(request.url ?? "/", "http://origin").pathname;
    this.calls.set(full, (this.calls.get(full) ?? 0) + 1);
    // The first segment belongs to the route.
    const path = full.slice(full.indexOf("/", 1));
    if (path.startsWith("/hold")) {
      response.on("close", () => entry(this.#ends, full).resolve());
      if (path.startsWith("/hold-body")) response.writeHead(200).write("first");
      entry(this.#begins, full).resolve(response);
      return;
    }
    if (path.startsWith("/drop-once") && this.calls.get(full) === 1) return void request.socket.destroy();
    if (path.startsWith("/drop-always")) return void request.socket.destroy();
    const canned = cannedAnswers[path];
    if (canned === undefined) await echo(request, response);
    else canned(response, request);
  }
}

const cannedAnswers: Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void>> = {
  "/gzip": (response) => encoded(response, "gzip"),
  "/br": (response) => encoded(response, "br"),
  "/cookies": (response) => {
    const cookies = ["a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "b=2; HttpOnly"];
    response.writeHead(200, { "set-cookie": cookies }).end("cookies");
  },
  "/redirect": (response) => response.writeHead(302, { location: "http://elsewhere.invalid/a?b" }).end("moved"),
  "/partial": (response, request) => {
    const [, first = "0", last = "0"] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const part = plainText.subarray(Number(first), Number(last) + 1);
    const range = `bytes ${first}-${last}/${plainText.length}`;
    response.writeHead(206, { "content-range": range, "content-length": part.length }).end(part);
  },
  "/length": (response) => response.writeHead(200, { "content-length": plainText.length, etag: '"x"' }).end(plainText),
  "/204": (response) => response.writeHead(204, { "x-kept": "1" }).end(),
  "/205": (response) => response.writeHead(205, { "x-kept": "1" }).end(),
  "/304": (response) => response.writeHead(304, { "x-kept": "1", etag: '"x"' }).end(),
  "/418": (response) => response.writeHead(418, "Short And Stout", { "x-kept": "1" }).end("teapot"),
  "/999": (response) => void response.socket?.end("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
  "/spoof": (response) =>
    response
      .writeHead(200, {
        "mesh-region": "moon",
        mesh_subject: "x",
        connection: "x-hop",
        "x-hop": "1",
        "proxy-status": "x",
        "x-kept": "1",
      })
      .end(),
  "/own-cors": (response) => response.writeHead(200, { "access-control-allow-origin": "*", vary: "Accept" }).end("x"),
};

function encoded(response: ServerResponse, encoding: keyof typeof encodedText): void {
  const bytes = encodedText[encoding];
  response
    .writeHead(200, { "content-encoding": encoding, "content-length": bytes.length, "content-type": "text/plain" })
    .end(bytes);
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  const answer: Echo = {
    method: request.method ?? "",
    url: request.url ?? "",
    fields: fieldsOf(request),
    bytes,
    digest: hash.digest("hex"),
  };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
}

function fieldsOf({ rawHeaders }: IncomingMessage): (readonly [string, string])[] {
  const names = rawHeaders.filter((_, index) => index % 2 === 0);
  return names.map((name, index) => [name.toLowerCase(), rawHeaders[index * 2 + 1] ?? ""] as const);
}

function entry<Value>(waiting: Map<string, PromiseWithResolvers<Value>>, path: string): PromiseWithResolvers<Value> {
  const known = waiting.get(path) ?? Promise.withResolvers<Value>();
  waiting.set(path, known);
  return known;
}
