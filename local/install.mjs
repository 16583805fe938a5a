/**
 * Installs the locked dependencies unless they are there already.
 *
 * Plain JavaScript without imports from packages: it runs before anything is installed, on whatever Node (20 or later)
 * the machine has. Every npm script that needs packages runs it first; when there is nothing to do it takes a few
 * milliseconds. `npm ci` empties node_modules before it fills it, so two at once are kept apart by a lock directory.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 20;
const POLL_MS = 200;
/** A lock without a holder's id is one being made; older than this, its maker died on the way. */
const NAMELESS_LOCK_MS = 5_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, ".install.lock");
const stamp = join(root, "node_modules", ".installed");

const wanted = () =>
  createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
const isInstalled = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted();

/** @param {string} reason */
function refuse(reason) {
  process.stderr.write(`cannot install the dependencies: ${reason}\n`);
  process.exit(1);
}

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && "code" in error ? String(error.code) : "");

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** Names the one whose lock this was, if it and its npm are dead; undefined while either may still be at work. */
function deadHolder() {
  try {
    const pids = readFileSync(join(lock, "pids"), "utf8").split(" ");
    return pids.some((pid) => isAlive(Number(pid))) ? undefined : pids.join("-");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    const madeAt = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    return Date.now() - madeAt > NAMELESS_LOCK_MS ? "nobody" : undefined;
  }
}

/**
 * Moves a dead holder's lock aside. The name it moves to is the same for everyone who saw that holder, and it is kept
 * until the install is over: whoever comes second cannot move the new lock there.
 *
 * @param {string} holder
 */
function moveAside(holder) {
  const aside = `${lock}.${holder}`;
  try {
    renameSync(lock, aside);
    writeFileSync(join(aside, "moved"), "");
    return aside;
  } catch (error) {
    if (["ENOENT", "ENOTEMPTY", "EEXIST", "EPERM"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** Waits for the lock and returns how to give it back, or undefined when another process has installed meanwhile. */
async function takeLock() {
  /** @type {string[]} */
  const asides = [];
  for (;;) {
    if (isInstalled() && !existsSync(lock)) return undefined;
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, "pids"), String(process.pid));
      return () => {
        for (const path of [lock, ...asides]) rmSync(path, { recursive: true, force: true });
      };
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    const holder = deadHolder();
    const aside = holder === undefined ? undefined : moveAside(holder);
    if (aside === undefined) await sleep(POLL_MS);
    else asides.push(aside);
  }
}

/**
 * Runs npm on the machine's own Node: the one in node_modules is about to be removed from under it.
 *
 * @returns {Promise<{ code: number, output: string }>}
 */
function npmCi() {
  const own = join("node_modules", ".bin");
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.endsWith(own));
  const npm = spawn("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--include=dev"], {
    cwd: root,
    env: { ...process.env, PATH: path.join(delimiter) },
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (npm.pid !== undefined) writeFileSync(join(lock, "pids"), `${process.pid} ${npm.pid}`);
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => npm.kill(signal));
  }
  /** @type {Buffer[]} */
  const chunks = [];
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.on("data", (/** @type {Buffer} */ chunk) => chunks.push(chunk));
  }
  return new Promise((resolve) => {
    /** @type {(code: number, last?: string) => void} */
    const finish = (code, last = "") => resolve({ code, output: Buffer.concat(chunks).toString() + last });
    npm.on("error", (error) => finish(1, `${error.message}\n`));
    npm.on("close", (code, signal) => finish(code ?? 1, signal === null ? "" : `stopped by ${signal}\n`));
  });
}

async function install() {
  const giveBack = await takeLock();
  if (giveBack === undefined) return;
  process.on("exit", giveBack);
  if (isInstalled()) return;
  process.stderr.write("installing the locked dependencies (once; about 20 s) …\n");
  const { code, output } = await npmCi();
  if (code !== 0) {
    process.stderr.write(output);
    refuse(`npm ci ended with code ${code}; it needs the npm registry, and a package-lock.json that fits package.json`);
  }
  writeFileSync(stamp, wanted());
}

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  refuse(`Node ${OLDEST_NODE} or later is needed: received ${process.versions.node}`);
}
if (!isInstalled()) await install();
