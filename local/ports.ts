import { createServer } from "node:net";
import { CannotStart } from "./cannot-start.ts";

export const loopback = "127.0.0.1";

/** Refuses, by its number, the first port that another process has: the runtime itself would fail less clearly. */
export async function refuseTakenPorts(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    if (port === 0) continue;
    const code = await tryToListen(port);
    if (code === "EADDRINUSE") {
      throw new CannotStart(`port ${port} is taken by another process: end it, or choose others with --port`);
    }
    if (code !== null) throw new CannotStart(`port ${port} cannot be opened on ${loopback}: received ${code}`);
  }
}

function tryToListen(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
