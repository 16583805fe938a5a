/**
 * `node local/compile-config.ts [FILE]`: checks a configuration without starting anything, and writes what the Worker
 * revives into FILE. The build of a deployment and of a local mesh run it; without FILE, as `npm run check` does, it only
 * checks.
 *
 * Reads the file that MESH_CONFIG names, else mesh.config.ts beside wrangler.toml. Prints each mistake on a line of its
 * own, `path: expected …: received …`, and ends with exit code 1 when there is one; then nothing is written.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compile } from "../workers/config/compile.ts";
import { ConfigurationError, lineOf } from "../workers/config/refusal.ts";
import { writeMesh } from "../workers/config/written.ts";

const root = join(import.meta.dirname, "..");
const ours = ["local", "workers", "node_modules"].map((folder) => `${pathToFileURL(join(root, folder)).href}/`);
const named = process.env["MESH_CONFIG"];
const file = named === undefined || named === "" ? join(root, "mesh.config.ts") : resolve(named);
const shownFile = shown(file);

function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}

/** The file in a stack, before its line. */
const placeForm = /file:\/\/\/[^\s)]+?(?=:\d)/g;

/**
 * What the file threw, and where in files of the user's: frames of this project and of Node lead nobody to the mistake.
 * Of a file that cannot be read as a program the first line says where.
 */
function saidOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = (error.stack ?? error.message).split("\n");
  const kept = lines.filter((line) => !/^ {4}at /.test(line) || isOfUser(line));
  return kept.join("\n").replaceAll(placeForm, (url) => shown(fileURLToPath(url)));
}

function isOfUser(frame: string): boolean {
  const url = frame.match(placeForm)?.[0];
  return url !== undefined && !ours.some((folder) => url.startsWith(folder));
}

/** `selvedge` is this project wherever the file lies, and the file is a module whatever package it lies in. */
function resolveSelvedge(): void {
  const definitions = pathToFileURL(join(root, "workers", "config", "define.ts")).href;
  const configuration = pathToFileURL(file).href;
  nodeModule.registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "selvedge") return { url: definitions, format: "module-typescript", shortCircuit: true };
      const found = next(specifier, context);
      return found.url === configuration && file.endsWith(".ts") ? { ...found, format: "module-typescript" } : found;
    },
  });
}

async function defaultExportOf(path: string): Promise<unknown> {
  const loaded = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
  return loaded.default;
}

function refuse(lines: readonly string[]): void {
  process.stderr.write(`${lines.join("\n")}\n`);
  process.exitCode = 1;
}

/** Moved into place when complete: another build of the same configuration may be reading it. */
function write(path: string, text: string): void {
  const beside = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(beside, text);
  renameSync(beside, path);
}

async function main(target: string | undefined): Promise<void> {
  if (!("registerHooks" in nodeModule)) {
    refuse([
      `cannot check ${shownFile}: expected Node 22.18 or later (npm scripts bring their own): received ${process.version}`,
    ]);
    return;
  }
  if (!existsSync(file)) {
    refuse([`cannot check ${shownFile}: expected a configuration file: received a path where there is none`]);
    return;
  }
  resolveSelvedge();
  let config: unknown;
  try {
    config = await defaultExportOf(file);
  } catch (error) {
    refuse([`cannot load ${shownFile}:`, saidOf(error)]);
    return;
  }
  try {
    const mesh = compile(config);
    if (target !== undefined) write(resolve(target), JSON.stringify(writeMesh(mesh)));
    const counts = `services ${mesh.services.size}, routes ${mesh.routes.length}, limits ${mesh.limits.size}`;
    process.stdout.write(`${shownFile}: ${counts}, version ${mesh.version}\n`);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    refuse([`cannot use ${shownFile}:`, ...error.mistakes.map((mistake) => lineOf(mistake))]);
  }
}

await main(process.argv[2]);
