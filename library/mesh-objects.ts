/** The Worker's own Log, Regions and key sets, for its requests and for these objects among themselves. */
import type { KeySetsContract } from "../durable-objects/key-sets/contract.ts";
import type { LogContract } from "../durable-objects/log/contract.ts";
import { keySetsName, logName, regionObjectName, type RegionName } from "../durable-objects/names.ts";
import type { RegionContract } from "../durable-objects/region/contract.ts";
import { environment } from "./environment.ts";
import { findObjects, missingClasses, type Objects } from "./object-classes.ts";

const needed = ["Log", "Region"] as const;

/** Throws when one is missing. */
export function checkClasses(): void {
  for (const name of needed) namespaceOf(name);
}

export function logObject(): LogContract {
  return namespaceOf<LogContract>("Log").getByName(logName(environment));
}

export function regionObject(region: RegionName): RegionContract {
  const name = regionObjectName(environment, region);
  return namespaceOf<RegionContract>("Region").getByName(name, { locationHint: region });
}

/** Null when the Worker has no such class: then each isolate fetches keys for itself. */
export function keySetsObject(issuer: string): KeySetsContract | null {
  return findObjects<KeySetsContract>("KeySets")?.getByName(keySetsName(environment, issuer)) ?? null;
}

const found = new Map<string, Objects<unknown>>();

function namespaceOf<Contract>(className: (typeof needed)[number]): Objects<Contract> {
  const known = found.get(className) ?? findObjects<Contract>(className);
  if (known === null) throw missingClasses("know what is revoked", needed);
  found.set(className, known);
  return known as Objects<Contract>;
}
