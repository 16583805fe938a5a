/** What one design made of a crowd's requests, and how it is told. */
import type { Rule } from "../../durable-objects/limiter/contract.ts";
import { overshootOf } from "../rules/limit-overshoot.ts";

/** Waits of a longer time count as this long, ms. */
const longestMs = 5_000;

export interface Figures {
  readonly design: string;
  readonly requests: number;
  readonly callsARequest: number;
  /** Added to a request by waiting for a limiter. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of what a counter without any distance would have admitted. */
  readonly utilisation: number;
  /** The same, of budgets that were asked for more than a fifth more than their quota. */
  readonly utilisationFull: number;
  /** What the fullest window, interval or line held beyond the quota, in quotas: 0 is none. */
  readonly overshoot: number;
  readonly busiestASecond: number;
}

export class LimitScore {
  readonly #waits = new Float64Array(longestMs + 1);
  /** When tokens of each budget went, from the very beginning. */
  readonly #gone = new Map<number, number[]>();
  /** By budget, since the measure began. */
  readonly admitted = new Map<number, number>();
  requests = 0;
  calls = 0;
  busiestASecond = 0;

  wait(ms: number): void {
    this.requests += 1;
    const index = Math.min(longestMs, Math.ceil(ms));
    this.#waits[index] = (this.#waits[index] ?? 0) + 1;
  }

  admit(budget: number, goneAt: number, isMeasured: boolean): void {
    const gone = this.#gone.get(budget);
    if (gone === undefined) this.#gone.set(budget, [goneAt]);
    else gone.push(goneAt);
    if (isMeasured) this.admitted.set(budget, (this.admitted.get(budget) ?? 0) + 1);
  }

  figures(design: string, rule: Rule, ideal: LimitScore, full: ReadonlySet<number>): Figures {
    const of = (budgets: Iterable<number>) => {
      let own = 0;
      let ideally = 0;
      for (const budget of budgets) {
        own += this.admitted.get(budget) ?? 0;
        ideally += ideal.admitted.get(budget) ?? 0;
      }
      return ideally === 0 ? 1 : own / ideally;
    };
    return {
      design,
      requests: this.requests,
      callsARequest: this.calls / this.requests,
      p50Ms: this.#percentile(0.5),
      p99Ms: this.#percentile(0.99),
      utilisation: of(ideal.admitted.keys()),
      utilisationFull: of(full),
      overshoot: this.#overshoot(rule),
      busiestASecond: this.busiestASecond,
    };
  }

  #percentile(part: number): number {
    let left = this.requests * part;
    return Math.max(
      0,
      this.#waits.findIndex((count) => (left -= count) <= 0),
    );
  }

  #overshoot(rule: Rule): number {
    const most = rule.algorithm === "token-bucket" ? rule.burst : rule.quota;
    let over = 0;
    for (const gone of this.#gone.values()) {
      if (gone.length <= most) continue;
      const admissions = gone.map((at) => ({ at, tokens: 1 }));
      over = Math.max(over, overshootOf(rule, admissions));
    }
    return over / most;
  }
}

export function tableOf(rows: readonly Figures[]): string {
  const cells = rows.map((row) => [
    row.design,
    row.callsARequest.toFixed(3),
    `${row.p50Ms}`,
    `${row.p99Ms}`,
    percent(row.utilisation),
    percent(row.utilisationFull),
    row.overshoot.toFixed(2),
    row.busiestASecond.toFixed(0),
  ]);
  const head = [
    "design",
    "calls/request",
    "p50 ms",
    "p99 ms",
    "used",
    "used when full",
    "overshoot/quota",
    "busiest object/s",
  ];
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return [head, ...cells].map(line).join("\n");
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
