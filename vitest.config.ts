import { join } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { ClosingLine } from "./test/support/closing-line.ts";
import { compiledConfiguration } from "./test/support/compile-configuration.ts";

const at = (path: string) => join(import.meta.dirname, path);

/** The runtime's own errors are shown; its advice to put secrets into files is not for tests. */
process.env["WRANGLER_LOG"] ??= "error";

/** What a configuration imports, and what the Worker imports of one: in wrangler.toml the build and `[alias]` say so. */
const resolve = {
  alias: [
    { find: /^selvedge$/, replacement: at("workers/config/define.ts") },
    { find: /^mesh\.config$/, replacement: compiledConfiguration },
  ],
};

/** Not secret: what the Worker under test is given where a deployed one has its secrets. */
const testSecrets = {
  MESH_ADMIN_SECRET: "a test's admin secret, long enough to pass",
  MESH_KEY_SECRET: "a test's key secret, also long enough to pass",
};

/** What runs in the runtime sees its bindings as the environment, and not this process's. */
const longRun = "LONG" in process.env ? { LONG: "1" } : {};

const notOurs = ["**/node_modules/**", "**/dist/**", "**/.selvedge/**", "**/.wrangler/**"];
const conformance = ["test/conformance/**/*.test.ts"];
const objects = ["test/objects/**/*.test.ts"];
const mesh = ["test/mesh/**/*.test.ts", "test/faults/**/*.test.ts"];
/** They ask as fast as the machine can. */
const floods = ["test/mesh/limits-regions.test.ts"];

const ofMeshes = { globalSetup: ["test/support/build-bundle.ts"], testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    reporters: ["default", new ClosingLine()],
    maxWorkers: "100%",
    projects: [
      {
        // Whatever is not claimed below runs here: no test file can lie in the tree and not run.
        resolve,
        test: {
          name: "rules",
          include: ["**/*.test.ts"],
          exclude: [...notOurs, ...conformance, ...objects, ...mesh],
          // No test may fail because the machine is busy: this only ends what hangs.
          testTimeout: 120_000,
        },
      },
      {
        resolve,
        test: { name: "conformance", include: conformance, testTimeout: 120_000 },
      },
      {
        resolve,
        plugins: [
          cloudflareTest({
            wrangler: { configPath: at("wrangler.toml") },
            miniflare: { bindings: { ...testSecrets, ...longRun } },
          }),
        ],
        test: {
          name: "objects",
          include: objects,
          globalSetup: ["test/support/compile-configuration.ts"],
          testTimeout: 20_000,
        },
      },
      {
        // Each mesh takes ports that are free, and mostly waits: several files at a time, after the others.
        resolve,
        test: {
          name: "mesh",
          include: mesh,
          maxWorkers: 4,
          exclude: [...notOurs, ...floods],
          sequence: { groupOrder: 1 },
          ...ofMeshes,
        },
      },
      {
        resolve,
        test: { name: "floods", include: floods, fileParallelism: false, sequence: { groupOrder: 2 }, ...ofMeshes },
      },
    ],
  },
});
