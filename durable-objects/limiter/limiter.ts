/** The Limiter object: opens its ledger, asks the core, answers. */
import { DurableObject } from "cloudflare:workers";
import { migrate } from "../platform/schema.ts";
import { Budgets } from "./budgets.ts";
import * as check from "./checked-request.ts";
import type {
  BudgetRequest,
  ChargeAnswer,
  ChargeRequest,
  Counts,
  GiveBackRequest,
  HoldAnswer,
  HoldRequest,
  LimiterContract,
  PeekAnswer,
  ReserveRequest,
  SettleAnswer,
  SettleRequest,
} from "./contract.ts";
import { schema } from "./ledger.ts";
import { SqlLedger } from "./sql-ledger.ts";

/** Between two sweeps, ms: with the core's own patience an idle object is empty within an hour. */
const sweepEveryMs = 15 * 60_000;
const longestSleepMs = 45 * 60_000;
/** An alarm that is this late was given up by the platform, ms. */
const lateMs = 5 * 60_000;
const rowsASlice = 1_000;
const slicesAnAlarm = 20;
const noCounts: Counts = { allowed: 0, refused: 0, nearLimit: 0 };

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

  async charge(request: ChargeRequest): Promise<ChargeAnswer> {
    check.checkCharge(request);
    const { budgets } = await this.#opened();
    const began = Date.now();
    const waitMs = budgets.patienceFor(request, began);
    if (waitMs === 0) return budgets.charge(request, began);
    await scheduler.wait(waitMs);
    const now = Date.now();
    // Everything may have been deleted meanwhile; and a clock that was set has measured nothing.
    return (await this.#opened()).budgets.charge(request, now, Math.max(0, Math.min(waitMs, now - began)));
  }

  async giveBack(request: GiveBackRequest): Promise<void> {
    check.checkGiveBack(request);
    const { budgets } = await this.#opened();
    budgets.giveBack(request, Date.now());
  }

  async hold(request: HoldRequest): Promise<HoldAnswer> {
    check.checkHold(request);
    const { budgets } = await this.#opened();
    return budgets.hold(request, Date.now());
  }

  async reserve(request: ReserveRequest): Promise<ChargeAnswer> {
    check.checkReserve(request);
    const { budgets } = await this.#opened();
    return budgets.reserve(request, Date.now());
  }

  async settle(request: SettleRequest): Promise<SettleAnswer> {
    check.checkSettle(request);
    const { budgets } = await this.#opened();
    return budgets.settle(request, Date.now());
  }

  async peek(request: BudgetRequest): Promise<PeekAnswer> {
    check.checkBudgetRequest("peek", request);
    const { budgets } = await this.#opened();
    return budgets.peek(request, Date.now());
  }

  async reset(request: BudgetRequest): Promise<PeekAnswer> {
    check.checkBudgetRequest("reset", request);
    const { budgets } = await this.#opened();
    return budgets.reset(request, Date.now());
  }

  /** An object that stores nothing stays so: it is only asked. */
  async counts(): Promise<Counts & { readonly v: 1 }> {
    const tables = "SELECT 1 FROM sqlite_master WHERE name = 'counters'";
    const isNew = this.#open === null && this.ctx.storage.sql.exec(tables).toArray().length === 0;
    return { v: 1, ...(isNew ? noCounts : this.#openNow().budgets.counts) };
  }

  override async alarm(): Promise<void> {
    const open = this.#openNow();
    const state = sweep(open.budgets, Date.now());
    if (state === "idle") return this.#deleteEverything(open);
    return this.#arm(open, state === "more" ? Date.now() : nextSweep(open.budgets, Date.now()));
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

/** Where nothing but time is waited for, there is no need to look often. */
function nextSweep({ idleAt }: Budgets, now: number): number {
  return now + Math.min(longestSleepMs, Math.max(sweepEveryMs, idleAt - now));
}

function sweep(budgets: Budgets, now: number): "more" | "live" | "idle" {
  for (let slice = 0; slice < slicesAnAlarm; slice += 1) {
    const state = budgets.sweep(now, rowsASlice);
    if (state !== "more") return state;
  }
  return "more";
}
