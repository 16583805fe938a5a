/** What is asked of limiters beside taking: one call each, and null where the limiter cannot be reached. */
import type {
  BudgetRequest,
  Counts,
  LimiterContract,
  PeekAnswer,
  RuleVersion,
  SettleAnswer,
} from "../../durable-objects/limiter/contract.ts";
import { refusedBy, admitted } from "./answered.ts";
import { ruleOf } from "./charge-line.ts";
import { reach } from "./reach.ts";
import type { LimitInForce, Taken } from "./taken.ts";

export interface Budget {
  readonly limit: LimitInForce;
  readonly quota: number;
  readonly budget: string;
}

export interface LimiterCallsParts {
  readonly limiter: (limit: string, budget: string) => LimiterContract;
  /** A limiter knows of a newer rule. */
  readonly hear: (limit: string, version: NonNullable<RuleVersion>) => void;
  /** All objects that a limit may have, in parts that are asked at once. */
  readonly shards: (limit: string) => Iterable<readonly LimiterContract[]>;
}

export class LimiterCalls {
  readonly #parts: LimiterCallsParts;

  constructor(parts: LimiterCallsParts) {
    this.#parts = parts;
  }

  /** Looks, and changes nothing. */
  peek(of: Budget): Promise<PeekAnswer | null> {
    return this.#ask(of, (limiter, request) => limiter.peek(request));
  }

  reset(of: Budget): Promise<PeekAnswer | null> {
    return this.#ask(of, (limiter, request) => limiter.reset(request));
  }

  /**
   * `reservation` names it: the same id gets the same answer. In shadow mode, too, there is none where too little is
   * left: nobody could settle it.
   */
  async reserve(of: Budget, cost: number, reservation: string, ttlMs: number): Promise<Taken | null> {
    const answer = await this.#ask(of, (limiter, request) => limiter.reserve({ ...request, cost, reservation, ttlMs }));
    if (answer === null) return null;
    if (answer.kind === "outdated") {
      // Whoever is told to come again comes under the newer rule.
      this.#parts.hear(of.limit.name, answer.version);
      return null;
    }
    const { quota, remaining, resetMs } = answer;
    return answer.kind === "granted"
      ? admitted("limiter", quota, remaining, resetMs)
      : refusedBy("limiter", quota, true, answer);
  }

  settle(of: Budget, reservation: string, cost: number): Promise<SettleAnswer | null> {
    return this.#ask(of, (limiter, request) => limiter.settle({ ...request, reservation, cost }));
  }

  /** Of all edges, as far as they have told: what they count rides on their next call. */
  async counts(limit: string): Promise<Counts | null> {
    let sum: Counts = { allowed: 0, refused: 0, nearLimit: 0 };
    for (const shards of this.#parts.shards(limit)) {
      const answers = await Promise.all(shards.map((shard) => reach(() => shard.counts({ v: 1 }))));
      for (const answer of answers) {
        if (answer.kind === "unreachable") return null;
        sum = plus(sum, answer.answer);
      }
    }
    return sum;
  }

  async #ask<Answer>(
    { limit, quota, budget }: Budget,
    ask: (limiter: LimiterContract, request: BudgetRequest) => Promise<Answer>,
  ): Promise<Answer | null> {
    const request = { v: 1, rule: ruleOf(limit, quota), budget } as const;
    const reached = await reach(() => ask(this.#parts.limiter(limit.name, budget), request));
    return reached.kind === "answered" ? reached.answer : null;
  }
}

function plus(one: Counts, other: Counts): Counts {
  return {
    allowed: one.allowed + other.allowed,
    refused: one.refused + other.refused,
    nearLimit: one.nearLimit + other.nearLimit,
  };
}
