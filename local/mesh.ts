/** A whole mesh on this machine, in this process: what `npm start`, the tests and the benchmarks run. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Miniflare } from "miniflare";
import { AdminToken } from "./admin-token.ts";
import { buildBundle } from "./bundle.ts";
import { startCron } from "./cron.ts";
import { FaultControl } from "./fault-control.ts";
import type { Latency } from "./faults/rule.ts";
import { Guard } from "./guard.ts";
import { logLine } from "./log-line.ts";
import { refuseTakenPorts } from "./ports.ts";
import { type LogEntry, startRuntime } from "./runtime.ts";
import { openStateFolder, type StateFolder } from "./state-folder.ts";
import { type EdgePlan, objectsWorker, planWorkers } from "./workers.ts";
import type { RegionName } from "../durable-objects/names.ts";
import type { Local } from "../workers/config/local.ts";
import type { Mesh } from "../workers/config/mesh.ts";

const root = join(import.meta.dirname, "..");

type Origins = Readonly<Record<string, string>>;

export interface MeshOptions {
  /** The configuration; by default the repository's mesh.config.ts. */
  readonly configFile?: string;
  /** By default weur, enam, apac. */
  readonly regions?: readonly RegionName[];
  /** Isolates a region; 1 by default. */
  readonly isolates?: number;
  /** One for each edge, first all regions' first isolates; free ones by default. */
  readonly ports?: readonly number[];
  /** Kept after the end. By default one in the system's temporary folder, removed at the end. */
  readonly stateDirectory?: string;
  /** Begins with an empty state folder. */
  readonly fresh?: boolean;
  /** Service name to an origin on this machine, "*" for every service; or what says so of the configuration. */
  readonly origins?: Origins | ((configuration: Mesh) => Origins);
  readonly limits?: Local["limits"];
  readonly likeProduction?: boolean;
  /** Puts the entry that can strike calls around the bundle; also counts calls. Costs about 10 µs a call. */
  readonly faults?: boolean | { readonly latencyMs: Latency };
  /** Further variables of every isolate: secrets that the configuration names. */
  readonly vars?: Readonly<Record<string, string>>;
  /** What the Workers write to their console. By default warnings and errors go to stderr, a line each. */
  readonly onLog?: (entry: LogEntry) => void;
  /** Where built bundles are kept; by default in the state folder. */
  readonly bundleDirectory?: string;
  /** The folder of wrangler.toml; by default the repository. */
  readonly root?: string;
}

export interface Edge {
  readonly region: RegionName;
  /** From 1. */
  readonly isolate: number;
  /** `edge-weur-1`. */
  readonly name: string;
  /** `http://127.0.0.1:8787`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
}

export class LocalMesh {
  readonly edges: readonly Edge[];
  readonly state: StateFolder;
  readonly configuration: Mesh;
  readonly adminSecret: string;
  readonly #faults: FaultControl | null;
  readonly #miniflare: Miniflare;
  readonly #guard: Guard;
  readonly #admin: AdminToken;
  readonly #beforeEnd: () => void;
  readonly #afterEnd: () => void;
  #ending: Promise<void> | null = null;

  constructor(parts: {
    readonly edges: readonly Edge[];
    readonly state: StateFolder;
    readonly configuration: Mesh;
    readonly faults: FaultControl | null;
    readonly miniflare: Miniflare;
    readonly guard: Guard;
    readonly beforeEnd: () => void;
    readonly afterEnd: () => void;
  }) {
    this.edges = parts.edges;
    this.state = parts.state;
    this.configuration = parts.configuration;
    this.adminSecret = parts.state.secrets.MESH_ADMIN_SECRET;
    this.#faults = parts.faults;
    this.#miniflare = parts.miniflare;
    this.#guard = parts.guard;
    this.#admin = new AdminToken(this.edges[0]?.url ?? "", this.adminSecret);
    this.#beforeEnd = parts.beforeEnd;
    this.#afterEnd = parts.afterEnd;
  }

  /** The address of a region's edge. */
  urlOf(region: RegionName, isolate = 1): string {
    const edge = this.edges.find((candidate) => candidate.region === region && candidate.isolate === isolate);
    if (edge === undefined)
      throw new Error(`cannot find an edge: expected a started region and isolate: received ${region} ${isolate}`);
    return edge.url;
  }

  /** A token with the scope `mesh:admin`, got from the first edge and kept until shortly before its end. */
  adminToken(): Promise<string> {
    return this.#admin.get();
  }

  /** Throws when the mesh was started without `faults`. */
  get faults(): FaultControl {
    if (this.#faults === null) throw new Error("cannot set faults: the mesh was started without `faults: true`");
    return this.#faults;
  }

  /** The id of the process in which the Workers run. */
  get runtimePid(): number | undefined {
    return this.#guard.pid;
  }

  /** Lets the cron strike now. */
  async tick(): Promise<void> {
    await tick(this.#miniflare);
  }

  /** Ends an object as the platform may at any time: its memory is gone, its storage stays. */
  async evict(className: string, name: string): Promise<void> {
    await this.#miniflare.unsafeEvictDurableObject(objectsWorker, className, { name });
  }

  stop(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #end(): Promise<void> {
    this.#beforeEnd();
    await this.#miniflare.dispose();
    this.#guard.end();
    this.#afterEnd();
  }
}

export async function startMesh(options: MeshOptions = {}): Promise<LocalMesh> {
  const edges = planEdges(options);
  await refuseTakenPorts(edges.map(({ port }) => port));
  const isTemporary = options.stateDirectory === undefined;
  const folder = options.stateDirectory ?? mkdtempSync(join(tmpdir(), "selvedge-"));
  const state = openStateFolder(folder, { fresh: options.fresh ?? false });
  const leave = () => {
    state.release();
    if (isTemporary) rmSync(folder, { recursive: true, force: true });
  };
  try {
    return await run(options, edges, state, leave);
  } catch (error) {
    leave();
    throw error;
  }
}

/** All regions' first isolates come first: with two a region, the first three ports stay what they are with one. */
function planEdges(options: MeshOptions): EdgePlan[] {
  const regions = options.regions ?? ["weur", "enam", "apac"];
  const isolates = Array.from({ length: options.isolates ?? 1 }, (_, index) => index + 1);
  return isolates
    .flatMap((isolate) => regions.map((region) => ({ region, isolate })))
    .map(({ region, isolate }, index) => ({
      name: `edge-${region}-${isolate}`,
      port: options.ports?.[index] ?? 0,
      isolate,
      local: {
        region,
        origins: {},
        limits: options.limits ?? "as_configured",
        likeProduction: options.likeProduction ?? false,
      },
    }));
}

async function run(
  options: MeshOptions,
  planned: readonly EdgePlan[],
  state: StateFolder,
  leave: () => void,
): Promise<LocalMesh> {
  const bundle = await buildBundle({
    root: options.root ?? root,
    configFile: resolve(options.configFile ?? join(options.root ?? root, "mesh.config.ts")),
    cacheDirectory: options.bundleDirectory ?? state.bundles,
  });
  const { configuration } = bundle;
  const plans = withOrigins(planned, options.origins ?? {}, configuration);
  const faults = planFaults(options.faults);
  const workers = planWorkers({ bundle, secrets: state.secrets, vars: options.vars ?? {}, edges: plans, faults });
  const guard = new Guard();
  const miniflare = guard.during(() => startRuntime(workers, state, options.onLog ?? writeProblems));
  try {
    await miniflare.ready;
    const addressOf = async (name: string) => (await miniflare.unsafeGetDirectURL(name)).origin;
    const edges = await Promise.all(
      plans.map(async ({ name, isolate, local }): Promise<Edge> => {
        const url = await addressOf(name);
        return { region: local.region, isolate, name, url, port: Number(new URL(url).port) };
      }),
    );
    const doors = [...edges, { name: objectsWorker, url: await addressOf(objectsWorker) }];
    const control = faults === null ? null : new FaultControl(doors, faults.secret);
    const stopCron = startCron(bundle.shape.crons, () => tick(miniflare));
    const parts = { edges, state, configuration, faults: control, miniflare, guard };
    return new LocalMesh({ ...parts, beforeEnd: stopCron, afterEnd: leave });
  } catch (error) {
    await miniflare.dispose();
    guard.end();
    throw error;
  }
}

function withOrigins(
  plans: readonly EdgePlan[],
  given: NonNullable<MeshOptions["origins"]>,
  configuration: Mesh,
): EdgePlan[] {
  const origins = typeof given === "function" ? given(configuration) : given;
  return plans.map((plan) => ({ ...plan, local: { ...plan.local, origins } }));
}

function planFaults(faults: MeshOptions["faults"]) {
  if (faults === undefined || faults === false) return null;
  return { secret: randomBytes(32).toString("base64url"), latencyMs: faults === true ? {} : faults.latencyMs };
}

async function tick(miniflare: Miniflare): Promise<void> {
  const worker = await miniflare.getWorker(objectsWorker);
  await worker.scheduled({ cron: "* * * * *" });
}

function writeProblems(entry: LogEntry): void {
  const line = entry.level === "error" || entry.level === "warn" ? logLine(entry, "everything") : null;
  if (line !== null) process.stderr.write(`${line}\n`);
}
