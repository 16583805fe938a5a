/** What is done at a desk when the taking is over: what work cost in the end, and a budget that an operator has renewed. */
import type { ChargeRequest } from "../../durable-objects/limiter/contract.ts";
import { ruleOf } from "./charge-line.ts";
import { spend, spendable } from "./held-lease.ts";
import { keyOf } from "./knowledge.ts";
import type { LimitDesk } from "./limit-desk.ts";
import { amountsOf } from "./quota.ts";
import type { Ask, Waits } from "./taken.ts";

/**
 * Work that is done cost more than was taken for it: the rest is charged, also where too little is left. Best effort:
 * work that is done is not undone.
 */
export function chargeRest(desk: LimitDesk, { limit: asked, budget, cost, amountOf }: Ask, context: Waits): void {
  // Under the rule of now: a limiter charges nothing under an older one than it knows.
  const limit = desk.find(asked.name) ?? asked;
  const quota = amountOf(limit.quota);
  if (quota === "unlimited" || cost <= 0) return;
  const now = desk.observed();
  const entry = desk.knowledge.book.find(limit.name, keyOf(limit, budget, quota));
  if (entry?.limit === limit && spendable(entry.leases, now) >= cost) return void spend(entry.leases, cost, now);
  const plain = { lease: 0, paced: 0, nth: 2, window: 0, waitMs: 0, isDebt: true } as const;
  const of = { rule: ruleOf(limit, quota), budget, cost, demand: cost } as const;
  const request: ChargeRequest = { v: 1, requestId: desk.line.newId(), ...of, ...plain };
  context.waitUntil(desk.line.call(limit.name, budget, (limiter) => limiter.charge(request)));
}

/** The operator made this budget as good as new: nothing that is known here of it holds. */
export function forgetBudget(desk: LimitDesk, name: string, budget: string): void {
  const { knowledge } = desk;
  const limit = desk.find(name);
  if (limit === undefined) return;
  for (const amount of amountsOf(limit.quota)) {
    const key = keyOf(limit, budget, amount);
    knowledge.denied.forget(knowledge.denyKey(limit, key));
    const entry = knowledge.book.find(name, key);
    if (entry === undefined) continue;
    entry.leases = [];
    entry.windowEndsAt = 0;
  }
}
