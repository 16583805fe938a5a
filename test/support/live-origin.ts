/**
 * An origin whose answers go on until they are ended: event streams (`…/events`), bodies of unsaid length (`…/bytes`),
 * bodies that say they are long (`…/announced`) and WebSockets. Everything else is answered shortly. Whose they are says the field `X-Who`.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

interface Connection {
  readonly send: (text: string) => void;
}

const announcedBytes = 2_000_000;

export class LiveOrigin {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #connections = new Map<string, Set<Connection>>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => this.#stream(request, response));
    server.on("upgrade", (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (peer) => this.#talk(whoOf(request), peer));
    });
  }

  static async start(): Promise<LiveOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new LiveOrigin(server);
  }

  /** How many connections of theirs there are. */
  count(who: string): number {
    return this.#of(who).size;
  }

  /** To all of theirs: as it is into streams, as one message into WebSockets. */
  send(who: string, text: string): void {
    for (const connection of this.#of(who)) connection.send(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#sockets.clients) peer.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    const how = request.url?.split("/").at(-1);
    if (how !== "events" && how !== "bytes" && how !== "announced") return void response.end("{}");
    if (how === "announced") response.setHeader("content-length", announcedBytes);
    response.setHeader("content-type", how === "events" ? "text/event-stream; charset=utf-8" : "text/plain");
    const leave = this.#enter(whoOf(request), { send: (text) => response.write(text) });
    response.on("close", leave);
    response.write(how === "events" ? "data: begun\n\n" : "begun ");
  }

  #talk(who: string, peer: WebSocket): void {
    const leave = this.#enter(who, { send: (text) => peer.send(text) });
    peer.on("close", leave);
    peer.on("message", (data, isBinary) => peer.send(data, { binary: isBinary }));
    peer.send("begun");
  }

  #enter(who: string, connection: Connection): () => void {
    const connections = this.#of(who);
    connections.add(connection);
    return () => connections.delete(connection);
  }

  #of(who: string): Set<Connection> {
    const known = this.#connections.get(who) ?? new Set();
    this.#connections.set(who, known);
    return known;
  }
}

function whoOf({ headers }: IncomingMessage): string {
  return String(headers["x-who"] ?? "nobody");
}
