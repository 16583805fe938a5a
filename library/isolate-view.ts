/** What this isolate believes of revocations: one view for all verifiers in it, and one way to the Log. */
import { regionNames, type RegionName } from "../durable-objects/names.ts";
import { Publisher } from "../workers/broadcast/publisher.ts";
import { nearestFirst, regionOfColo } from "../workers/view/place.ts";
import { RevocationChecks } from "../workers/view/revocation-checks.ts";
import { View } from "../workers/view/view.ts";
import { logObject, regionObject } from "./mesh-objects.ts";

/** A request, as far as it tells where the isolate is. */
export interface Placed {
  readonly cf?: unknown;
}

/** By distance. Until a request has told where this is, a guess; a wrong one costs time and nothing else. */
let nearest: readonly RegionName[] = nearestFirst("enam", regionNames);
let isPlaced = false;

export const view = new View({
  ask: (region, question) => regionObject(region).view(question),
  // Read at each pull.
  get regions() {
    return nearest;
  },
});

export const checks = new RevocationChecks({
  view,
  region: regionObject,
  get regions() {
    return nearest;
  },
});

export const publisher = new Publisher(logObject);

/** An isolate stays where it is: the first request that says it decides. */
export function learnPlace(request: Placed | undefined): void {
  if (isPlaced || request === undefined) return;
  const { colo, continent } = (request.cf ?? {}) as { readonly colo?: unknown; readonly continent?: unknown };
  if (typeof colo !== "string" && typeof continent !== "string") return;
  nearest = nearestFirst(regionOfColo(textOf(colo), textOf(continent), regionNames), regionNames);
  isPlaced = true;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
