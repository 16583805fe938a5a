/** `npm run deploy`: what may follow it is in deploy-options.ts, its steps in deploy-plan.ts. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEnv } from "node:util";
import { type DeployOptions, help, readOptions, UsageMistake } from "./deploy-options.ts";
import { deploy, type DeployPorts, type DeployRequest, type Ran } from "./deploy-plan.ts";
import { wrangler } from "./offline-wrangler.ts";
import { readWorkerShape } from "./worker-shape.ts";

const root = join(import.meta.dirname, "..");

async function toRequest({ url: asked, secretsFile }: DeployOptions): Promise<DeployRequest> {
  const { deployment } = await readWorkerShape(root);
  const url = asked ?? deployment.url;
  if (url === null) {
    throw new UsageMistake(
      "wrangler.toml has no route with a host name: add one, or say with --url where the mesh answers",
    );
  }
  return { ...deployment, url, secretsFile: secretsFile === null ? null : readSecretsFile(secretsFile) };
}

function readSecretsFile(path: string): { readonly path: string; readonly names: readonly string[] } {
  const text = readFileSync(path, "utf8");
  const secrets = text.trimStart().startsWith("{") ? (JSON.parse(text) as object) : parseEnv(text);
  return { path, names: Object.keys(secrets) };
}

const ports: DeployPorts = {
  check: () => run([join(root, "local", "check.ts")], true),
  wrangler: (args, options) => run([wrangler, ...args], options?.shown ?? false),
  async statusOf(url) {
    try {
      const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(10_000) });
      await response.body?.cancel();
      return response.status;
    } catch {
      // Nobody there yet, or not under this name yet: that is what is being waited for.
      return null;
    }
  },
  wait: async (ms) => {
    await sleep(ms);
  },
  now: () => Date.now(),
  say: (line) => process.stdout.write(`${line}\n`),
};

function run(args: readonly string[], isShown: boolean): Promise<Ran> {
  const child = spawn(process.execPath, [...args], { cwd: root, stdio: ["inherit", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  for (const [stream, shown] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (isShown) shown.write(chunk);
    });
  }
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

async function main(): Promise<void> {
  const request = readOptions(process.argv.slice(2));
  if (request.kind === "help") {
    process.stdout.write(help);
    return;
  }
  const outcome = await deploy(await toRequest(request.options), ports);
  if (outcome.kind === "deployed") {
    process.stdout.write("deployed, and ready\n");
    return;
  }
  process.stderr.write(`${outcome.isDeployed ? "deployed, but" : "not deployed:"} ${outcome.reason}\n`);
  process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageMistake)) throw error;
  process.stderr.write(`cannot deploy: ${error.message}\n`);
  process.exitCode = 2;
}
