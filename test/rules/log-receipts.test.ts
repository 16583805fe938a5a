import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AckWaiters } from "../../durable-objects/log/ack-waiters.ts";
import type { LogCore } from "../../durable-objects/log/log-core.ts";
import { RegionProgress } from "../../durable-objects/log/progress.ts";
import { guardOf } from "../../durable-objects/platform/lease.ts";
import { append, makeLog, makeRegion, renew, start } from "../support/log-parts.ts";
import { isLongRun } from "../support/long-run.ts";

const guard = guardOf(10_000);

function report(log: LogCore, region: "weur" | "enam", applied: number, viewsEndMs: number, now: number): void {
  log.report([{ region, epoch: log.epoch, applied, viewsEndMs }], now);
}

const states = (log: LogCore, seq: number, now: number) =>
  log.receipts({ seq, at: start }, now).map(({ region, state, seq: known }) => [region, state, known]);

/** A Log with one region that holds a lease since `start`, and one event that it lacks. */
function lacking() {
  const { log, ledger } = makeLog();
  const { region } = makeRegion();
  renew(log, region, "weur", start);
  append(log, 1, start + 10);
  return { log, ledger, region };
}

describe("receipts", () => {
  test("E3 a region without the event is pending until the guard of its lease has ended, and fenced from then on", () => {
    const { log } = lacking();
    expect(states(log, 1, start + guard - 1)).toEqual([["weur", "pending", 0]]);
    expect(log.reachedThrough("regions", start + guard - 1)).toBe(0);
    expect(states(log, 1, start + guard)).toEqual([["weur", "fenced", 1]]);
    expect(log.reachedThrough("everywhere", start + guard)).toBe(Infinity);
  });

  test("E4 `everywhere` waits for the views from before the report, `regions` does not", () => {
    const { log } = lacking();
    report(log, "weur", 1, 700, start + 50);
    expect(log.reachedThrough("regions", start + 50)).toBe(1);
    expect(log.reachedThrough("everywhere", start + 749)).toBe(0);
    expect(log.reachedThrough("everywhere", start + 750)).toBe(1);
    expect(states(log, 1, start + 50)).toEqual([["weur", "applied", 1]]);
  });

  test("a later report does not lengthen the wait for an earlier one's views", () => {
    const { log } = lacking();
    report(log, "weur", 1, 700, start + 50);
    report(log, "weur", 1, 1_100, start + 500);
    expect(log.reachedThrough("everywhere", start + 750)).toBe(1);
  });

  test("a lease that was granted with the event does not hold up its receipt", () => {
    const { log } = lacking();
    const request = { v: 1 as const, region: "weur" as const, cursor: { epoch: "e1", seq: 0 }, viewsEndMs: 0 };
    // The reply is lost: the region acts on under its older lease, without the event.
    expect(log.renew(request, start + 5_000, "").kind).toBe("granted");
    expect(states(log, 1, start + guard - 1)).toEqual([["weur", "pending", 0]]);
    expect(states(log, 1, start + guard)).toEqual([["weur", "fenced", 1]]);
  });

  test("E3 a restarted Log waits as if it had just granted the longest lease", () => {
    const { ledger } = lacking();
    const later = start + 8_000;
    const { log } = makeLog({ regionLeaseMs: 2_000 }, ledger, later);
    expect(states(log, 1, later + guard - 1)).toEqual([["weur", "pending", 0]]);
    expect(states(log, 1, later + guard)).toEqual([["weur", "fenced", 1]]);
    log.shorten(later + guard + 1);
    const { log: again } = makeLog({ regionLeaseMs: 2_000 }, ledger, later);
    expect(states(again, 1, later + guardOf(2_000))).toEqual([["weur", "fenced", 1]]);
  });

  test("E4 a restarted Log knows what was applied, and of the views before it nothing until it is told", () => {
    const { log: before, ledger } = lacking();
    report(before, "weur", 1, 700, start + 50);
    const { log } = makeLog({}, ledger, start + 60);
    expect(log.reachedThrough("regions", start + 60)).toBe(1);
    expect(log.reachedThrough("everywhere", start + 2_000)).toBe(0);
    expect(log.silentAbout(1, "everywhere", start + 2_000)).toEqual(["weur"]);
    report(log, "weur", 1, 0, start + 2_000);
    expect(log.reachedThrough("everywhere", start + 2_000)).toBe(1);
  });

  test("E3 a clock that steps backward ends nothing early", () => {
    const { log } = lacking();
    const seen = start + 5_000;
    expect(log.reachedThrough("regions", seen)).toBe(0);
    const stepped = seen - 3_600_000;
    log.reachedThrough("regions", stepped);
    const rest = start + guard - seen;
    expect(log.reachedThrough("regions", stepped + rest - 1)).toBe(0);
    expect(log.reachedThrough("regions", stepped + rest)).toBe(Infinity);
  });

  test("reports of another epoch, of numbers never given and of unknown regions teach nothing", () => {
    const { log } = lacking();
    log.report([{ region: "weur", epoch: "old", applied: 1, viewsEndMs: 0 }], start + 20);
    log.report([{ region: "weur", epoch: "e1", applied: 99, viewsEndMs: 0 }], start + 20);
    log.report([{ region: "me", epoch: "e1", applied: 1, viewsEndMs: 0 }], start + 20);
    expect(states(log, 1, start + 20)).toEqual([["weur", "pending", 0]]);
  });

  test("a region that is no longer configured is listed until its lease has ended, and gets no other", () => {
    const { ledger } = lacking();
    const { log } = makeLog({ regions: ["enam"] }, ledger, start + 100);
    expect(states(log, 1, start + 100)).toEqual([["weur", "pending", 0]]);
    expect(states(log, 1, start + 100 + guard)).toEqual([]);
    const request = { v: 1 as const, region: "weur" as const, cursor: null, viewsEndMs: 0 };
    expect(log.renew(request, start + 200, "")).toMatchObject({ kind: "refused", reason: "region_unknown" });
  });

  test("an idle region without a lease is listed, fenced, and not pushed to", () => {
    const { log } = lacking();
    const later = start + guard;
    append(log, 1, later);
    expect(log.leased(later)).toEqual([]);
    expect(log.silentAbout(2, "everywhere", later)).toEqual([]);
    expect(states(log, 2, later)).toEqual([["weur", "fenced", 2]]);
  });
});

describe("one region's progress", () => {
  const step = fc.record({
    kind: fc.constantFrom("grant" as const, "report" as const),
    seq: fc.nat(30),
    lengthMs: fc.nat(400),
    passMs: fc.nat(60),
  });

  test("E1 E4 thresholds say the same as the plain definition, event by event", () => {
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const progress = new RegionProgress("weur", 0, start, 0);
      const grants: { head: number; endsAt: number }[] = [];
      const reports: { applied: number; viewsEndAt: number }[] = [];
      let now = start;
      let head = 0;
      for (const { kind, seq, lengthMs, passMs } of steps) {
        now += passMs;
        const endsAt = now + lengthMs;
        if (kind === "grant") {
          head = Math.max(head, seq);
          progress.grant(head, endsAt, now);
          grants.push({ head, endsAt });
        } else {
          progress.report(seq, endsAt, now);
          reports.push({ applied: seq, viewsEndAt: endsAt });
        }
        for (let event = 1; event <= 30; event += 1) {
          const isFenced = grants.every((grant) => grant.head >= event || grant.endsAt <= now);
          const isApplied = reports.some(({ applied }) => applied >= event);
          const isSettled = reports.some(({ applied, viewsEndAt }) => applied >= event && viewsEndAt <= now);
          expect(progress.regionsThrough(now) >= event).toBe(isApplied || isFenced);
          expect(progress.everywhereThrough(now) >= event).toBe(isSettled || isFenced);
        }
      }
    });
    fc.assert(property, { numRuns: isLongRun ? 10_000 : 200 });
  });

  test("bounds on what is remembered end nothing early", () => {
    const progress = new RegionProgress("weur", 0, start, 0);
    for (let head = 1; head <= 500; head += 1) progress.grant(head, start + 1_000 + head, start);
    for (let seq = 1; seq <= 2_000; seq += 1) progress.report(seq, start + 1_000 + seq, start);
    expect(progress.regionsThrough(start + 999)).toBe(2_000);
    for (let at = 0; at <= 3_000; at += 50) {
      expect(progress.everywhereThrough(start + 1_000 + at)).toBeLessThanOrEqual(at >= 500 ? Infinity : at + 1);
    }
    expect(progress.everywhereThrough(start + 3_000)).toBe(Infinity);
  });
});

describe("waiting for an ack", () => {
  /** Time that a test moves; timers fire in their order. */
  function waiting() {
    let now = start;
    const timers = new Map<number, { readonly at: number; readonly call: () => void }>();
    let ids = 0;
    let wakes = 0;
    const { log, region } = lacking();
    const waiters = new AckWaiters({
      reachedThrough: (ack, at) => {
        wakes += 1;
        return log.reachedThrough(ack, at);
      },
      changesAt: (at) => log.changesAt(at),
      now: () => now,
      after: (ms, call) => {
        ids += 1;
        const id = ids;
        timers.set(id, { at: now + ms, call });
        return () => timers.delete(id);
      },
    });
    async function passTo(at: number): Promise<void> {
      for (;;) {
        const due = [...timers].toSorted(([, a], [, b]) => a.at - b.at).find(([, timer]) => timer.at <= at);
        if (due === undefined) break;
        timers.delete(due[0]);
        now = due[1].at;
        due[1].call();
      }
      now = at;
      await Promise.resolve();
    }
    return { log, region, waiters, passTo, timers, wakes: () => wakes };
  }

  test("it ends with the report that brings it", async () => {
    const { log, waiters, passTo } = waiting();
    const acknowledged = waiters.wait(1, "regions", 5_000);
    await passTo(start + 40);
    report(log, "weur", 1, 0, start + 40);
    waiters.wake();
    expect(await acknowledged).toBe(true);
    expect(waiters.count).toBe(0);
  });

  test("it ends when the last view has ended, without a further report", async () => {
    const { log, waiters, passTo } = waiting();
    const acknowledged = waiters.wait(1, "everywhere", 5_000);
    await passTo(start + 1);
    report(log, "weur", 1, 900, start + 1);
    waiters.wake();
    await passTo(start + 900);
    expect(waiters.count).toBe(1);
    await passTo(start + 901);
    expect(await acknowledged).toBe(true);
  });

  test("it ends at its time, untouched by others that wait for longer, and leaves no timer behind", async () => {
    const { waiters, passTo, timers, wakes } = waiting();
    const short = waiters.wait(1, "regions", 100);
    const long = waiters.wait(1, "everywhere", 30_000);
    await passTo(start + 100);
    expect(await short).toBe(false);
    await passTo(start + 30_000);
    // The lease that the region held has ended by then.
    expect(await long).toBe(true);
    expect(timers.size).toBe(0);
    // Two calls each: nothing polls.
    expect(wakes()).toBeLessThan(20);
  });

  test("without time it answers what is known", async () => {
    const { waiters } = waiting();
    expect(await waiters.wait(1, "regions", 0)).toBe(false);
    expect(waiters.count).toBe(0);
  });
});
