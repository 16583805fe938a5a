/** The Limiter object: opens its ledger, asks the core, answers. */
import { DurableObject } from "cloudflare:workers";
import { migrate } from "../platform/schema.ts";
import { Budgets } from "./budgets.ts";
import { checkCharge, checkGiveBack, checkPeek } from "./checked-request.ts";
import type { ChargeAnswer, ChargeRequest, GiveBackRequest, LimiterContract, PeekAnswer, Rule } from "./contract.ts";
import { schema, SqlLedger } from "./ledger.ts";

/** Between two sweeps, ms: with the core's own patience an idle object is empty within an hour. */
const sweepEveryMs = 15 * 60_000;
/** An alarm that is this late was given up by the platform, ms. */
const lateMs = 5 * 60_000;
const rowsASlice = 1_000;
const slicesAnAlarm = 20;

interface Open {
  readonly ledger: SqlLedger;
  readonly budgets: Budgets;
  sweepAt: number;
}

export class Limiter extends DurableObject<Env> implements LimiterContract {
  /** null until the first call, and again after everything was deleted: an idle object stores nothing, not even tables. */
  #open: Open | null = null;
  /** Outlives a deletion of the storage: what the clock read before it. */
  #notBefore = 0;

  async charge(request: ChargeRequest): Promise<{ v: 1; answers: readonly ChargeAnswer[] }> {
    checkCharge(request);
    const { budgets } = await this.#opened();
    return { v: 1, answers: budgets.charge(request, Date.now()) };
  }

  async giveBack(request: GiveBackRequest): Promise<void> {
    checkGiveBack(request);
    const { budgets } = await this.#opened();
    budgets.giveBack(request, Date.now());
  }

  async peek(request: { readonly v: 1; readonly rule: Rule; readonly budget: string }): Promise<PeekAnswer> {
    checkPeek(request);
    const { budgets } = await this.#opened();
    return budgets.peek(request, Date.now());
  }

  override async alarm(): Promise<void> {
    const open = this.#openNow();
    const state = sweep(open.budgets, Date.now());
    if (state === "idle") return this.#deleteEverything(open);
    return this.#arm(open, Date.now() + (state === "more" ? 0 : sweepEveryMs));
  }

  async #opened(): Promise<Open> {
    const open = this.#openNow();
    const now = Date.now();
    if (open.sweepAt + lateMs < now) await this.#arm(open, now + sweepEveryMs);
    return this.#openNow();
  }

  #openNow(): Open {
    if (this.#open === null) {
      migrate(this.ctx.storage, schema);
      const ledger = new SqlLedger(this.ctx.storage.sql);
      const sweepAt = ledger.fact("sweep_at") ?? -Infinity;
      this.#open = { ledger, budgets: new Budgets(ledger, this.#notBefore), sweepAt };
    }
    return this.#open;
  }

  /** The due time is kept beside the alarm: reading it back costs no wait, and a lost alarm shows. */
  async #arm(open: Open, sweepAt: number): Promise<void> {
    open.sweepAt = sweepAt;
    open.ledger.saveFact("sweep_at", sweepAt);
    await this.ctx.storage.setAlarm(sweepAt);
  }

  /** Nothing comes between: a call that found the tables gone half way would fail. */
  async #deleteEverything(open: Open): Promise<void> {
    await this.ctx.blockConcurrencyWhile(async () => {
      this.#notBefore = open.budgets.clock;
      this.#open = null;
      await this.ctx.storage.deleteAll();
    });
  }
}

function sweep(budgets: Budgets, now: number): "more" | "live" | "idle" {
  for (let slice = 0; slice < slicesAnAlarm; slice += 1) {
    const state = budgets.sweep(now, rowsASlice);
    if (state !== "more") return state;
  }
  return "more";
}
