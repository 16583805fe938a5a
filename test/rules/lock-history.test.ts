import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryLedger } from "../support/lock-ledger.ts";
import { runHistory, type Storage } from "../support/lock-histories.ts";
import { isLongRun } from "../support/long-run.ts";

const histories = isLongRun ? 200_000 : 10_000;

/** The lowest of the seeds from 0 whose history breaks with this storage. */
function firstBroken(storage: Storage): string | null {
  for (let seed = 0; seed < 500; seed += 1) {
    const [violation] = runHistory(seed, storage).violations;
    if (violation !== undefined) return violation;
  }
  return null;
}

describe("histories of one lock, three holders, restarts, skewed clocks and a bad network", () => {
  it("K1 holds never overlap, at the object or as holders believe, and K2 tokens grow", () => {
    let [grants, restarts] = [0, 0];
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const history = runHistory(seed);
        grants += history.grants;
        restarts += history.restarts;
        expect(history.violations).toEqual([]);
      }),
      { numRuns: histories },
    );
    // The histories are worth something: locks were taken, and the object was restarted meanwhile.
    expect(grants).toBeGreaterThan(5 * histories);
    expect(restarts).toBeGreaterThan(2 * histories);
  });

  it("K1 bites on an object that keeps a hold only as long as its holder counts", () => {
    class Unguarded extends MemoryLedger {
      override row(lock: string) {
        const row = super.row(lock);
        return row === null ? null : { ...row, endsAt: row.endsAt - Math.ceil(row.ttlMs * 0.11) - 300 };
      }
    }
    expect(firstBroken((durable) => Object.setPrototypeOf(durable, Unguarded.prototype) as Unguarded)).not.toBeNull();
  });

  it("K1 bites on an object that forgets its holds when it restarts", () => {
    expect(firstBroken(() => new MemoryLedger())).not.toBeNull();
  });

  it("K1 bites on a planted double hold", () => {
    class Double extends MemoryLedger {
      /** Every seventh look finds the lock free. */
      looks = 0;
      override row(lock: string) {
        this.looks += 1;
        return this.looks % 7 === 0 ? null : super.row(lock);
      }
    }
    const double = (durable: MemoryLedger): Double => {
      const ledger = new Double();
      for (const row of durable.rows.values()) ledger.rows.set(row.lock, row);
      return ledger;
    };
    expect(firstBroken(double)).not.toBeNull();
  });
});
