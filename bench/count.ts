/** What isolates would call and be billed for: counted in virtual time, with the real desks, limiters and views. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Usage } from "./cost.ts";

export interface PlannedLimit {
  readonly name: string;
  readonly quota: number;
  readonly windowMs: number;
}

export interface Plan {
  readonly seed: number;
  /** Fixed windows. Every request takes from all of them: each client has a budget of its own in each. */
  readonly limits: readonly PlannedLimit[];
  /** "fresh": nobody comes twice. */
  readonly clients: number | "fresh";
  /** From all of them together, at random moments. */
  readonly perSecond: number;
  /** Else somebody's budgets keep the Limiter objects awake. */
  readonly mayObjectsSleep: boolean;
  /** Not counted: the isolate learns how busy it is. */
  readonly warmMs: number;
  readonly countedMs: number;
}

export interface Counted {
  readonly requests: number;
  readonly admitted: number;
  /** Calls of Limiter objects. */
  readonly limiterCalls: number;
  readonly usage: Usage;
}

export async function count(plans: readonly Plan[]): Promise<readonly Counted[]> {
  const printer = join(import.meta.dirname, "town", "print.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [printer, JSON.stringify(plans)]);
  return JSON.parse(stdout) as readonly Counted[];
}
