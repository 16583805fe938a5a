/**
 * Everything a machine can say of the tree without running it: `npm run check`.
 *
 * One line per item with its time; the whole output of those that fail; exit code 1 if any does. `npm run fix` mends
 * what format and lint can mend by themselves, `npm run types` what the generated types lack.
 */
import { execFile } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { homedir, availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { gzip } from "node:zlib";

interface Outcome {
  readonly passed: boolean;
  /** Said on the item's line. */
  readonly note?: string;
  /** Shown in full if the item failed. */
  readonly output: string;
}

interface Item {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

/** What a deployment may weigh: it is loaded on every cold start of every isolate. */
const BUNDLE_BUDGET_BYTES = 150_000;
const BUNDLE_FOLDER = "dist/check";

/** Names that say nothing of what is inside. */
const EMPTY_NAME = /^(?:utils?|helpers?|common|misc)$/i;
const NOT_OURS = new Set(["coverage", "dist", "node_modules"]);

const root = join(import.meta.dirname, "..");
const env = {
  ...process.env,
  CI: "1",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  NO_COLOR: "1",
  PATH: [join(root, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
};

const items: readonly Item[] = [
  { name: "bundle", run: bundle },
  { name: "dead code", run: () => tool("knip", "--no-config-hints", "--no-progress") },
  { name: "generated types", run: () => tool("wrangler", "types", "--include-runtime=false", "--check") },
  { name: "lint and arrows", run: () => tool("oxlint", "--format", "unix") },
  { name: "format", run: () => tool("oxfmt", "--check") },
  ...["worker", "node", "rules", "objects"].map((world) => ({
    name: `types: ${world}`,
    run: () => tool("tsc", "--pretty", "false", "-p", `tsconfig.${world}.json`),
  })),
  { name: "names", run: names },
];

/** First and alone: what builds on a configuration with mistakes says the same again, at length. */
const configuration: Item = { name: "configuration", run: () => tool("node", "local/compile-config.ts") };

async function tool(command: string, ...args: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd: root, env, maxBuffer: 2 ** 26 });
    return { passed: true, output: stdout + stderr };
  } catch (error) {
    if (!(error instanceof Error && "stdout" in error && "stderr" in error)) throw error;
    const output = `${String(error.stdout)}${String(error.stderr)}`;
    return { passed: false, output: output.trim() === "" ? error.message : output };
  }
}

/** Builds what would be deployed, and weighs it. */
async function bundle(): Promise<Outcome> {
  await rm(join(root, BUNDLE_FOLDER), { recursive: true, force: true });
  const built = await tool("wrangler", "deploy", "--dry-run", "--minify", "--outdir", BUNDLE_FOLDER);
  if (!built.passed) return built;
  const files = (await readdir(join(root, BUNDLE_FOLDER))).filter((file) => /\.m?js$/.test(file));
  const weights = await Promise.all(files.map((file) => gzippedBytes(join(root, BUNDLE_FOLDER, file))));
  const bytes = weights.reduce((sum, weight) => sum + weight, 0);
  const note = `${kilobytes(bytes)} of ${kilobytes(BUNDLE_BUDGET_BYTES)} gzip`;
  if (files.length === 0) return { passed: false, output: `no script was written:\n${built.output}` };
  return { passed: bytes <= BUNDLE_BUDGET_BYTES, note, output: `the bundle weighs ${note}` };
}

const gzippedBytes = async (file: string): Promise<number> => (await promisify(gzip)(await readFile(file))).length;
const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;

/** Finds files and folders whose name says nothing. */
async function names(): Promise<Outcome> {
  const found = await emptyNames("");
  return { passed: found.length === 0, output: found.map((path) => `${path}: name it after what it holds`).join("\n") };
}

async function emptyNames(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const ours = entries.filter(({ name }) => !name.startsWith(".") && !NOT_OURS.has(name));
  const found = await Promise.all(
    ours.map(async (entry) => {
      const path = join(folder, entry.name);
      const here = EMPTY_NAME.test(entry.name.split(".")[0] ?? "") ? [path] : [];
      return entry.isDirectory() ? [...here, ...(await emptyNames(path))] : here;
    }),
  );
  return found.flat();
}

/** Runs one item after another until none is left; returns how many failed. */
async function work(queue: Item[]): Promise<number> {
  let failed = 0;
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    const startedAt = performance.now();
    const { passed, note, output } = await item.run();
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    const rest = note === undefined ? "" : `  ${note}`;
    process.stdout.write(`${passed ? "passed" : "FAILED"}  ${seconds.padStart(4)} s  ${item.name}${rest}\n`);
    if (passed) continue;
    failed += 1;
    process.stdout.write(`${indented(withoutMachine(output))}\n`);
  }
  return failed;
}

const withoutMachine = (text: string): string =>
  text.replaceAll(`${root}/`, "").replaceAll(root, ".").replaceAll(homedir(), "~");
const indented = (text: string): string =>
  stripVTControlCharacters(text)
    .trimEnd()
    .replaceAll(/^(?=.)/gm, "    ");

const misconfigured = await work([configuration]);
const queue = misconfigured > 0 ? [] : [...items];
const failures = await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue)));
const failed = failures.reduce((sum, count) => sum + count, misconfigured);
const skipped = misconfigured > 0 ? items.length : 0;
const passed = items.length + 1 - failed - skipped;
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
process.exitCode = failed === 0 ? 0 : 1;
