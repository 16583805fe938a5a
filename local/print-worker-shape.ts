/** Prints, as the last line, what wrangler.toml in a folder says the Worker is made of: see worker-shape.ts. */
import { basename, extname, join } from "node:path";
import type { WorkerShape } from "./worker-shape.ts";

type Route = string | { readonly pattern: string };

/** The two functions of wrangler that are used here, and what of their answers. */
interface Wrangler {
  unstable_readConfig(where: { readonly config: string }): {
    readonly secrets?: { readonly required?: readonly string[] };
    readonly route?: Route;
    readonly routes?: readonly Route[];
    readonly queues: {
      readonly producers?: readonly { readonly queue: string }[];
      readonly consumers?: readonly { readonly queue: string; readonly dead_letter_queue?: string }[];
    };
    readonly vars: Readonly<Record<string, unknown>>;
    readonly triggers: { readonly crons?: readonly string[] };
  };
  unstable_getMiniflareWorkerOptions(config: object): {
    readonly main?: string;
    readonly workerOptions: Readonly<Record<string, unknown>> & {
      readonly durableObjects?: WorkerShape["objects"];
      readonly queueProducers?: WorkerShape["queueProducers"];
    };
  };
}

async function read(root: string): Promise<WorkerShape> {
  // Its types say less of what it answers than is there, and load the whole of it.
  const wrangler = (await import("wrangler")) as unknown as Wrangler;
  // Whether the secrets are there is for the Worker to say; wrangler would look for them in another place.
  const { secrets, ...config } = wrangler.unstable_readConfig({ config: join(root, "wrangler.toml") });
  const { workerOptions, main } = wrangler.unstable_getMiniflareWorkerOptions(config);
  if (main === undefined)
    throw new Error("cannot read wrangler.toml: main: expected the entry's path: received nothing");
  const { durableObjects = {}, queueProducers = {}, rootPath: _, modulesRules: __, ...rest } = workerOptions;
  return {
    entryName: basename(main, extname(main)),
    objects: durableObjects,
    queueProducers,
    crons: config.triggers.crons ?? [],
    deployment: {
      url: urlOf([...(config.route === undefined ? [] : [config.route]), ...(config.routes ?? [])]),
      queues: queuesOf(config.queues),
      requiredSecrets: secrets?.required ?? [],
    },
    // The bindings that wrangler found would also hold what lies in a .dev.vars beside wrangler.toml: no secret may get
    // into what is kept.
    options: { ...rest, bindings: config.vars },
  };
}

type Configured = ReturnType<Wrangler["unstable_readConfig"]>;

function queuesOf({ producers = [], consumers = [] }: Configured["queues"]): string[] {
  const names = [
    ...producers.map(({ queue }) => queue),
    ...consumers.flatMap(({ queue, dead_letter_queue: dead }) => [queue, dead]),
  ];
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** `api.example.com/*` answers at https://api.example.com; a pattern for many hosts names none. */
function urlOf(routes: readonly Route[]): string | null {
  const hosts = routes.map(
    (route) => (typeof route === "string" ? route : route.pattern).replace(/^https?:\/\//, "").split("/")[0] ?? "",
  );
  const host = hosts.find((name) => name !== "" && !name.includes("*"));
  return host === undefined ? null : `https://${host}`;
}

const root = process.argv[2];
if (root === undefined) throw new Error("cannot read wrangler.toml: expected its folder as the argument");
process.stdout.write(`${JSON.stringify(await read(root))}\n`);
