import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..", "..");

/** Where the Worker under test finds what the build would have made of the demo's configuration. */
export const compiledConfiguration = join(root, "dist", "test", "mesh.config.json");

/** Once, before the tests that run beside the Worker: their runner builds it without the build of wrangler.toml. */
export default async function compileConfiguration(): Promise<void> {
  const compiler = join(root, "local", "compile-config.ts");
  // Whatever the environment names is not what the tests are about.
  const env = { ...process.env, MESH_CONFIG: "" };
  await promisify(execFile)(process.execPath, [compiler, compiledConfiguration], { env });
}
