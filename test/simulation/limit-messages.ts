/** A limiter as it is reached from afar: each call is a message there and one back. */
import type { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";

export interface FarObject {
  readonly budgets: Budgets;
  /** So far. */
  calls: number;
}

export interface Way {
  /** One way, this time. */
  readonly ms: () => number;
  readonly later: (ms: number, happen: () => void) => void;
  /** The object's, ms since 1970. */
  readonly clock: () => number;
}

/** `charged` is told, just before a charge's answer is, when it was decided by the object's clock. */
export function limiterOver(object: FarObject, way: Way, charged: (decidedAt: number) => void): LimiterContract {
  const { budgets } = object;
  const call = <Answer>(
    patienceMs: () => number,
    act: (waitedMs: number) => Answer,
    heard: (actedAt: number) => void,
  ) => {
    object.calls += 1;
    return new Promise<Answer>((resolve, reject) => {
      const decide = (waitedMs: number) => {
        const actedAt = way.clock();
        try {
          const answer = act(waitedMs);
          way.later(way.ms(), () => {
            heard(actedAt);
            resolve(answer);
          });
        } catch (error) {
          way.later(way.ms(), () => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      way.later(way.ms(), () => {
        const began = way.clock();
        const waitMs = patienceMs();
        if (waitMs === 0) decide(0);
        else way.later(waitMs, () => decide(Math.max(0, Math.min(waitMs, way.clock() - began))));
      });
    });
  };
  const port: Pick<LimiterContract, "charge" | "giveBack"> = {
    charge: (request) =>
      call(
        () => budgets.patienceFor(request, way.clock()),
        (waitedMs) => budgets.charge(request, way.clock(), waitedMs),
        charged,
      ),
    giveBack: (request) =>
      call(
        () => 0,
        () => budgets.giveBack(request, way.clock()),
        () => undefined,
      ),
  };
  return port as LimiterContract;
}
