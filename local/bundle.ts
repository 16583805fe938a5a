/**
 * The deployable bundle, built by wrangler exactly as a deploy would build it, with one configuration in it.
 *
 * A build takes a second or two, so it is kept: under the digest of what went into it, with the list of those files
 * beside it. As long as none of them has changed the next start loads neither esbuild nor wrangler. A configuration is
 * data: wrangler builds with a mark in its place, and each configuration is written there.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { extname, join, resolve } from "node:path";
import { CannotStart } from "./cannot-start.ts";
import { runWrangler } from "./offline-wrangler.ts";
import { readWorkerShape, type WorkerShape } from "./worker-shape.ts";
import type { Mesh } from "../workers/config/mesh.ts";
import { reviveMesh } from "../workers/config/revived.ts";

export interface BundleRequest {
  /** The folder of wrangler.toml. */
  readonly root: string;
  /** The configuration that the bundle gets as `mesh.config`: an absolute path. */
  readonly configFile: string;
  /** Where built bundles are kept. */
  readonly cacheDirectory: string;
}

export interface BundledModule {
  readonly type: "ESModule" | "Text" | "Data" | "CompiledWasm";
  readonly path: string;
}

export interface Bundle {
  readonly directory: string;
  /** The entry first. */
  readonly modules: readonly [BundledModule, ...BundledModule[]];
  readonly shape: WorkerShape;
  /** What it does: the configuration that it was built with. */
  readonly configuration: Mesh;
}

/** What is written beside a bundle. */
interface BuildRecord {
  /** Absolute path to SHA-256 of each file that went in. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly shape: WorkerShape;
}

export async function buildBundle(request: BundleRequest): Promise<Bundle> {
  // Compiled every time, because what it is made of is known only then.
  const written = await compileConfiguration(request);
  const configuration = reviveMesh(JSON.parse(written));
  const recordFile = join(request.cacheDirectory, `${digest(request.root)}.json`);
  const kept = readRecord(recordFile);
  if (kept !== null && existsSync(join(request.cacheDirectory, kept.folder)) && isUnchanged(kept.inputs)) {
    return opened(configured(request, kept, written), kept.shape, configuration);
  }
  const built = await build(request);
  writeAtomically(recordFile, JSON.stringify(built));
  return opened(configured(request, built, written), built.shape, configuration);
}

/** Builds beside, and moves into place when complete: a reader never sees half a bundle, nor do two builders meet. */
async function build(request: BundleRequest): Promise<BuildRecord> {
  const workplace = workplaceIn(request.cacheDirectory);
  const [source, out, marked] = ["source", "out", "mark.json"].map((name) => join(workplace, name)) as [
    string,
    string,
    string,
  ];
  try {
    mirror(request.root, source);
    writeFileSync(marked, JSON.stringify(mark));
    const [shape] = await Promise.all([readWorkerShape(source), bundle(source, request.configFile, marked, out)]);
    const files = inputsOf(out, source).filter((path) => path !== marked);
    const inputs = hashed([...files, join(request.root, "wrangler.toml"), ...ours]);
    const folder = digest(JSON.stringify(inputs));
    const target = join(request.cacheDirectory, folder);
    if (!existsSync(target)) renameSync(out, target);
    removeOld(request.cacheDirectory, folder);
    return { inputs, folder, shape };
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
}

/** What stands in a bundle where its configuration will be. */
const mark = "the configuration, 2c7d3fb7-4a0e-4a52-9f3f-6a9b8a1f7c11";

/** The folder of the bundle with this configuration in the mark's place; made beside, and moved. */
function configured({ cacheDirectory }: BundleRequest, { folder, shape }: BuildRecord, written: string): string {
  const target = join(cacheDirectory, digest(`${folder}\n${written}`));
  if (existsSync(target)) return target;
  const workplace = workplaceIn(cacheDirectory);
  cpSync(join(cacheDirectory, folder), workplace, { recursive: true });
  const entry = join(workplace, `${shape.entryName}.js`);
  const [before, after, ...more] = readFileSync(entry, "utf8").split(JSON.stringify(mark));
  if (after === undefined || more.length > 0) throw new Error("cannot configure: expected one mark in the bundle");
  // As text: an object's literal is no JSON where a name is `__proto__`.
  writeFileSync(entry, `${before}JSON.parse(${JSON.stringify(written)})${after}`);
  try {
    renameSync(workplace, target);
  } catch (error) {
    rmSync(workplace, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

function workplaceIn(cacheDirectory: string): string {
  const workplace = join(cacheDirectory, `building-${process.pid}-${randomUUID()}`);
  mkdirSync(workplace, { recursive: true });
  return workplace;
}

/** Another mesh may be about to read a bundle that was just replaced; it is not about to read yesterday's. */
function removeOld(cacheDirectory: string, current: string): void {
  for (const entry of readdirSync(cacheDirectory, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === current) continue;
    const path = join(cacheDirectory, entry.name);
    const madeAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - madeAt > dayMs) rmSync(path, { recursive: true, force: true });
  }
}

const dayMs = 86_400_000;

/**
 * wrangler writes into the folder of wrangler.toml, which may be read-only, and where another build may be at work: it
 * gets a folder of its own, in which everything is a link to what is here.
 */
function mirror(root: string, source: string): void {
  mkdirSync(source, { recursive: true });
  for (const name of readdirSync(root)) {
    if (!notMirrored.has(name)) symlinkSync(join(root, name), join(source, name));
  }
}

const notMirrored = new Set([".wrangler", ".git", ".dev.vars", ".env", "dist"]);

async function bundle(source: string, configFile: string, marked: string, out: string): Promise<void> {
  // Names stay as they are written: here people read what a Worker throws.
  const flags = ["--dry-run", "--no-minify", "--outdir", out, "--metafile", "--alias", `mesh.config:${marked}`];
  // The build compiles once more, into the folder that is its own.
  const env = { MESH_CONFIG: configFile };
  await runWrangler(["deploy", "--config", join(source, "wrangler.toml"), ...flags], source, env);
}

/** What is wrong in a configuration is said better without wrangler around it. */
async function compileConfiguration({ cacheDirectory, configFile }: BundleRequest): Promise<string> {
  const env = { ...process.env, MESH_CONFIG: configFile };
  const compiler = join(import.meta.dirname, "compile-config.ts");
  const workplace = workplaceIn(cacheDirectory);
  const file = join(workplace, "mesh.config.json");
  try {
    await new Promise<void>((done, fail) => {
      execFile(process.execPath, [compiler, file], { env }, (error, _, stderr) => {
        if (error === null) done();
        else fail(new CannotStart(stderr.trimEnd(), { cause: error }));
      });
    });
    return readFileSync(file, "utf8");
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
}

/** Files that esbuild read, from its metafile; names in angle brackets are made up by plugins. */
function inputsOf(out: string, source: string): string[] {
  const meta = JSON.parse(readFileSync(join(out, "bundle-meta.json"), "utf8")) as { readonly inputs: object };
  return Object.keys(meta.inputs)
    .map((path) => resolve(source, path))
    .filter((path) => existsSync(path));
}

/** What else decides: wrangler, esbuild and every package, by the lock file; and how the shape is read. */
const ours = [join(import.meta.dirname, "..", "package-lock.json"), join(import.meta.dirname, "print-worker-shape.ts")];

function hashed(paths: readonly string[]): Record<string, string> {
  return Object.fromEntries([...new Set(paths)].toSorted().map((path) => [path, digest(readFileSync(path))]));
}

function isUnchanged(inputs: Readonly<Record<string, string>>): boolean {
  return Object.entries(inputs).every(([path, hash]) => existsSync(path) && digest(readFileSync(path)) === hash);
}

function digest(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}

function readRecord(file: string): BuildRecord | null {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as BuildRecord) : null;
}

function writeAtomically(file: string, text: string): void {
  const beside = `${file}.${process.pid}`;
  writeFileSync(beside, text);
  renameSync(beside, file);
}

const moduleTypes: Readonly<Record<string, BundledModule["type"]>> = {
  ".js": "ESModule",
  ".txt": "Text",
  ".html": "Text",
  ".sql": "Text",
  ".bin": "Data",
  ".wasm": "CompiledWasm",
};

function opened(directory: string, shape: WorkerShape, configuration: Mesh): Bundle {
  const entryName = `${shape.entryName}.js`;
  const rest = readdirSync(directory).flatMap((name): BundledModule[] => {
    const type = moduleTypes[extname(name)];
    return type === undefined || name === entryName ? [] : [{ type, path: join(directory, name) }];
  });
  const entry: BundledModule = { type: "ESModule", path: join(directory, entryName) };
  return { directory, modules: [entry, ...rest], shape, configuration };
}
