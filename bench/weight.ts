/** P7: what the deployed Worker weighs, and what its start takes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { runWrangler } from "../local/offline-wrangler.ts";
import { median } from "./ratio.ts";
import type { Measure } from "./table.ts";

const root = join(import.meta.dirname, "..");

export const weight: Measure = {
  ids: ["P7"],
  async run(isQuick) {
    const { gzipBytes, startUpMs } = await weigh(isQuick ? 1 : 5);
    const result = `${(gzipBytes / 1_000).toFixed(1)} kB gzip, ${startUpMs.toFixed(0)} ms to start`;
    return [{ id: "P7", what: "deployed Worker", goal: "≤ 150 kB, ≤ 50 ms", result }];
  },
};

interface Weight {
  readonly gzipBytes: number;
  /** Median time to evaluate the bundle in a fresh isolate, ms; the runtime's own start is taken off. */
  readonly startUpMs: number;
}

async function weigh(starts: number): Promise<Weight> {
  const directory = join(root, "dist", "bench", "mesh");
  await runWrangler(["deploy", "--dry-run", "--minify", "--outdir", directory], root, {});
  const script = readFileSync(
    join(directory, readdirSync(directory).find((file) => file.endsWith(".js")) ?? ""),
    "utf8",
  );
  const times: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    times.push((await startOf(script)) - (await startOf("export default { fetch: () => new Response() };")));
  }
  return { gzipBytes: gzipSync(script).byteLength, startUpMs: Math.max(0, median(times)) };
}

/** From nothing to the first answer, ms. The bundle's classes are exported and not bound: only its evaluation is timed. */
async function startOf(script: string): Promise<number> {
  const startedAt = performance.now();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      port: 0,
      cf: false,
      workers: [
        {
          name: "start",
          modules: [{ type: "ESModule", path: "start.mjs", contents: script }],
          compatibilityDate: "2026-10-20",
          compatibilityFlags: ["enable_request_signal"],
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        },
      ],
    }),
  );
  await miniflare.ready;
  const answer = await fetch(await miniflare.unsafeGetDirectURL("start"));
  await answer.arrayBuffer();
  const took = performance.now() - startedAt;
  await miniflare.dispose();
  return took;
}
