/** wrangler as a child that asks nobody for anything and writes nothing but what it was called for. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CannotStart } from "./cannot-start.ts";

export const wrangler = join(import.meta.dirname, "..", "node_modules", "wrangler", "bin", "wrangler.js");

export const offline = {
  CI: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  FORCE_COLOR: "0",
  NO_COLOR: "1",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_WRITE_LOGS: "false",
};

/** What wrangler says when it fails that is not the reason. */
const noise = [
  /^\s*$/,
  /create an issue at/,
  /newer version of Wrangler/,
  /Logs were written/,
  /^\[custom build\] Running/,
];

export async function runWrangler(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [wrangler, ...args], {
      cwd,
      env: { ...process.env, ...offline, ...env },
    });
  } catch (error) {
    if (!(error instanceof Error && "stderr" in error && "stdout" in error)) throw error;
    const said = `${String(error.stdout)}\n${String(error.stderr)}`.split("\n");
    const reason = said.filter((line) => !noise.some((pattern) => pattern.test(line))).join("\n");
    throw new CannotStart(`the Worker cannot be built:\n${reason}`, { cause: error });
  }
}
