/** One object with the budgets of one limit, whose memory is lost when a test says so. */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { ChargeAnswer, Rule } from "../../durable-objects/limiter/contract.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";

export const minute = 60_000;
export const start = 1_000 * minute;
export const rule: Rule = {
  algorithm: "fixed-window",
  name: "l",
  version: null,
  quota: 160,
  windowMs: minute,
  burst: 0,
};

export class Desk {
  readonly ledger = new MemoryLedger();
  budgets = new Budgets(this.ledger);
  #ids = 0;

  charge(
    cost: number,
    now: number,
    more: { rule?: Rule; lease?: number; demand?: number; budget?: string; requestId?: string; isDebt?: boolean } = {},
  ): ChargeAnswer {
    this.#ids += 1;
    const { lease = 0, demand = cost, budget = "b", requestId = `id-${this.#ids}`, isDebt = false } = more;
    const asked = {
      rule: more.rule ?? rule,
      budget,
      cost,
      demand,
      lease,
      paced: 0,
      nth: 1,
      window: 0,
      waitMs: 0,
      isDebt,
    };
    return this.budgets.charge({ v: 1, requestId, ...asked }, now);
  }

  giveBack(requestId: string, tokens: number, now: number): void {
    this.budgets.giveBack({ v: 1, requestId, budget: "b", returned: tokens }, now);
  }

  remaining(now: number, of: Rule = rule): number {
    return this.budgets.peek({ v: 1, rule: of, budget: "b" }, now).remaining;
  }

  crash(): void {
    this.budgets = new Budgets(this.ledger);
  }
}
