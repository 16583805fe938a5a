/** One pull of the view, from the nearest Region that answers. */
import type { RegionName } from "../../durable-objects/names.ts";
import type { ViewAnswer, ViewRequest } from "../../durable-objects/region/contract.ts";
import type { Beliefs } from "./beliefs.ts";
import { askNearest } from "./nearest.ts";

export interface PullPorts {
  readonly ask: (region: RegionName, request: ViewRequest) => Promise<ViewAnswer>;
  readonly regions: readonly RegionName[];
  readonly clock: () => number;
  readonly beliefs: Beliefs;
}

/** A lease that counts from `sentAt`. */
export interface Pulled {
  readonly sentAt: number;
  readonly leaseMs: number;
}

/** The first good answer, taken into `beliefs`; null when no Region gave one in time. Never rejects. */
export async function pullView(ports: PullPorts): Promise<Pulled | null> {
  return await askNearest(ports.regions, (region) => askRegion(ports, region));
}

/** Asks until the Region has told all that it knows. */
async function askRegion({ ask, clock, beliefs }: PullPorts, region: RegionName): Promise<Pulled | null> {
  for (let turn = 0; turn < 16; turn += 1) {
    const sentAt = clock();
    const { cursor } = beliefs;
    const answer = await ask(region, { v: 1, cursor });
    if (answer.kind === "not_current" || !beliefs.take(answer.page, cursor)) return null;
    const { epoch, to, head } = answer.page;
    if (answer.filter !== undefined) beliefs.takeFilter({ epoch, seq: to }, answer.filter);
    if (to >= head) return { sentAt, leaseMs: answer.leaseMs };
  }
  return null;
}
