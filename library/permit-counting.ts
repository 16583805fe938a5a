/** What is counted in permits: requests at once. */
import { PermitDesk } from "../workers/limit/permit-desk.ts";
import { permitPolicyItem } from "../workers/limit/permit-fields.ts";
import type { Taken } from "../workers/limit/taken.ts";
import { expected } from "./argument.ts";
import { outcomeOf, type Counting } from "./counting.ts";
import { holdOf, type Hold } from "./hold.ts";
import { deskParts } from "./known-limits.ts";

/** One for all limiters, so that what an isolate remembers is bounded once. Made when it is used: else it is left out. */
let desk: PermitDesk | null = null;

export const permitCounting: Counting<Hold> = {
  policyOf: ({ name }, quota) => permitPolicyItem(name, quota),
  async take(ask, context, client) {
    expected(ask.cost === 1, "no cost: a request holds one permit", ask.cost);
    desk ??= new PermitDesk(deskParts);
    const { stay, taken } = await desk.take([ask], context);
    // The only ask is answered: it is admitted, or the one that refuses.
    const [one] = taken as readonly [Taken];
    return holdOf(outcomeOf(one), stay, client);
  },
};
