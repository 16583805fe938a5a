/** What a desk believes of the rules. A library's are fixed; a mesh's change while it runs. */
import type { RuleVersion } from "../../durable-objects/limiter/contract.ts";
import type { LimitInForce, Waits } from "./taken.ts";

export interface Rules {
  /** The same object as long as nothing has changed. */
  find(name: string): LimitInForce | undefined;
  all(): ReadonlyMap<string, LimitInForce>;
  /** Until what is believed is current, as far as it can be; true at once while it is. */
  current(context: Waits): true | Promise<unknown>;
  /** A limiter knows of a newer rule. */
  hear(name: string, version: NonNullable<RuleVersion>): void;
  /** Grows when refusals of a limit are void, because budgets were reset. */
  resets(name: string): number;
}
