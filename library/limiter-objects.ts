/** Where the Worker's own Limiter objects are. */
import type { LimiterContract } from "../durable-objects/limiter/contract.ts";
import { findObjects, missingClasses, type Objects } from "./object-classes.ts";

let found: Objects<LimiterContract> | null = null;

/** Looked for at the first request: a class that another Worker owns is reached by a binding. Throws when there is none. */
export function limiterObjects(): Objects<LimiterContract> {
  found ??= findObjects<LimiterContract>("Limiter");
  if (found === null) throw missingClasses("limit", ["Limiter"]);
  return found;
}
