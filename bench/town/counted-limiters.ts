/** The real limiters in virtual time, an object for each shard as it is deployed: whatever they are billed for is counted. */
import { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";
import type { Fact, Note, Row } from "../../durable-objects/limiter/ledger.ts";
import { limiterName } from "../../durable-objects/names.ts";
import { MemoryLedger } from "../../test/support/limiter-ledger.ts";
import { nothing, type Usage } from "../cost.ts";

/** The object's shell looks for what has ended this often, ms: an alarm, the row that says when, and the alarm's own. */
const sweepEveryMs = 15 * 60_000;
const rowsASweep = 2;
/** How long an object is at work for one call, ms. The documentation's own example; ours take a fraction of it. */
export const workMs = 10;
/** An object that nobody calls for so long is put to sleep, and begins anew from its storage, ms. */
const awakeMs = 10_000;

/** What happens elsewhere: `act` there, and its answer here, both one way later. */
export type Send = <Answer>(act: () => Answer | Promise<Answer>, waitMs?: () => number) => Promise<Answer>;

interface LimiterObject {
  readonly ledger: CountedLedger;
  budgets: Budgets;
  usedAt: number;
}

export class CountedLimiters {
  readonly #mayObjectsSleep: boolean;
  readonly #objects = new Map<string, LimiterObject>();
  #calls = 0;
  #waitedMs = 0;

  constructor(mayObjectsSleep: boolean) {
    this.#mayObjectsSleep = mayObjectsSleep;
  }

  port(limit: string, budget: string, send: Send, clock: () => number): LimiterContract {
    const object = this.#objectOf(limiterName("town", limit, budget));
    const call: Send = (act, waitMs) => {
      this.#calls += 1;
      return send(act, waitMs);
    };
    const awake = () => this.#awake(object, clock());
    const port: Pick<LimiterContract, "charge" | "giveBack"> = {
      charge: (request) =>
        call(
          () => awake().charge(request, clock()),
          () => {
            const waitMs = awake().patienceFor(request, clock());
            this.#waitedMs += waitMs;
            return waitMs;
          },
        ),
      giveBack: (request) => call(() => awake().giveBack(request, clock())),
    };
    return port as LimiterContract;
  }

  /** Since the beginning, but for sweeping. */
  get usage(): Usage {
    const ledgers = [...this.#objects.values()].map(({ ledger }) => ledger);
    const sum = (of: (ledger: CountedLedger) => number) => ledgers.reduce((total, ledger) => total + of(ledger), 0);
    return {
      ...nothing,
      objectRequests: this.#calls,
      objectMs: this.#calls * workMs + this.#waitedMs,
      rowsRead: sum(({ reads }) => reads),
      // What was written is deleted some day.
      rowsWritten: sum(({ writes, rows }) => writes + rows.size),
    };
  }

  /** Of all objects that there are now, for so long. */
  sweepingFor(ms: number): Usage {
    const sweeps = (this.#objects.size * ms) / sweepEveryMs;
    return { ...nothing, objectRequests: sweeps, objectMs: sweeps * workMs, rowsWritten: sweeps * rowsASweep };
  }

  #awake(object: LimiterObject, now: number): Budgets {
    if (this.#mayObjectsSleep && now - object.usedAt > awakeMs) object.budgets = new Budgets(object.ledger);
    object.usedAt = now;
    return object.budgets;
  }

  #objectOf(name: string): LimiterObject {
    let object = this.#objects.get(name);
    if (object === undefined) {
      const ledger = new CountedLedger();
      object = { ledger, budgets: new Budgets(ledger), usedAt: -Infinity };
      this.#objects.set(name, object);
    }
    return object;
  }
}

class CountedLedger extends MemoryLedger {
  reads = 0;

  override row(budget: string): Row | null {
    this.reads += 1;
    return super.row(budget);
  }

  override fact(name: Fact): number | null {
    this.reads += 1;
    return super.fact(name);
  }

  override note(name: Note): string | null {
    this.reads += 1;
    return super.note(name);
  }
}
