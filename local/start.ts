/** `npm start`: a mesh of several regions on this machine, until Ctrl-C. */
import { join } from "node:path";
import { announceJson, announceMesh, announceTour } from "./announce.ts";
import { CannotStart } from "./cannot-start.ts";
import { type Demo, startDemo } from "./demo/start-demo.ts";
import { HeldLines } from "./held-lines.ts";
import { logLine } from "./log-line.ts";
import { type LocalMesh, type MeshOptions, startMesh } from "./mesh.ts";
import { onceOrphaned } from "./parent.ts";
import { help, readOptions, type StartOptions, UsageMistake } from "./start-options.ts";
import { makeTour } from "./tour.ts";

/** What the mesh stands in front of. */
type Behind =
  | { readonly kind: "demo"; readonly demo: Demo }
  | { readonly kind: "origin"; readonly url: string }
  | { readonly kind: "configured" };

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const frontConfig = join(import.meta.dirname, "front.config.ts");

async function main(): Promise<void> {
  const request = readOptions(process.argv.slice(2), process.env);
  if (request.kind === "help") {
    process.stdout.write(help);
    return;
  }
  const lines = new HeldLines((line) => process.stderr.write(`${line}\n`));
  try {
    await start(request.options, lines);
  } finally {
    // Also where the start failed: what the Workers said may be the reason.
    lines.release();
  }
}

async function start(options: StartOptions, lines: HeldLines): Promise<void> {
  const behind = await openBehind(options);
  const mesh = await startMesh(meshOptions(options, behind, lines));
  endOnSignal(mesh, behind);
  const facts = { mesh, options, origin: originOf(behind) };
  if (options.json) {
    announceJson(facts);
    return;
  }
  announceMesh(facts, behind.kind);
  if (await isSilent(facts.origin)) {
    process.stdout.write(
      `\nNothing answers at ${facts.origin} yet: until it does, requests get 502 upstream_failed.\n\n`,
    );
    return;
  }
  announceTour(mesh, await makeTour(mesh, behind.kind));
}

/** Any answer is one. */
async function isSilent(origin: string | null): Promise<boolean> {
  if (origin === null) return false;
  const answer = fetch(origin, { redirect: "manual", signal: AbortSignal.timeout(5_000) });
  return await answer.then(
    async ({ body }) => {
      await body?.cancel();
      return false;
    },
    () => true,
  );
}

/** The demo's service unless there is an API to stand in front of, or a configuration that names its own. */
async function openBehind({ origin, config, state }: StartOptions): Promise<Behind> {
  if (origin !== null) return { kind: "origin", url: origin };
  if (config !== null) return { kind: "configured" };
  return { kind: "demo", demo: await startDemo(join(state, "demo")) };
}

function originOf(behind: Behind): string | null {
  if (behind.kind === "demo") return behind.demo.url;
  return behind.kind === "origin" ? behind.url : null;
}

function meshOptions(options: StartOptions, behind: Behind, lines: HeldLines): MeshOptions {
  const isFront = behind.kind === "origin" && options.config === null;
  const origin = originOf(behind);
  return {
    ...(isFront ? { configFile: frontConfig } : {}),
    ...(options.config === null ? {} : { configFile: options.config }),
    ...(process.env.SELVEDGE_BUNDLES === undefined ? {} : { bundleDirectory: process.env.SELVEDGE_BUNDLES }),
    regions: options.regions,
    isolates: options.isolates,
    ports: options.ports,
    stateDirectory: options.state,
    fresh: options.fresh,
    origins: origin === null ? {} : { [behind.kind === "demo" ? "inventory" : "*"]: origin },
    limits: isFront && !options.enforce ? "shadow" : "as_configured",
    likeProduction: options.likeProduction,
    faults: options.faults,
    onLog(entry) {
      const line = logLine(entry, options.quiet ? "errors" : "everything");
      if (line !== null) lines.say(line);
    },
  };
}

/** Ctrl-C in a terminal reaches the Workers' process too; it ends either way. A second signal ends this one at once. */
function endOnSignal(mesh: LocalMesh, behind: Behind): void {
  const end = () => {
    for (const signal of signals) {
      process.removeListener(signal, end);
      process.once(signal, () => process.exit(1));
    }
    if (behind.kind === "demo") behind.demo.stop();
    mesh.stop().then(() => process.exit(0), fail);
  };
  for (const signal of signals) process.once(signal, end);
  onceOrphaned(end);
}

function fail(error: unknown): never {
  if (error instanceof UsageMistake || error instanceof CannotStart) process.stderr.write(`${error.message}\n`);
  else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(error instanceof UsageMistake ? 2 : 1);
}

await main().catch(fail);
