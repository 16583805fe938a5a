/**
 * An origin that takes its time, and counts how many of one pool it works for at once: requests from their first byte
 * until their answer is out or their connection gone, WebSockets until they are closed. The pool is the field `X-Pool`.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

interface Pool {
  running: number;
  /** The most that ran at once. */
  peak: number;
  begun: number;
  /** Those that wait for `release`, oldest first. */
  readonly held: (() => void)[];
}

export class BusyOrigin {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #pools = new Map<string, Pool>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => this.#answer(request, response));
    server.on("upgrade", (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (peer) => this.#talk(this.pool(poolOf(request)), peer));
    });
  }

  static async start(): Promise<BusyOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new BusyOrigin(server);
  }

  pool(name: string): Pool {
    const known = this.#pools.get(name) ?? { running: 0, peak: 0, begun: 0, held: [] };
    this.#pools.set(name, known);
    return known;
  }

  /** Lets the oldest end. */
  release(pool: string, count = Infinity): void {
    for (const end of this.pool(pool).held.splice(0, count)) end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#sockets.clients) peer.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /**
   * The path's last segment says how: `wait` answers when it is released, `stream` sends its head and a little at once,
   * `announced` the same with a Content-Length, `break` breaks off when it is released, `drop` at once, `fresh` answers
   * at once and may be kept.
   */
  #answer(request: IncomingMessage, response: ServerResponse): void {
    const pool = this.pool(poolOf(request));
    const how = request.url?.split("/").at(-1);
    begin(pool);
    response.on("close", () => {
      pool.running -= 1;
    });
    if (how === "drop") return void request.socket.destroy();
    if (how === "fresh") return void response.writeHead(200, { "cache-control": "max-age=60" }).end("kept");
    if (how === "announced") response.setHeader("content-length", "10");
    if (how === "stream" || how === "break" || how === "announced") response.write("first");
    pool.held.push(() => (how === "break" ? response.destroy() : response.end(how === "wait" ? "done" : " last")));
  }

  #talk(pool: Pool, peer: WebSocket): void {
    begin(pool);
    peer.on("close", () => {
      pool.running -= 1;
    });
    peer.on("message", (data, isBinary) => peer.send(data, { binary: isBinary }));
    pool.held.push(() => peer.close(4001, "as asked"));
  }
}

function begin(pool: Pool): void {
  pool.running += 1;
  pool.begun += 1;
  pool.peak = Math.max(pool.peak, pool.running);
}

function poolOf({ headers }: IncomingMessage): string {
  return String(headers["x-pool"] ?? "none");
}
