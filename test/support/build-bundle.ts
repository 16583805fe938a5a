import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..", "..");

/** Builds what would be deployed into `dist/`, once, before the tests that run it. */
export default async function buildBundle(): Promise<void> {
  const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
  const run = promisify(execFile)(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", "dist"], {
    cwd: root,
    // The log tells what the configuration's check said, and it is shown only on failure.
    env: {
      ...process.env,
      MESH_CONFIG: "",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      NO_COLOR: "1",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_LOG: "log",
      WRANGLER_SEND_METRICS: "false",
    },
  });
  await run.catch((error: unknown) => {
    // Said here: vitest loses the message of an error that a global setup throws.
    process.stderr.write(`cannot build the bundle:\n${outputOf(error)}\n`);
    throw error;
  });
}

function outputOf(error: unknown): string {
  if (!(error instanceof Error && "stdout" in error && "stderr" in error)) return String(error);
  return `${String(error.stdout)}${String(error.stderr)}`;
}
