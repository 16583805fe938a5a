/** An origin whose answers say which version they were read at, and that takes its time to answer. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class VersionedOrigin {
  readonly url: string;
  readonly #server: Server;
  readonly #versions = new Map<string, number>();
  #reads = 0;

  private constructor(server: Server, delayMs: () => number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => {
      this.#reads += 1;
      const path = request.url ?? "/";
      // Read before the answer is on its way: what a slow answer says may be old by then.
      const body = JSON.stringify({ path, version: this.versionOf(path) });
      setTimeout(() => {
        response.setHeader("Cache-Control", "public, max-age=3600");
        response.setHeader("Cache-Tag", `all, ${path.replaceAll("/", "-")}`);
        response.setHeader("Content-Type", "application/json");
        response.end(body);
      }, delayMs());
    });
  }

  static async start(delayMs: () => number = () => 0): Promise<VersionedOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new VersionedOrigin(server, delayMs);
  }

  get reads(): number {
    return this.#reads;
  }

  versionOf(path: string): number {
    return this.#versions.get(path) ?? 0;
  }

  /** Returns the new version. */
  write(path: string): number {
    const version = this.versionOf(path) + 1;
    this.#versions.set(path, version);
    return version;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
