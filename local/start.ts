/** `npm start`: a mesh of several regions on this machine, until Ctrl-C. */
import { join } from "node:path";
import { announceFault, announceJson, announceMesh, announceTour } from "./announce.ts";
import { type Behind, closeBehind, openBehind, originsFor, standingBehind } from "./behind.ts";
import { CannotStart } from "./cannot-start.ts";
import { HeldLines } from "./held-lines.ts";
import { logLine } from "./log-line.ts";
import { type LocalMesh, type MeshOptions, startMesh } from "./mesh.ts";
import { onceOrphaned } from "./parent.ts";
import { help, readOptions, type StartOptions, UsageMistake } from "./start-options.ts";
import { faultOfSettings } from "../workers/settings.ts";
import { makeTour } from "./tour.ts";

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
  const standing = standingBehind(behind, mesh.configuration);
  const facts = { mesh, options, behind: standing };
  const fault = faultOfSettings(mesh.configuration, { ...mesh.state.secrets });
  if (options.json) announceJson(facts);
  else announceMesh(facts);
  if (fault !== null) announceFault(mesh, fault);
  if (options.json || fault !== null) return;
  if (await isSilent(standing.origin)) {
    process.stdout.write(
      `\nNothing answers at ${standing.origin} yet: until it does, requests get 502 upstream_failed.\n\n`,
    );
    return;
  }
  announceTour(mesh, await makeTour(mesh, standing.kind));
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

function meshOptions(options: StartOptions, behind: Behind, lines: HeldLines): MeshOptions {
  const isFront = behind.kind === "origin" && options.config === null;
  return {
    ...(isFront ? { configFile: frontConfig } : {}),
    ...(options.config === null ? {} : { configFile: options.config }),
    ...(process.env.SELVEDGE_BUNDLES === undefined ? {} : { bundleDirectory: process.env.SELVEDGE_BUNDLES }),
    regions: options.regions,
    isolates: options.isolates,
    ports: options.ports,
    stateDirectory: options.state,
    fresh: options.fresh,
    origins: (configuration) => originsFor(behind, configuration),
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
    closeBehind(behind);
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
