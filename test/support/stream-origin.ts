/** An origin for big bodies and broken connections: it sends what it is asked for, and tells when a caller has gone. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";

const chunk = Buffer.alloc(65_536, "selvedge ");

export class StreamOrigin {
  readonly url: string;
  readonly #server: Server;
  /** Those who wait for a request of this path to begin, or for its connection to end. */
  readonly #begun = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #gone = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #sent = new Map<string, number>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => {
      const path = request.url ?? "/";
      entryOf(this.#begun, path).resolve(null);
      response.on("close", () => entryOf(this.#gone, path).resolve(null));
      this.#answer(path, request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(): Promise<StreamOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new StreamOrigin(server);
  }

  begun(path: string): Promise<unknown> {
    return entryOf(this.#begun, path).promise;
  }

  gone(path: string): Promise<unknown> {
    return entryOf(this.#gone, path).promise;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Of the last request of this path, the buffers of this end included. */
  sentBytes(path: string): number {
    return this.#sent.get(path) ?? 0;
  }

  /**
   * `…/bytes/N` sends N bytes, and with `…/unsaid/…` does not announce how many; `…/count` counts what it gets;
   * `…/silent/…` never answers, `…/endless/…` never ends, `…/stalling/…` sends a little and then nothing.
   */
  async #answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path.includes("/silent/")) return;
    if (path.includes("/count")) {
      let bytes = 0;
      for await (const piece of request) bytes += (piece as Buffer).byteLength;
      response.end(String(bytes));
      return;
    }
    if (path.includes("/stalling/")) {
      response.write(chunk);
      return;
    }
    const bytes = Number(/\/bytes\/(\d+)/.exec(path)?.[1] ?? Number.POSITIVE_INFINITY);
    if (Number.isFinite(bytes) && !path.includes("/unsaid/")) response.setHeader("Content-Length", bytes);
    Readable.from(pieces(bytes, (sent) => this.#sent.set(path, sent))).pipe(response);
  }
}

function* pieces(bytes: number, tell: (sent: number) => void): Generator<Buffer> {
  for (let sent = 0; sent < bytes; sent += chunk.byteLength) {
    tell(sent);
    yield chunk.subarray(0, Math.min(chunk.byteLength, bytes - sent));
  }
}

function entryOf(entries: Map<string, PromiseWithResolvers<unknown>>, path: string): PromiseWithResolvers<unknown> {
  const known = entries.get(path);
  if (known !== undefined) return known;
  const entry = Promise.withResolvers<unknown>();
  entries.set(path, entry);
  return entry;
}
