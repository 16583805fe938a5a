/** Where the objects of a class are: the Worker's own, else those that a binding names. */
import { env, exports } from "cloudflare:workers";

export interface Objects<Contract> {
  getByName(name: string, options?: { readonly locationHint?: string }): Contract;
}

/** Null when the Worker has no such class, and no binding to another one's: `KEY_SETS` or `KeySets`. */
export function findObjects<Contract>(className: string): Objects<Contract> | null {
  const own = exports as Readonly<Record<string, unknown>> | undefined;
  const bound: object = env;
  const bindings = bound as Readonly<Record<string, unknown>>;
  const binding = className.replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
  for (const candidate of [own?.[className], bindings[binding], bindings[className]]) {
    if (isNamespace<Contract>(candidate)) return candidate;
  }
  return null;
}

/** `what` cannot be done without them. */
export function missingClasses(what: string, classNames: readonly string[]): Error {
  const settings = classNames.map((name) => `[exports.${name}]`).join(" and ");
  return new Error(
    `cannot ${what}: expected ${settings} with type = "durable-object" and storage = "sqlite" in wrangler.toml, and export { ${classNames.join(", ")} } from "selvedge/objects" in the entry`,
  );
}

/** A class without configured storage has no such method, and a service has any. */
function isNamespace<Contract>(candidate: unknown): candidate is Objects<Contract> {
  const { getByName, fetch } = (candidate ?? {}) as { readonly getByName?: unknown; readonly fetch?: unknown };
  return typeof getByName === "function" && fetch === undefined;
}
