/** The package as `npm pack` makes it, unpacked where nothing of the repository is found, and Workers that use it. */
import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { runWrangler } from "../../local/offline-wrangler.ts";
import { readWorkerShape } from "../../local/worker-shape.ts";

const root = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

const compilerOptions = {
  target: "es2024",
  lib: ["es2024"],
  module: "esnext",
  moduleResolution: "bundler",
  types: ["@cloudflare/workers-types"],
  strict: true,
  // Stricter than most readers are: what is right by it is right for all.
  exactOptionalPropertyTypes: true,
  noEmit: true,
};

export interface BundleWeight {
  /** Minified and compressed. */
  readonly bytes: number;
  /** npm packages of which there is something in it, but for this one. */
  readonly packages: readonly string[];
}

export class PackedPackage {
  readonly folder: string;
  /** Of the tarball. */
  readonly files: readonly string[];
  readonly installed: string;

  private constructor(folder: string, files: readonly string[]) {
    this.folder = folder;
    this.files = files;
    this.installed = join(folder, "node_modules", "selvedge");
  }

  static async pack(): Promise<PackedPackage> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "selvedge-package-")));
    const modules = join(folder, "node_modules");
    await run("npm", ["pack", "--pack-destination", folder], {
      cwd: root,
      env: { ...process.env, npm_config_update_notifier: "false" },
    });
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    if (tarball === undefined) throw new Error("expected a tarball: received none");
    const { stdout } = await run("tar", ["-xzvf", tarball], { cwd: folder });
    mkdirSync(join(modules, "@cloudflare"), { recursive: true });
    for (const name of ["hono", "typescript", "@cloudflare/workers-types", "jose", "valibot"]) {
      symlinkSync(realpathSync(join(root, "node_modules", name)), join(modules, name));
    }
    const packed = new PackedPackage(folder, stdout.trim().split("\n"));
    // Where the tarball unpacks to; a real folder, so that nothing of the repository is found from it.
    await run("mv", ["package", packed.installed], { cwd: folder });
    return packed;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Of a bundle of this code, which is all that a Worker has. */
  async weigh(code: string): Promise<BundleWeight> {
    const { outputFiles, metafile } = await build({
      stdin: { contents: code, resolveDir: this.folder },
      bundle: true,
      minify: true,
      format: "esm",
      target: "esnext",
      external: ["cloudflare:workers"],
      metafile: true,
      write: false,
    });
    // What is read and not used is not in it.
    const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
    const packages = new Set<string>();
    for (const [path, { bytesInOutput }] of inputs) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
      if (name !== undefined && name !== "selvedge" && bytesInOutput > 0) packages.add(name);
    }
    const bytes = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).byteLength;
    return { bytes, packages: [...packages].toSorted() };
  }

  /** A project of its own beside the installed package. `more`: further files beside its entry. */
  project(name: string, source: string, toml: string, more: Readonly<Record<string, string>> = {}): string {
    const directory = join(this.folder, name);
    mkdirSync(join(directory, "src"), { recursive: true });
    const bindings = "declare namespace Cloudflare {\n  interface Env {\n    LOGINS: RateLimit;\n  }\n}\n";
    const files = { "index.ts": source, "env.d.ts": bindings, ...more };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, "src", file), text);
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }));
    const head = `name = "${name}"\nmain = "src/index.ts"\ncompatibility_date = "2026-10-20"\n\n`;
    writeFileSync(join(directory, "wrangler.toml"), head + toml);
    return directory;
  }

  /** What the compiler finds wrong. */
  async typeMistakes(directory: string): Promise<string> {
    const compiler = join(this.folder, "node_modules", "typescript", "bin", "tsc");
    const args = [compiler, "--strict", "--pretty", "false", "-p", directory];
    return run(process.execPath, args).then(
      () => "",
      (error: unknown) => String((error as { readonly stdout?: unknown }).stdout),
    );
  }
}

/** The data centres of the two isolates: `env.COLO`. Their Regions are weur and apac. */
const colos = ["FRA", "SIN"] as const;

/**
 * Two isolates of one Worker; the objects belong to the first, and the second has bindings to them. `logs` is what they
 * have logged so far. Stops what was started whatever becomes of the work.
 */
export async function running(
  directory: string,
  work: (urls: readonly string[], logs: readonly string[]) => Promise<void>,
): Promise<void> {
  const classes = [...readFileSync(join(directory, "wrangler.toml"), "utf8").matchAll(/^\[exports\.(\w+)\]/gm)];
  const durableObjects = Object.fromEntries(
    classes.map(([, className = ""]) => [
      className.replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase(),
      { className, useSQLite: true, scriptName: "first" },
    ]),
  );
  const out = join(directory, "out");
  await runWrangler(["deploy", "--dry-run", "--outdir", out], directory, {});
  // What the first has is the second's by name: it shares the code and no configuration of a class.
  const { options } = await readWorkerShape(directory);
  const { additionalUnboundDurableObjects: _, ...shared } = options;
  const worker = {
    modules: [{ type: "ESModule" as const, path: join(out, "index.js") }],
    modulesRoot: out,
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  const [first, second] = colos.map((COLO) => ({ bindings: { COLO } }));
  const logs: string[] = [];
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      handleStructuredLogs: ({ message }) => logs.push(message),
      workers: [
        { ...options, ...worker, ...first, name: "first" },
        { ...shared, ...worker, ...second, name: "second", durableObjects },
      ],
    }),
  );
  try {
    await miniflare.ready;
    const urls = ["first", "second"].map(async (name) => (await miniflare.unsafeGetDirectURL(name)).origin);
    await work(await Promise.all(urls), logs);
  } finally {
    await miniflare.dispose();
  }
}
