/** One pull of the view: the own Region first, the next nearest beside it when that is silent or cannot answer. */
import type { RegionName } from "../../durable-objects/names.ts";
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
/** Regions asked in one pull, and how long all of it may take, ms. */
const mostAsked = 3;
const pullMs = 3_000;

/** The first good answer, taken into `beliefs`; null when no Region gave one in time. Never rejects. */
export async function pullView(ports: PullPorts): Promise<Pulled | null> {
  const deadline = timer(pullMs);
  const asked: Promise<Pulled | null>[] = [];
  try {
    for (const region of ports.regions.slice(0, mostAsked)) {
      const answer = askRegion(ports, region);
      asked.push(answer);
      const patience = timer(silenceMs);
      // The newest is waited for a while; an older one that answers late still wins.
      const first = await Promise.race([answer, firstGood(asked), patience.ended]);
      patience.clear();
      if (first !== null) return first;
    }
    return await Promise.race([firstGood(asked), deadline.ended]);
  } finally {
    deadline.clear();
  }
}

/** Asks until the Region has told all that it knows. */
async function askRegion({ ask, clock, beliefs }: PullPorts, region: RegionName): Promise<Pulled | null> {
  try {
    for (let turn = 0; turn < 16; turn += 1) {
      const sentAt = clock();
      const answer = await ask(region, { v: 1, cursor: beliefs.cursor });
      if (answer.kind === "not_current" || !beliefs.take(answer.page)) return null;
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

function timer(ms: number): { readonly ended: Promise<null>; readonly clear: () => void } {
  let id: ReturnType<typeof setTimeout> | null = null;
  const ended = new Promise<null>((resolve) => {
    id = setTimeout(() => resolve(null), ms);
  });
  return { ended, clear: () => clearTimeout(id) };
}
