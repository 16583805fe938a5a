/** json-server, a real API of other people's making, on a free port of this machine with a database of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const command = join(import.meta.dirname, "..", "..", "node_modules", "json-server", "lib", "cli", "bin.js");

export class JsonServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  static async start(): Promise<JsonServer> {
    const folder = mkdtempSync(join(tmpdir(), "json-server-"));
    const posts = Array.from({ length: 30 }, (_, index) => ({
      id: index + 1,
      title: `post ${index + 1}`,
      author: index % 2 === 0 ? "Ada" : "Grace — ünïcode",
      views: index * 10,
    }));
    const comments = [{ id: 1, body: "first", postId: 1 }];
    writeFileSync(join(folder, "db.json"), JSON.stringify({ posts, comments, profile: { name: "selvedge" } }));
    const port = await freePort();
    const child = spawn(
      process.execPath,
      [command, "db.json", "--host", "127.0.0.1", "--port", String(port), "--quiet"],
      {
        cwd: folder,
        stdio: "ignore",
      },
    );
    const server = new JsonServer(`http://127.0.0.1:${port}`, child, folder);
    await server.#answers();
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const endsAt = performance.now() + 20_000;
    while (performance.now() < endsAt) {
      if (this.#child.exitCode !== null) throw new Error(`json-server ended with ${this.#child.exitCode}`);
      const answer = await fetch(`${this.url}/profile`).catch((error: unknown) => error);
      if (answer instanceof Response && answer.ok) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    throw new Error("json-server did not answer within 20 s");
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("cannot find a free port");
  return address.port;
}
