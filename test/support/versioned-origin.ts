/** An origin whose answers say which version they were read at, and that takes its time to answer. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class VersionedOrigin {
  readonly url: string;
  readonly #server: Server;
  readonly #versions = new Map<string, number>();
  readonly #held = new Map<string, Promise<null>>();
  readonly #reads = new Map<string, number>();
  #lateAnswers = 0;

  private constructor(server: Server, delayMs: () => number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => {
      const path = request.url ?? "/";
      this.#reads.set(path, this.readsOf(path) + 1);
      // Read before the answer is on its way: what a slow answer says may be old by then.
      const version = this.versionOf(path);
      const body = JSON.stringify({ path, version });
      const send = (): void => {
        if (version < this.versionOf(path)) this.#lateAnswers += 1;
        response.setHeader("Cache-Control", "public, max-age=3600");
        response.setHeader("Cache-Tag", `all, ${path.replaceAll("/", "-")}`);
        response.setHeader("Content-Type", "application/json");
        response.end(body);
      };
      setTimeout(() => {
        const held = this.#held.get(path);
        if (held === undefined) send();
        else void held.then(send);
      }, delayMs());
    });
  }

  static async start(delayMs: () => number = () => 0): Promise<VersionedOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new VersionedOrigin(server, delayMs);
  }

  readsOf(path: string): number {
    return this.#reads.get(path) ?? 0;
  }

  /** Answers that were old by the time they were sent: a write came while they were under way. */
  get lateAnswers(): number {
    return this.#lateAnswers;
  }

  /** Answers for this path wait, from now on, until what it returns is called. */
  hold(path: string): () => void {
    const { promise, resolve } = Promise.withResolvers<null>();
    this.#held.set(path, promise);
    return () => {
      this.#held.delete(path);
      resolve(null);
    };
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
