/** A Redis of this machine's own, for as long as it is measured: in memory alone, on a free loopback port. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";

export interface RunningRedis {
  readonly client: Redis;
  readonly version: string;
  stop(): Promise<void>;
}

/** null where redis-server is not installed. */
export async function startRedis(): Promise<RunningRedis | null> {
  const version = await installedVersion();
  if (version === null) return null;
  const directory = mkdtempSync(join(tmpdir(), "selvedge-redis-"));
  const port = await freePort();
  const address = ["--bind", "127.0.0.1", "--port", String(port), "--dir", directory];
  const server = spawn("redis-server", [...address, "--save", "", "--appendonly", "no"], { stdio: "ignore" });
  const ended = once(server, "exit");
  const client = new Redis({ host: "127.0.0.1", port, retryStrategy: () => 50, maxRetriesPerRequest: 100 });
  client.on("error", () => undefined);
  const stop = async () => {
    client.disconnect();
    server.kill();
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await client.ping();
  } catch (error) {
    await stop();
    throw new Error("cannot measure Redis: it was started and does not answer", { cause: error });
  }
  return { client, version, stop };
}

async function installedVersion(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("redis-server", ["--version"]);
    return /v=(\S+)/.exec(stdout)?.[1] ?? "of unknown version";
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return null;
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
