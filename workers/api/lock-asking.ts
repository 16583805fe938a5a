/** Asking a Lock object: its calls are idempotent, so a lost answer is asked for once more before it is given up. */
import type { LockContract } from "../../durable-objects/lock/contract.ts";
import { refused } from "./refused.ts";

/** Throws a refusal: `overloaded` when nothing was done, `outcome_unknown` when that cannot be known. */
export async function asked<Answer>(
  stub: () => LockContract,
  ask: (stub: LockContract) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask(stub());
  } catch (error) {
    if (isOverloaded(error)) throw overloaded();
  }
  // What broke the first try (the object moved, or was replaced by a deploy) is over as a rule when it is tried again.
  try {
    return await ask(stub());
  } catch (error) {
    console.error({ event: "lock_unanswered", error: String(error) });
    throw refused("outcome_unknown", "the same requestId, or the same call, tells what came of it");
  }
}

export function overloaded(): Error {
  return refused("overloaded", "nothing was done", { headers: { "Retry-After": "1" } });
}

/** Set by the platform on what it throws when an object's queue is full: the call was not delivered. */
function isOverloaded(error: unknown): boolean {
  return typeof error === "object" && error !== null && "overloaded" in error && error.overloaded === true;
}
