/**
 * The folder in which a local mesh keeps what outlives it: the objects' storage, the secrets, the demo's parts.
 *
 * Two meshes on one folder would both write. The first holds an exclusive lock on a file in it through SQLite: the
 * system itself takes such a lock back when its holder dies, so that no lock can be stale, whatever killed the holder
 * and whoever has its process id now. Beside it lies, for people, who the holder is.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CannotStart } from "./cannot-start.ts";
import { openSecrets, type Secrets } from "./secrets.ts";

export interface StateFolder {
  readonly path: string;
  /** Where the objects' SQLite files are. */
  readonly objects: string;
  /** Emptied at each start: a killed process cannot clean up. */
  readonly temporary: string;
  /** For built bundles. */
  readonly bundles: string;
  readonly secrets: Secrets;
  readonly secretsFile: string;
  release(): void;
}

/** What `fresh` takes away: names that a mesh made, and nothing else that may lie in the folder. */
const made = ["objects", "demo", ".dev.vars"];

export function openStateFolder(folder: string, options: { readonly fresh: boolean }): StateFolder {
  const path = resolve(folder);
  const at = (name: string) => join(path, name);
  makeFolder(path);
  const release = takeLock(path);
  try {
    for (const name of options.fresh ? [...made, "tmp"] : ["tmp"]) rmSync(at(name), { recursive: true, force: true });
    mkdirSync(at("tmp"), { mode: 0o700 });
    return {
      path,
      objects: at("objects"),
      temporary: at("tmp"),
      bundles: at("bundles"),
      secrets: openSecrets(at(".dev.vars")),
      secretsFile: at(".dev.vars"),
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CannotStart(`the state folder ${path} cannot be made: ${String(error)}`, { cause: error });
  }
}

function takeLock(path: string): () => void {
  const holder = join(path, "holder.json");
  const database = openLock(path);
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new CannotStart(`${path} is in use by another mesh${describe(holder)}`, { cause: error });
    throw new CannotStart(`the state folder ${path} cannot be locked: ${String(error)}`, { cause: error });
  }
  writeFileSync(holder, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
  return () => {
    rmSync(holder, { force: true });
    database.close();
  };
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(join(path, "lock"), { timeout: 0 });
  } catch (error) {
    throw new CannotStart(`the state folder ${path} cannot be written: ${String(error)}`, { cause: error });
  }
}

/** SQLITE_BUSY and its kin: another process, or another mesh in this one, has the lock. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === 5;
}

function describe(holder: string): string {
  try {
    const { pid, since } = JSON.parse(readFileSync(holder, "utf8")) as { readonly pid: number; readonly since: string };
    return ` (process ${pid}, since ${since}): end it, or choose another folder with --state`;
  } catch {
    // It is just being written, or just being left: the lock alone decides.
    return ": end it, or choose another folder with --state";
  }
}
