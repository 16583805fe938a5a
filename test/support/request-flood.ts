/**
 * Many requests over few connections, as cheaply as one thread can make them: HEAD over HTTP/1.1 that is kept alive and
 * pipelined, by hand. Clients and edges share a machine, and what a client library costs is missing at the edges.
 */
import { connect, type Socket } from "node:net";

/** What one answer tells; instants in ms since 1970. */
export interface FloodAnswer {
  /** Of the edge that was asked, in the order in which they were given. */
  readonly edge: number;
  readonly status: number;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** When the origin was asked, if it was and says so in `X-Arrived-At`. */
  readonly arrivedAt: number | null;
}

interface FloodSettings {
  readonly ports: readonly number[];
  readonly path: string;
  readonly fields?: readonly string[];
  readonly connections: number;
  readonly onAnswer: (answer: FloodAnswer) => void;
}

interface Connection {
  readonly edge: number;
  readonly socket: Socket;
  /** When those that are under way were sent, oldest first; `read` of them were answered. */
  readonly sentAt: number[];
  read: number;
  text: string;
}

const endOfHead = "\r\n\r\n";

export class RequestFlood implements AsyncDisposable {
  readonly #settings: FloodSettings;
  readonly #request: string;
  readonly #edges: readonly (readonly Connection[])[];
  readonly #next: number[];
  /** How many requests each connection has under way while the flood runs. */
  #depth = 0;
  #isEnding = false;

  private constructor(settings: FloodSettings, edges: readonly (readonly Socket[])[]) {
    this.#settings = settings;
    this.#request = `${[`HEAD ${settings.path} HTTP/1.1`, "Host: any.example", ...(settings.fields ?? [])].join("\r\n")}${endOfHead}`;
    this.#edges = edges.map((sockets, edge) =>
      sockets.map((socket) => ({ edge, socket, sentAt: [], read: 0, text: "" })),
    );
    this.#next = edges.map(() => 0);
    for (const connection of this.#edges.flat()) this.#listen(connection);
  }

  static async open(settings: FloodSettings): Promise<RequestFlood> {
    const { ports, connections } = settings;
    const edges = await Promise.all(
      ports.map((port) => Promise.all(Array.from({ length: connections }, () => connected(port)))),
    );
    return new RequestFlood(settings, edges);
  }

  /** One request to each of these edges, now. */
  send(edges: readonly number[]): void {
    const now = Date.now();
    for (const edge of edges) {
      const connections = this.#edges[edge] ?? [];
      const turn = (this.#next[edge] ?? 0) + 1;
      this.#next[edge] = turn;
      const connection = connections[turn % connections.length];
      if (connection === undefined) throw new Error(`cannot send: there is no edge ${edge}`);
      this.#ask(connection, 1, now);
    }
  }

  /** As many as are answered, `depth` under way on each connection, until it is called with 0. */
  run(depth: number): void {
    this.#depth = depth;
    const now = Date.now();
    for (const connection of this.#edges.flat()) this.#ask(connection, depth - underWay(connection), now);
  }

  /** Resolves when all that was sent is answered. */
  async drained(): Promise<void> {
    this.#depth = 0;
    while (this.#edges.flat().some((connection) => underWay(connection) > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    for (const { socket } of this.#edges.flat()) socket.destroy();
  }

  #ask(connection: Connection, count: number, now: number): void {
    if (count <= 0) return;
    for (let index = 0; index < count; index += 1) connection.sentAt.push(now);
    connection.socket.write(this.#request.repeat(count), "latin1");
  }

  #listen(connection: Connection): void {
    connection.socket.setEncoding("latin1");
    connection.socket.on("data", (chunk) => this.#read(connection, String(chunk)));
    connection.socket.on("close", () => {
      if (!this.#isEnding) throw new Error("a connection of the flood was closed");
    });
  }

  #read(connection: Connection, chunk: string): void {
    const text = connection.text + chunk;
    const receivedAt = Date.now();
    let from = 0;
    let answers = 0;
    for (let end = text.indexOf(endOfHead); end !== -1; end = text.indexOf(endOfHead, from)) {
      const sentAt = connection.sentAt[connection.read + answers] ?? receivedAt;
      const head = text.slice(from, end);
      from = end + endOfHead.length;
      answers += 1;
      const status = Number(head.slice(9, 12));
      this.#settings.onAnswer({ edge: connection.edge, status, sentAt, receivedAt, arrivedAt: arrivalIn(head) });
    }
    connection.text = text.slice(from);
    connection.read += answers;
    if (connection.read >= 1_024) {
      connection.sentAt.splice(0, connection.read);
      connection.read = 0;
    }
    this.#ask(connection, Math.min(answers, this.#depth - underWay(connection)), receivedAt);
  }
}

function underWay({ sentAt, read }: Connection): number {
  return sentAt.length - read;
}

function arrivalIn(head: string): number | null {
  const found = /\r\nx-arrived-at: (\d+)/i.exec(head);
  return found === null ? null : Number(found[1]);
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.setNoDelay(true);
    socket.once("error", reject);
  });
}
