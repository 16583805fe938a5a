/** How tests start a mesh: in their own process, or as `npm start` would, in a process that can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseEnv } from "node:util";
import { type LocalMesh, type MeshOptions, startMesh as start } from "../../local/mesh.ts";
import type { LogEntry } from "../../local/runtime.ts";

const root = join(import.meta.dirname, "..", "..");

/** Bundles are built once for each configuration, for all test files. */
const bundleDirectory = join(root, "dist", "local");

/**
 * A mesh in this process, on free ports, with a state folder of its own that is removed by `stop()`; usable with
 * `await using`. What the Workers log is shown with MESH_LOGS=1 only: many tests provoke it.
 */
export function startMesh(options: MeshOptions = {}): Promise<LocalMesh> {
  return start({ bundleDirectory, onLog: process.env.MESH_LOGS === undefined ? ignore : show, ...options });
}

function ignore(): void {}

function show({ level, message }: LogEntry): void {
  process.stderr.write(`${level}: ${message}\n`);
}

/** What `node local/start.ts --json` says when it is ready. */
export interface Announcement {
  readonly ports: readonly { readonly region: string; readonly isolate: number; readonly url: string }[];
  /** What the mesh stands in front of; null when the configuration says it. */
  readonly origin: string | null;
  readonly pid: number;
  /** The process in which the Workers run. */
  readonly runtimePid: number;
  readonly admin: { readonly client: string; readonly secretFile: string };
}

export interface SpawnedMesh extends Announcement {
  readonly stateDirectory: string;
  readonly adminSecret: string;
  /** Sends a signal to the Node process alone and waits for its end. */
  kill(signal: NodeJS.Signals): Promise<Ended>;
  /** Ends it, whatever happened before, and removes its state folder unless that was given. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `node local/start.ts` with these arguments to its end. */
export function runStart(...args: readonly string[]): Promise<Ended> {
  return endOf(launch(args));
}

/** A mesh in a process of its own: free ports and a fresh state folder unless the arguments say otherwise. */
export async function spawnMesh(...args: readonly string[]): Promise<SpawnedMesh> {
  const given = args.indexOf("--state");
  const stateDirectory = given === -1 ? mkdtempSync(join(tmpdir(), "selvedge-")) : String(args[given + 1]);
  const defaults = [
    ...(given === -1 ? ["--state", stateDirectory] : []),
    ...(args.includes("--port") ? [] : ["--port", "0"]),
  ];
  const child = launch(["--json", ...defaults, ...args]);
  const ended = endOf(child);
  const announcement = await Promise.race([announced(child), ended.then(refuse)]);
  return {
    ...announcement,
    stateDirectory,
    adminSecret: String(parseEnv(readFileSync(announcement.admin.secretFile, "utf8")).MESH_ADMIN_SECRET),
    kill(signal) {
      child.kill(signal);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      if (given === -1) rmSync(stateDirectory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

function launch(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(root, "local", "start.ts"), ...args], {
    cwd: root,
    env: { ...process.env, SELVEDGE_BUNDLES: bundleDirectory },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function announced(child: ChildProcess): Promise<Announcement> {
  if (child.stdout === null) throw new Error("cannot read the announcement: expected a pipe");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return JSON.parse(line) as Announcement;
}

async function endOf(child: ChildProcess): Promise<Ended> {
  const said = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...said };
}

function refuse({ code, stderr }: Ended): never {
  throw new Error(`cannot spawn a mesh: it ended with ${code} before it was ready:\n${stderr}`);
}
