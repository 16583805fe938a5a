/** Where the Worker's own Limiter objects are. */
import { env, exports } from "cloudflare:workers";
import type { LimiterContract } from "../durable-objects/limiter/contract.ts";

interface Objects {
  getByName(name: string): LimiterContract;
}

const missing =
  'cannot limit: expected [exports.Limiter] with type = "durable-object" and storage = "sqlite" in wrangler.toml, and export { Limiter } from "selvedge/objects" in the entry: received none';

let found: Objects | null = null;

/** Looked for at the first request: a class that another Worker owns is reached by a binding. Throws when there is none. */
export function limiterObjects(): Objects {
  found ??= find();
  return found;
}

function find(): Objects {
  const own = exports as Readonly<Record<string, unknown>> | undefined;
  const bound: object = env;
  const bindings = bound as Readonly<Record<string, unknown>>;
  for (const candidate of [own?.["Limiter"], bindings["LIMITER"], bindings["Limiter"]]) {
    if (isNamespace(candidate)) return candidate;
  }
  throw new Error(missing);
}

/** A class without configured storage has no such method, and a service has any. */
function isNamespace(candidate: unknown): candidate is Objects {
  const { getByName, fetch } = (candidate ?? {}) as { readonly getByName?: unknown; readonly fetch?: unknown };
  return typeof getByName === "function" && fetch === undefined;
}
