import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BroadcastMessage, Cursor, Page } from "../../durable-objects/log/contract.ts";
import { guardOf } from "../../durable-objects/platform/lease.ts";
import type { RegionCore } from "../../durable-objects/region/region-core.ts";
import { append, entries, makeLog, makeRegion, renew, start } from "../support/log-parts.ts";
import type { MemoryRegionLedger } from "../support/memory-ledgers.ts";
import { isLongRun } from "../support/long-run.ts";

const guard = guardOf(1_000);

/** All that a Region could ever answer from. */
function stateOf(region: RegionCore, ledger: MemoryRegionLedger) {
  return { cursor: region.cursor, facts: ledger.facts(), events: [...ledger.events.values()] };
}

function viewOf(region: RegionCore, cursor: Cursor | null, now = start): Page {
  const answer = region.view(cursor, now);
  if (answer.kind !== "view") throw new Error("expected a view");
  return answer.page;
}

describe("taking events", () => {
  const delivery = fc.record({
    kind: fc.constantFrom(
      "message" as const,
      "bare message" as const,
      "page" as const,
      "renewal" as const,
      "restart" as const,
    ),
    after: fc.nat(39),
    length: fc.integer({ min: 1, max: 12 }),
  });

  test("E2 any schedule of deliveries, lost, doubled and out of order, gives the same state", () => {
    const property = fc.property(fc.array(delivery, { maxLength: 50 }), (deliveries) => {
      const { log } = makeLog();
      const { region: straight, ledger: straightLedger } = makeRegion();
      renew(log, straight, "weur", start);
      append(log, 40);
      const whole = log.read({ epoch: "e1", seq: 0 });
      straight.takePage(whole, straight.cursor);

      const ledger = makeRegion().ledger;
      let { region } = makeRegion(ledger);
      renew(makeLog().log, region, "weur", start);
      for (const { kind, after, length } of deliveries) {
        const before = region.applied;
        const events = whole.events.slice(after, after + length);
        const to = after + events.length;
        const message: BroadcastMessage = { v: 1, epoch: "e1", after, to, regions: ["weur"] };
        if (kind === "message") region.takeMessage({ ...message, events });
        else if (kind === "bare message") region.takeMessage(message);
        else if (kind === "page") region.takePage({ ...whole, after, to, events }, { epoch: "e1", seq: after });
        else if (kind === "renewal" && region.applied < 20)
          region.takePage({ ...whole, after, to, events }, region.cursor);
        else region = makeRegion(ledger).region;
        // Never backward, and never over a hole.
        expect(region.applied).toBeGreaterThanOrEqual(before);
        expect([...ledger.events.keys()]).toEqual(Array.from({ length: region.applied }, (_, index) => index + 1));
      }
      region.takePage(log.read(region.cursor), region.cursor);
      expect(stateOf(region, ledger)).toEqual(stateOf(straight, straightLedger));
    });
    fc.assert(property, { numRuns: isLongRun ? 5_000 : 150 });
  });

  test("E3 a message over a hole is not taken, and says so", () => {
    const { log } = makeLog();
    const { region } = makeRegion();
    renew(log, region, "weur", start);
    append(log, 3);
    const { events } = log.read({ epoch: "e1", seq: 0 });
    const message: BroadcastMessage = { v: 1, epoch: "e1", after: 1, to: 3, events: events.slice(1), regions: [] };
    expect(region.takeMessage(message)).toBe(false);
    expect(region.applied).toBe(0);
  });

  test("a run that lacks one of its own events is not taken", () => {
    const { log } = makeLog();
    const { region } = makeRegion();
    renew(log, region, "weur", start);
    append(log, 3);
    const { events } = log.read({ epoch: "e1", seq: 0 });
    const message: BroadcastMessage = {
      v: 1,
      epoch: "e1",
      after: 0,
      to: 3,
      events: events.toSpliced(1, 1),
      regions: [],
    };
    expect(region.takeMessage(message)).toBe(false);
    expect(region.applied).toBe(0);
  });

  test("E8 a replayed message of an older epoch changes nothing", () => {
    const { log: older } = makeLog();
    append(older, 5);
    const old = older.read(null);
    const { log } = makeLog({}, undefined, start, "e9");
    append(log, 2);
    const { region, ledger } = makeRegion();
    renew(log, region, "weur", start);
    const before = stateOf(region, ledger);
    expect(region.takeMessage({ v: 1, epoch: "e1", after: 0, to: 5, events: old.events, regions: [] })).toBe(false);
    // An answer to what the Region was once, that comes late.
    expect(region.takePage(old, null)).toBe(false);
    expect(stateOf(region, ledger)).toEqual(before);
  });

  test("another epoch begins with a reset, and ends the lease of the old one", () => {
    const { log: older } = makeLog();
    append(older, 5);
    const { region } = makeRegion();
    renew(older, region, "weur", start);
    const { log } = makeLog({}, undefined, start, "e9");
    append(log, 2);
    expect(region.takePage(log.read(region.cursor), region.cursor)).toBe(true);
    expect(region.cursor).toEqual({ epoch: "e9", seq: 2 });
    expect(region.view(null, start + 1)).toEqual({ v: 1, kind: "not_current" });
  });
});

describe("views", () => {
  test("carry what the asker lacks, and nothing that it has", () => {
    const { log } = makeLog();
    append(log, 5);
    const { region } = makeRegion();
    renew(log, region, "weur", start);
    const page = viewOf(region, { epoch: "e1", seq: 3 });
    expect(page.events.map(({ seq }) => seq)).toEqual([4, 5]);
    expect(page).toMatchObject({ after: 3, to: 5, head: 5 });
    expect(page).not.toHaveProperty("reset");
    expect(viewOf(region, { epoch: "e1", seq: 5 }).events).toEqual([]);
  });

  test("reset whoever is too far behind to the newest events, with what is retained from before them", () => {
    const { log } = makeLog();
    log.append(
      entries({ id: "k1", retain: "k", data: 1 }, { id: "l", retain: "l" }, { id: "k2", retain: "k", data: 2 }),
      start,
    );
    append(log, 40);
    const { region } = makeRegion(undefined, start, 10);
    renew(log, region, "weur", start);
    for (const cursor of [null, { epoch: "e1", seq: 5 }, { epoch: "other", seq: 42 }]) {
      const page = viewOf(region, cursor);
      expect(page).toMatchObject({ after: 33, to: 43, reset: { floor: 33 } });
      expect(page.events.map(({ seq }) => seq)).toEqual([34, 35, 36, 37, 38, 39, 40, 41, 42, 43]);
      expect(page.reset?.retained.map(({ id }) => id)).toEqual(["l", "k2"]);
    }
  });

  test("a Region keeps a bounded number of events, and every retained one", () => {
    const { log } = makeLog();
    log.append(entries({ id: "k", retain: "k" }), start);
    const { region, ledger } = makeRegion(undefined, start, 10);
    for (let turn = 0; turn < 50; turn += 1) {
      append(log, 7);
      renew(log, region, "weur", start);
      expect(ledger.events.size).toBeLessThanOrEqual(28);
    }
    expect(ledger.events.get(1)?.id).toBe("k");
    expect(viewOf(region, null).reset?.retained.map(({ id }) => id)).toEqual(["k"]);
  });

  test("E3 no lease, no view; and none once it has ended", () => {
    const { log } = makeLog();
    const { region, ledger } = makeRegion();
    expect(region.view(null, start)).toEqual({ v: 1, kind: "not_current" });
    renew(log, region, "weur", start);
    expect(region.view(null, start + 9_999).kind).toBe("view");
    expect(region.view(null, start + 10_000)).toEqual({ v: 1, kind: "not_current" });
    renew(log, region, "weur", start + 10_000);
    expect(makeRegion(ledger, start + 10_001).region.view(null, start + 10_001).kind).toBe("not_current");
  });

  test("E3 the lease runs from when the request was sent, not from the answer", () => {
    const { log } = makeLog();
    const { region } = makeRegion();
    const request = region.renewRequest("weur", start);
    const answer = log.renew(request, start + 4_000, "");
    expect(region.takeRenewal(request, start, answer, start + 8_000)).toBe("granted");
    expect(region.leaseEndsInMs(start + 8_000)).toBe(2_000);
    expect(region.view(null, start + 9_900)).toMatchObject({ kind: "view", leaseMs: 100 });
  });

  test("E3 a lease that was asked for before the clock stepped backward is not taken", () => {
    const { log } = makeLog();
    const { region } = makeRegion();
    renew(log, region, "weur", start);
    const request = region.renewRequest("weur", start + 5_000);
    const answer = log.renew(request, start + 5_000, "");
    expect(region.leaseEndsInMs(start + 6_000)).toBeGreaterThan(0);
    expect(region.leaseEndsInMs(start + 5_500)).toBe(0);
    expect(region.takeRenewal(request, start + 5_000, answer, start + 5_600)).toBe("not_taken");
    expect(region.view(null, start + 5_700).kind).toBe("not_current");
  });

  test("an asker that is ahead gets no view until the Region has read on", () => {
    const { log } = makeLog();
    append(log, 1);
    const { region } = makeRegion();
    renew(log, region, "weur", start);
    append(log, 1, start, "more");
    const ahead = { epoch: "e1", seq: 2 };
    expect(region.needs(ahead, start)).toBe("events");
    expect(region.view(ahead, start).kind).toBe("not_current");
    region.takePage(log.read(region.cursor), region.cursor);
    expect(region.needs(ahead, start)).toBe("nothing");
    expect(viewOf(region, ahead).events).toEqual([]);
  });

  test("which of two epochs is newer is asked of the Log", () => {
    const { log } = makeLog();
    const { region } = makeRegion();
    renew(log, region, "weur", start);
    expect(region.needs({ epoch: "e0", seq: 1 }, start)).toBe("renewal");
  });
});

describe("the account of views", () => {
  test("E4 counts the longest that is out, guard included", () => {
    const { log } = makeLog();
    const { region } = makeRegion(undefined, start - 60_000);
    renew(log, region, "weur", start);
    expect(region.viewsEndMs(start)).toBe(0);
    region.view(null, start + 9_000);
    expect(region.viewsEndMs(start + 9_000)).toBe(guard);
    // What is left of the region lease bounds it; a shorter view does not end a longer one.
    expect(region.view(null, start + 9_990)).toMatchObject({ leaseMs: 10 });
    expect(region.viewsEndMs(start + 9_990)).toBe(guard - 990);
  });

  test("E4 a restarted Region assumes that it has just handed out the longest view", () => {
    const { ledger } = makeRegion();
    const { region } = makeRegion(ledger, start + 60_000);
    expect(region.viewsEndMs(start + 60_000)).toBe(guard);
    expect(region.viewsEndMs(start + 60_000 + guard)).toBe(0);
  });

  test("E4 a clock that steps backward ends no view early", () => {
    const { region } = makeRegion();
    expect(region.viewsEndMs(start + 100)).toBe(guard - 100);
    expect(region.viewsEndMs(start - 5_000)).toBe(guard - 100);
    expect(region.viewsEndMs(start - 4_000)).toBe(guard - 1_100);
  });
});

describe("pages of the Log", () => {
  test("are bounded, follow each other, and end at the head", () => {
    const { log } = makeLog();
    append(log, 1_200);
    const { region } = makeRegion(undefined, start, 5_000);
    const seen: number[] = [];
    for (;;) {
      const page = log.read(region.cursor);
      expect(page.events.length).toBeLessThanOrEqual(500);
      seen.push(...page.events.map(({ seq }) => seq));
      expect(region.takePage(page, region.cursor)).toBe(true);
      if (page.to === page.head) break;
    }
    expect(seen).toEqual(Array.from({ length: 1_200 }, (_, index) => index + 1));
  });

  test("hold at least one event, however big it is", () => {
    const { log } = makeLog();
    const big = "x".repeat(900_000);
    log.append(entries({ id: "a", data: big }, { id: "b", data: big }), start);
    expect(log.read({ epoch: "e1", seq: 0 })).toMatchObject({ to: 1, head: 2 });
    expect(log.read({ epoch: "e1", seq: 1 })).toMatchObject({ to: 2, head: 2 });
  });

  test("reset a cursor of nothing, of another epoch, and from before the floor", () => {
    const { log } = makeLog({ retentionMs: 1_000 });
    log.append(entries({ id: "k", retain: "k" }, { id: "a" }), start);
    log.append(entries({ id: "b" }), start + 5_000);
    log.trim(start + 5_000);
    for (const cursor of [null, { epoch: "other", seq: 3 }, { epoch: "e1", seq: 1 }, { epoch: "e1", seq: 9 }]) {
      const page = log.read(cursor);
      expect(page).toMatchObject({ after: 2, to: 3, reset: { floor: 2 } });
      expect(page.reset?.retained.map(({ id }) => id)).toEqual(["k"]);
    }
    expect(log.read({ epoch: "e1", seq: 2 })).not.toHaveProperty("reset");
  });

  test("no lease is granted before the last page", () => {
    const { log } = makeLog();
    append(log, 600);
    const request = { v: 1 as const, region: "weur" as const, cursor: null, viewsEndMs: 0 };
    expect(log.renew(request, start, "").kind).toBe("behind");
    expect(log.leased(start)).toEqual([]);
  });

  test("messages for the queue leave out a run that is too big for one", () => {
    const { log } = makeLog();
    log.append(entries({ id: "a" }, { id: "b", data: "x".repeat(200_000) }, { id: "c" }), start);
    const bounds = { events: 500, bytes: 90_000 };
    const runs = [0, 1, 2].map((after) => log.nextMessage(after, ["weur"], bounds));
    expect(runs.map((run) => [run?.after, run?.to, run?.events?.length])).toEqual([
      [0, 1, 1],
      [1, 2, undefined],
      [2, 3, 1],
    ]);
    expect(log.nextMessage(3, ["weur"], bounds)).toBeNull();
  });
});
