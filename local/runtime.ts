/** Miniflare, kept from the two things it does to the process it runs in. */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { loopback } from "./ports.ts";
import type { StateFolder } from "./state-folder.ts";
import type { MiniflareWorker } from "./workers.ts";

export interface LogEntry {
  readonly level: string;
  readonly message: string;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function startRuntime(
  workers: MiniflareWorker[],
  state: StateFolder,
  onLog: (entry: LogEntry) => void,
): Miniflare {
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  const systemTemporary = process.env.TMPDIR;
  // Miniflare asks for the temporary folder while it is constructed, and never again.
  process.env.TMPDIR = state.temporary;
  try {
    return new Miniflare(
      convertV4MiniflareOptions({
        host: loopback,
        port: 0,
        // No look-up of the `cf` object: the mesh works without a network.
        cf: false,
        resourcePersistencePath: state.objects,
        handleStructuredLogs: onLog,
        unsafeHandleRuntimeRestart: () =>
          onLog({ level: "warn", message: "the Workers' process ended and was started again" }),
        workers,
      }),
    );
  } finally {
    if (systemTemporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = systemTemporary;
    // On a signal Miniflare ends the process by itself; who starts a mesh decides that.
    for (const [index, signal] of signals.entries()) {
      for (const listener of process.listeners(signal)) {
        if (before[index]?.has(listener) === false) process.removeListener(signal, listener);
      }
    }
  }
}
