/**
 * Which Workers a local mesh is made of: one that owns the objects, the queue with its consumer and the cron, and one or
 * more edges a region that bind the first one's objects. All run the same bundle; each is an isolate of its own.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bundle } from "./bundle.ts";
import type { FaultSettings, Latency } from "./faults/rule.ts";
import { loopback } from "./ports.ts";
import type { Secrets } from "./secrets.ts";
import type { Local } from "../workers/config/local.ts";

/** The name of the worker that owns the objects. */
export const objectsWorker = "objects";

export interface EdgePlan {
  readonly name: string;
  readonly local: Local;
  /** From 1. */
  readonly isolate: number;
  /** 0 for a free one. */
  readonly port: number;
}

export interface FaultPlan {
  readonly secret: string;
  readonly latencyMs: Latency;
}

export interface WorkersPlan {
  readonly bundle: Bundle;
  readonly secrets: Secrets;
  /** Further bindings of every worker: secrets that the configuration names. */
  readonly vars: Readonly<Record<string, string>>;
  readonly edges: readonly EdgePlan[];
  readonly faults: FaultPlan | null;
}

/** As Miniflare's `workers` takes them. */
export interface MiniflareWorker {
  readonly name: string;
  readonly modules: {
    readonly type: "ESModule" | "Text" | "Data" | "CompiledWasm";
    readonly path: string;
    readonly contents?: string;
  }[];
  readonly modulesRoot: string;
  readonly unsafeDirectSockets: { readonly host: string; readonly port: number }[];
  readonly [option: string]: unknown;
}

export function planWorkers(plan: WorkersPlan): MiniflareWorker[] {
  const { shape, directory } = plan.bundle;
  const { queueConsumers, ...options } = shape.options;
  const modules = plan.faults === null ? [...plan.bundle.modules] : faultyModules(plan.bundle);

  const worker = (name: string, local: Local | undefined, port: number, from: string): MiniflareWorker => ({
    ...options,
    name,
    modules,
    modulesRoot: directory,
    queueProducers: shape.queueProducers,
    bindings: {
      ...(options.bindings as Record<string, unknown> | undefined),
      ...plan.secrets,
      ...plan.vars,
      ...(local === undefined ? {} : { MESH_LOCAL: JSON.stringify(local) }),
      ...(plan.faults === null ? {} : { MESH_FAULTS: JSON.stringify(faultSettings(plan.bundle, plan.faults, from)) }),
    },
    unsafeDirectSockets: [{ host: loopback, port }],
  });

  // The objects are somewhere too; what they may fetch is what the edges may.
  const objects = {
    ...worker(objectsWorker, plan.edges[0]?.local, 0, objectsWorker),
    durableObjects: shape.objects,
    queueConsumers,
  };
  const edges = plan.edges.map(({ name, local, port }) => ({
    ...worker(name, local, port, local.region),
    durableObjects: mapValues(shape.objects, (object) => ({ ...object, scriptName: objectsWorker })),
  }));
  return [objects, ...edges];
}

function faultSettings({ shape }: Bundle, { secret, latencyMs }: FaultPlan, from: string): FaultSettings {
  return {
    secret,
    from,
    objects: mapValues(shape.objects, ({ className }) => className),
    queues: Object.keys(shape.queueProducers),
    latencyMs,
  };
}

/** The bundle as it is, with an entry around it that wraps what it exports. */
function faultyModules({ directory, modules, shape }: Bundle): MiniflareWorker["modules"] {
  const ours = ["worker.mjs", "intercept.mjs", "rules.mjs"].map((name) => ({
    type: "ESModule" as const,
    path: join(directory, "faults", name),
    contents: readFileSync(join(import.meta.dirname, "faults", name), "utf8"),
  }));
  const classes = [...new Set(Object.values(shape.objects).map(({ className }) => className))];
  const contents = [
    `import * as mesh from "./${shape.entryName}.js";`,
    `import { faultyHandlers, faultyObject } from "./faults/worker.mjs";`,
    `export * from "./${shape.entryName}.js";`,
    `export default faultyHandlers(mesh.default);`,
    ...classes.map((name) => `export const ${name} = faultyObject(mesh.${name});`),
  ].join("\n");
  return [{ type: "ESModule", path: join(directory, "with-faults.js"), contents }, ...modules, ...ours];
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
