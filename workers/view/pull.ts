/** One pull of the view: the own Region first, the next nearest beside it when that is silent or cannot answer. */
import type { RegionName } from "../../durable-objects/names.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";
import type { ViewAnswer, ViewRequest } from "../../durable-objects/region/contract.ts";
import type { Beliefs } from "./beliefs.ts";

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

/** A Region that is silent for this long has a neighbour asked beside it, ms. */
const silenceMs = 250;
/** Regions asked in one pull, and how long all of them together are waited for at the end, ms. */
const mostAsked = 3;
const patienceMs = 2_000;

/** The first good answer, taken into `beliefs`; null when no Region gave one in time. Never rejects. */
export async function pullView(ports: PullPorts): Promise<Pulled | null> {
  const asked: Promise<Pulled | null>[] = [];
  for (const region of ports.regions.slice(0, mostAsked)) {
    const newest = askRegion(ports, region);
    asked.push(newest);
    // The newest is waited for a while, or goes over to the next at once; an older one that answers late still wins.
    const first = await inTime(Promise.race([newest, firstGood(asked)]), silenceMs);
    if (first.kind === "answered" && first.answer !== null) return first.answer;
  }
  const last = await inTime(firstGood(asked), patienceMs);
  return last.kind === "answered" ? last.answer : null;
}

/** Asks until the Region has told all that it knows. */
async function askRegion({ ask, clock, beliefs }: PullPorts, region: RegionName): Promise<Pulled | null> {
  try {
    for (let turn = 0; turn < 16; turn += 1) {
      const sentAt = clock();
      const { cursor } = beliefs;
      const answer = await ask(region, { v: 1, cursor });
      if (answer.kind === "not_current" || !beliefs.take(answer.page, cursor)) return null;
      if (answer.page.to >= answer.page.head) return { sentAt, leaseMs: answer.leaseMs };
    }
    return null;
  } catch (error) {
    // An unreachable Region is no defect of this isolate: the next one is asked, and the lease ends if none answers.
    console.warn({ event: "region_unreachable", region, error: error instanceof Error ? error.message : "unknown" });
    return null;
  }
}

/** The first that is good; null once all have failed. */
async function firstGood(answers: readonly Promise<Pulled | null>[]): Promise<Pulled | null> {
  return await new Promise((resolve) => {
    let open = answers.length;
    const settle = (pulled: Pulled | null) => {
      open -= 1;
      if (pulled !== null || open === 0) resolve(pulled);
    };
    for (const answer of answers) void answer.then(settle);
  });
}
