/** `npm start` itself, in a process group of its own, as a terminal would have it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Announcement } from "./mesh.ts";

const root = join(import.meta.dirname, "..", "..");

/** Who gets a signal: npm alone, the script alone, or, as by Ctrl-C, everybody in the terminal. */
export type Receiver = "npm" | "script" | "terminal";

export class NpmStart {
  readonly #npm: ChildProcess;
  readonly #folder: string;
  readonly #said = { stdout: "", stderr: "" };
  #announcement: Announcement | null = null;

  private constructor(args: readonly string[]) {
    this.#folder = mkdtempSync(join(tmpdir(), "selvedge-npm-"));
    const options = ["--json", "--port", "0", "--state", join(this.#folder, "state"), ...args];
    this.#npm = spawn("npm", ["start", "--silent", "--", ...options], {
      cwd: root,
      env: { ...process.env, SELVEDGE_BUNDLES: join(root, "dist", "local") },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#npm.stderr?.on("data", (chunk: Buffer) => (this.#said.stderr += chunk.toString()));
  }

  /** Ready when it says so. */
  static async run(...args: readonly string[]): Promise<NpmStart> {
    const started = new NpmStart(args);
    await started.#ready();
    return started;
  }

  get announcement(): Announcement {
    if (this.#announcement === null) throw new Error("cannot tell where the mesh is: it is not ready");
    return this.#announcement;
  }

  get url(): string {
    return this.announcement.ports[0]?.url ?? "";
  }

  /** So far. */
  get stderr(): string {
    return this.#said.stderr;
  }

  async adminToken(): Promise<string> {
    const secret = parseEnv(readFileSync(this.announcement.admin.secretFile, "utf8")).MESH_ADMIN_SECRET;
    const response = await fetch(`${this.url}/_mesh/v1/auth/token`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`admin:${secret}`)}` },
      body: new URLSearchParams({ grant_type: "client_credentials" }),
    });
    const { access_token: token } = (await response.json()) as { readonly access_token: string };
    return token;
  }

  signal(to: Receiver, signal: NodeJS.Signals): void {
    process.kill(this.#idOf(to), signal);
  }

  /** Which of its processes are left: the script, and the runtime of the Workers. */
  left(): readonly string[] {
    const { pid, runtimePid } = this.announcement;
    const alive = { script: isAlive(pid), runtime: isAlive(runtimePid) };
    return Object.entries(alive).flatMap(([name, isLeft]) => (isLeft ? [name] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#npm.exitCode === null && this.#npm.signalCode === null ? once(this.#npm, "close") : null;
    for (const to of ["terminal", "script"] as const) tryToKill(this.#idOf(to));
    await closed;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  #idOf(to: Receiver): number {
    const npm = this.#npm.pid;
    // Zero would be this very process and all beside it.
    if (npm === undefined) throw new Error("cannot send a signal: npm was not started");
    if (to === "script") return this.#announcement?.pid ?? npm;
    return to === "npm" ? npm : -npm;
  }

  async #ready(): Promise<void> {
    const { stdout } = this.#npm;
    if (stdout === null) throw new Error("cannot read the announcement: expected a pipe");
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      this.#said.stdout += chunk.toString();
      if (!this.#said.stdout.includes("\n")) continue;
      this.#announcement = JSON.parse(this.#said.stdout) as Announcement;
      return;
    }
    throw new Error(`cannot start: the mesh ended before it was ready:\n${this.stderr}`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function tryToKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself: what is to be shown by most tests.
  }
}
