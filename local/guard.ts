/**
 * Ends the Workers runtime when this process dies without a word.
 *
 * Killed with SIGKILL, Node leaves its child `workerd` alive, serving, and holding the ports. The guard is a shell in a
 * process group of its own that reads process ids from a pipe; the pipe breaks when this process is gone, and the
 * shell then kills the last one. That takes about 20 ms.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { type ChildProcess, spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";

const script = `while read -r line; do pid=$line; done; [ -z "$pid" ] || kill -9 "$pid"`;

/** Which guard minds the processes that are spawned in the current chain of calls. */
const minding = new AsyncLocalStorage<Guard>();

subscribe("child_process", (message) => {
  const guard = minding.getStore();
  if (guard !== undefined) guard.mind((message as { readonly process: ChildProcess }).process);
});

export class Guard {
  readonly #shell: ChildProcess;
  #minded: ChildProcess | null = null;

  constructor() {
    this.#shell = minding.exit(() =>
      spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] }),
    );
    // Without a shell there is no guard, and nothing else is wrong: the mesh runs, and is stopped by its owner.
    this.#shell.on("error", () => {});
    this.#shell.stdin?.on("error", () => {});
    this.#shell.unref();
  }

  /** Runs `start`; the process that it spawns, now or when it restarts it, is ended with this one. */
  during<Result>(start: () => Result): Result {
    return minding.run(this, start);
  }

  /** Told when a process is being made: its id is known one step later. */
  mind(child: ChildProcess): void {
    this.#minded = child;
    queueMicrotask(() => {
      if (child.pid !== undefined) this.#shell.stdin?.write(`${child.pid}\n`);
    });
  }

  /** The id of the runtime's process. */
  get pid(): number | undefined {
    return this.#minded?.pid;
  }

  /** The process has ended by other means: nothing is left to guard. */
  end(): void {
    this.#shell.kill("SIGKILL");
  }
}
