/** What may follow `npm start --`, checked: a misspelt option is refused, never ignored. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { isRegionName, type RegionName, regionNames } from "../durable-objects/names.ts";

export interface StartOptions {
  readonly origin: string | null;
  readonly regions: readonly RegionName[];
  readonly isolates: number;
  /** One for each edge; zeros for free ones. */
  readonly ports: readonly number[];
  readonly config: string | null;
  readonly state: string;
  readonly fresh: boolean;
  readonly likeProduction: boolean;
  readonly enforce: boolean;
  readonly faults: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
}

export const help = `npm start -- [options]

Runs a mesh on this machine: an edge for each region, with a small demo service behind them.

  --origin URL        puts the mesh in front of this API instead, and changes nothing for its clients:
                      identity is passed through untouched, limits are in shadow mode
  --enforce           with --origin: limits refuse
  --config FILE       the configuration (default: mesh.config.ts)
  --regions a,b,c     of ${regionNames.join(" ")} (default: weur,enam,apac)
  --isolates N        edges a region, 1 to 8 (default: 1)
  --port N            the first edge's port, the others follow (default: 8787); 0 for free ones
  --state DIR         what is kept between starts (default: .selvedge)
  --fresh             begins with an empty state
  --like-production   origins by address (http://192.0.2.1) are refused, as on the platform
  --faults            lets faults between the edges and the objects be set over HTTP, and prints how
  --quiet             of what the Workers log, only errors are shown
  --json              prints one line of JSON when ready, and no tour
  --help              prints this

Ctrl-C ends it, and so does \`kill\`, of its own process, which it prints, or of the npm that started it.
Where a service's origin is an example (https://shop.example.com), something of this machine stands in for it.
`;

export class UsageMistake extends Error {
  constructor(what: string) {
    super(`${what}\n\`npm start -- --help\` lists the options.`);
    this.name = "UsageMistake";
  }
}

const declared = {
  origin: { type: "string" },
  enforce: { type: "boolean", default: false },
  config: { type: "string" },
  regions: { type: "string", default: "weur,enam,apac" },
  isolates: { type: "string", default: "1" },
  port: { type: "string", default: "8787" },
  state: { type: "string", default: ".selvedge" },
  fresh: { type: "boolean", default: false },
  "like-production": { type: "boolean", default: false },
  faults: { type: "boolean", default: false },
  quiet: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const names = Object.keys(declared).map((name) => `--${name}`);

export type Request = { readonly kind: "help" } | { readonly kind: "start"; readonly options: StartOptions };

export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Request {
  refuseTakenByNpm(env);
  const values = parse(args);
  if (values.help) return { kind: "help" };
  const regions = readRegions(values.regions);
  const isolates = readNumber("--isolates", values.isolates, 1, 8);
  const edges = regions.length * isolates;
  const port = readNumber("--port", values.port, 0, 65_536 - edges);
  if (values.enforce && values.origin === undefined)
    throw new UsageMistake("--enforce: expected together with --origin");
  const options: StartOptions = {
    origin: values.origin === undefined ? null : readOrigin(values.origin),
    regions,
    isolates,
    ports: Array.from({ length: edges }, (_, index) => (port === 0 ? 0 : port + index)),
    config: values.config === undefined ? null : readFile(values.config),
    state: resolve(values.state),
    fresh: values.fresh,
    likeProduction: values["like-production"],
    enforce: values.enforce,
    faults: values.faults,
    quiet: values.quiet,
    json: values.json,
  };
  return { kind: "start", options };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: declared, strict: true, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node's own words say what was wrong; what follows its first sentence is about positional arguments.
    throw new UsageMistake(`${error.message.split(". ")[0] ?? error.message}\nThere are: ${names.join(" ")}`);
  }
}

/**
 * Without the `--` npm takes an option for one of its own, and its script never sees it: silently, another mesh than the
 * one that was asked for would start. It leaves a trace in the environment.
 */
function refuseTakenByNpm(env: Readonly<Record<string, string | undefined>>): void {
  if (env["npm_lifecycle_event"] !== "start") return;
  const taken = names.find((name) => name !== "--json" && npmHas(env, name.slice(2)));
  if (taken === undefined) return;
  throw new UsageMistake(`${taken}: npm took it for an option of its own: write \`npm start -- ${taken}\``);
}

function npmHas(env: Readonly<Record<string, string | undefined>>, name: string): boolean {
  return (env[`npm_config_${name.replaceAll("-", "_")}`] ?? "") !== "";
}

function readRegions(text: string): RegionName[] {
  const regions = text.split(",").map((name) => {
    if (!isRegionName(name))
      throw new UsageMistake(`--regions: expected names of ${regionNames.join(" ")}, with commas: received ${name}`);
    return name;
  });
  if (new Set(regions).size < regions.length) throw new UsageMistake("--regions: expected each region once");
  return regions;
}

function readNumber(option: string, text: string, least: number, most: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageMistake(`${option}: expected a whole number from ${least} to ${most}: received ${text}`);
}

/** Scheme, host and port: a path would have to be put in front of every request, and the routes say such things. */
function readOrigin(text: string): string {
  const url = URL.parse(text);
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isWeb)
    throw new UsageMistake(`--origin: expected a URL such as http://127.0.0.1:3000: received ${text}`);
  const isBare =
    url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
  if (!isBare) throw new UsageMistake(`--origin: expected a scheme, a host and a port only, such as ${url.origin}`);
  return url.origin;
}

function readFile(path: string): string {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageMistake(`--config: expected a file: received ${file}, which is not there`);
  return file;
}
