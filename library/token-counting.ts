/** What is counted in tokens: windows and buckets. */
import { LimitDesk } from "../workers/limit/limit-desk.ts";
import { policyItem } from "../workers/limit/rate-limit-fields.ts";
import type { Taken } from "../workers/limit/taken.ts";
import { outcomeOf, type Counting } from "./counting.ts";
import { DenialMap } from "./denial-map.ts";
import { deskParts } from "./known-limits.ts";
import type { LimitOutcome } from "./limit.ts";

/** One for all limiters, so that what an isolate remembers is bounded once. Made when it is used: else it is left out. */
let desk: LimitDesk | null = null;

export const tokenCounting: Counting<LimitOutcome> = {
  policyOf: policyItem,
  async take(ask, context) {
    desk ??= new LimitDesk({ ...deskParts, denials: () => new DenialMap() });
    // The only ask is answered: it is admitted, or the one that refuses.
    const [taken] = (await desk.take([ask], context)).taken as readonly [Taken];
    return outcomeOf(taken);
  },
};
