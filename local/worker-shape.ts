/** What wrangler.toml says the Worker is made of, read by wrangler itself, so that nothing is written twice. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { offline } from "./offline-wrangler.ts";

/** Plain JSON: it is kept beside the bundle. */
export interface WorkerShape {
  /** The entry's file name without its extension: wrangler names the bundle after it. */
  readonly entryName: string;
  /** Binding name to class. */
  readonly objects: Readonly<Record<string, { readonly className: string; readonly useSQLite: boolean }>>;
  /** Binding name to queue. */
  readonly queueProducers: Readonly<Record<string, { readonly queueName: string }>>;
  readonly crons: readonly string[];
  /** What `npm run deploy` looks after. */
  readonly deployment: {
    /** Of the first route with a plain host name. */
    readonly url: string | null;
    readonly queues: readonly string[];
    readonly requiredSecrets: readonly string[];
  };
  /** Every other option as Miniflare takes it: compatibility, queue numbers, further bindings. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** In a process of its own: wrangler takes half a second to load, listens for signals, and reads the environment. */
export async function readWorkerShape(root: string): Promise<WorkerShape> {
  const reader = join(import.meta.dirname, "print-worker-shape.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [reader, root], {
    cwd: root,
    env: { ...process.env, ...offline },
  });
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  return JSON.parse(last) as WorkerShape;
}
