/** Asks Regions: the own one first, the next nearest beside it when that is silent or has no answer. */
import type { RegionName } from "../../durable-objects/names.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";

export interface Patience {
  /** A Region that is silent for this long has a neighbour asked beside it. */
  readonly silenceMs: number;
  /** How long all of them together are waited for at the end. */
  readonly endMs: number;
}

/** For answers that come from memory. */
const usual: Patience = { silenceMs: 250, endMs: 2_000 };
/** Regions asked at most. */
const mostAsked = 3;

/** The first answer; null when no Region gave one in time. `ask` gives null for none, or throws. Never rejects. */
export async function askNearest<Answer>(
  regions: readonly RegionName[],
  ask: (region: RegionName) => Promise<Answer | null>,
  { silenceMs, endMs }: Patience = usual,
): Promise<Answer | null> {
  const asked: Promise<Answer | null>[] = [];
  for (const region of regions.slice(0, mostAsked)) {
    const newest = answerOf(region, ask);
    asked.push(newest);
    // The newest is waited for a while, or goes over to the next at once; an older one that answers late still wins.
    const first = await inTime(Promise.race([newest, firstGiven(asked)]), silenceMs);
    if (first.kind === "answered" && first.answer !== null) return first.answer;
  }
  const last = await inTime(firstGiven(asked), endMs);
  return last.kind === "answered" ? last.answer : null;
}

async function answerOf<Answer>(
  region: RegionName,
  ask: (region: RegionName) => Promise<Answer | null>,
): Promise<Answer | null> {
  try {
    return await ask(region);
  } catch (error) {
    // An unreachable Region is no defect of this isolate: the next one is asked.
    console.warn({ event: "region_unreachable", region, error: error instanceof Error ? error.message : "unknown" });
    return null;
  }
}

/** The first that there is; null once all have failed. */
async function firstGiven<Answer>(answers: readonly Promise<Answer | null>[]): Promise<Answer | null> {
  return await new Promise((resolve) => {
    let open = answers.length;
    const settle = (answer: Answer | null) => {
      open -= 1;
      if (answer !== null || open === 0) resolve(answer);
    };
    for (const answer of answers) void answer.then(settle);
  });
}
