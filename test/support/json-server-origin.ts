/** A real REST API as many begin with: json-server over a file, put together as its own command line does it. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import jsonServer from "json-server";

/** The same every time: an origin that was reset is as good as another one, and has the same address. */
const firstData = {
  posts: Array.from({ length: 30 }, (_, index) => ({
    id: index + 1,
    title: `Post ${index + 1}`,
    author: ["ada", "grace", "Zoë 🧵"][index % 3],
    views: (index * 37) % 101,
  })),
  comments: Array.from({ length: 12 }, (_, index) => ({
    id: index + 1,
    postId: (index % 4) + 1,
    body: `Word ${index}`,
  })),
  // Long enough to be compressed.
  notes: [{ id: "long", text: "warp and weft ".repeat(20_000) }],
  profile: { name: "Selvedge" },
};

export class JsonServerOrigin {
  readonly url: string;
  readonly #server: Server;
  readonly #folder: string;
  #listener: RequestListener;

  private constructor(server: Server, folder: string) {
    this.#server = server;
    this.#folder = folder;
    this.#listener = appOver(folder);
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => this.#listener(request, response));
  }

  static async start(): Promise<JsonServerOrigin> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new JsonServerOrigin(server, mkdtempSync(join(tmpdir(), "selvedge-json-server-")));
  }

  /** A fresh database behind the same address. */
  reset(): void {
    this.#listener = appOver(this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function appOver(folder: string): RequestListener {
  const file = join(folder, "db.json");
  writeFileSync(file, JSON.stringify(firstData));
  const app = jsonServer.create();
  app.use(jsonServer.defaults({ logger: false, bodyParser: true }));
  app.use(jsonServer.router(file));
  return app;
}
