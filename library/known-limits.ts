/** The limits of this isolate, by what their objects are named after, and where those are: for every desk that counts. */
import { limiterName } from "../durable-objects/names.ts";
import type { LimiterContract } from "../durable-objects/limiter/contract.ts";
import type { Rules } from "../workers/limit/rules.ts";
import type { LimitInForce } from "../workers/limit/taken.ts";
import { limiterObjects } from "./limiter-objects.ts";

export const knownLimits = new Map<string, LimitInForce>();

/** Rules that are written down stay. */
const rules: Rules = {
  find: (name) => knownLimits.get(name),
  all: () => knownLimits,
  current: () => true,
  hear: () => {},
  resets: () => 0,
};

/** A fresh port to the single writer of a budget. */
function limiterOf(limit: string, budget: string): LimiterContract {
  return limiterObjects().getByName(limiterName("library", limit, budget));
}

export const deskParts = { rules, limiter: limiterOf, isAllShadow: false };
