/** `npm run deploy [-- --url https://api.example.com] [--secrets-file FILE]`: the steps are in deploy-plan.ts. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs, parseEnv } from "node:util";
import { deploy, type DeployPorts, type DeployRequest, type Ran } from "./deploy-plan.ts";
import { wrangler } from "./offline-wrangler.ts";
import { readWorkerShape } from "./worker-shape.ts";

const root = join(import.meta.dirname, "..");

class UsageMistake extends Error {}

async function readRequest(args: readonly string[]): Promise<DeployRequest> {
  const values = parse(args);
  const { deployment } = await readWorkerShape(root);
  const url = values.url === undefined ? deployment.url : readUrl(values.url);
  if (url === null) {
    throw new UsageMistake(
      "wrangler.toml has no route with a host name: add one, or say with --url where the mesh answers",
    );
  }
  const path = values["secrets-file"];
  return { ...deployment, url, secretsFile: path === undefined ? null : readSecretsFile(resolve(path)) };
}

function parse(args: readonly string[]) {
  try {
    const options = { url: { type: "string" }, "secrets-file": { type: "string" } } as const;
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageMistake(error.message.split(". ")[0]);
  }
}

function readUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== "https:") throw new UsageMistake(`--url: expected an https address: received ${text}`);
  return url.origin;
}

function readSecretsFile(path: string): { readonly path: string; readonly names: readonly string[] } {
  if (!existsSync(path))
    throw new UsageMistake(`--secrets-file: expected a file: received ${path}, which is not there`);
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
  const outcome = await deploy(await readRequest(process.argv.slice(2)), ports);
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
