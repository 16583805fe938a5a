/** The bare Workers and the origin, in a runtime of their own: one process, each Worker an isolate with a port. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { runWrangler } from "../local/offline-wrangler.ts";

const root = join(import.meta.dirname, "..");

export interface Peer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Builds a Worker of this folder as a deploy would, and runs it with these variables and object classes of its own. */
export async function startPeer(
  name: string,
  vars: Readonly<Record<string, string>>,
  classes: Readonly<Record<string, string>> = {},
): Promise<Peer> {
  const outDirectory = join(root, "dist", "bench", name);
  const build = ["deploy", join("bench", `${name}.ts`), "--dry-run", "--minify", "--outdir", outDirectory];
  const noConfig = ["--name", name, "--compatibility-date", "2026-10-20", "--config", join("bench", "bare.toml")];
  await runWrangler([...build, ...noConfig], root, {});
  const script = readdirSync(outDirectory).find((file) => file.endsWith(".js")) ?? `${name}.js`;
  const durableObjects: Record<string, { readonly className: string; readonly useSQLite: true }> = {};
  for (const [binding, className] of Object.entries(classes)) durableObjects[binding] = { className, useSQLite: true };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      workers: [
        {
          name,
          modules: [{ type: "ESModule", path: join(outDirectory, script) }],
          modulesRoot: outDirectory,
          compatibilityDate: "2026-10-20",
          bindings: { ...vars },
          durableObjects,
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        },
      ],
    }),
  );
  await miniflare.ready;
  return { url: (await miniflare.unsafeGetDirectURL(name)).origin, stop: () => miniflare.dispose() };
}
