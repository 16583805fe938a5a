import { describe, expect, test } from "vitest";
import { checkSubmission } from "../../durable-objects/log/submission.ts";
import type { NewEvent, PublishRequest } from "../../durable-objects/log/contract.ts";
import { append, entries, makeLog, makeRegion, renew, start } from "../support/log-parts.ts";

describe("inserting", () => {
  test("E1 numbers are dense, in the order of the call and of the calls", () => {
    const { log } = makeLog();
    const first = log.append(entries({ id: "a" }, { id: "b" }), start);
    const second = log.append(entries({ id: "c" }), start + 1);
    expect([...first.events, ...second.events]).toEqual([
      { kind: "inserted", id: "a", seq: 1 },
      { kind: "inserted", id: "b", seq: 2 },
      { kind: "inserted", id: "c", seq: 3 },
    ]);
  });

  test("the same id and content gets the first answer, whatever the order of members", () => {
    const { log } = makeLog();
    log.append(entries({ id: "a", data: { x: 1, y: { p: 1, q: [1, 2] } } }), start);
    const again = log.append(entries({ id: "a", data: { y: { q: [1, 2], p: 1 }, x: 1 } }, { id: "b" }), start + 5);
    expect(again.events).toEqual([
      { kind: "repeated", id: "a", seq: 1 },
      { kind: "inserted", id: "b", seq: 2 },
    ]);
    expect(log.head).toBe(2);
  });

  test.for<[string, Partial<NewEvent>]>([
    ["data", { data: [2, 1] }],
    ["type", { type: "other" }],
    ["retain", { retain: "k" }],
  ])("the same id with other %s is a conflict, and nothing is inserted for it", ([, change]) => {
    const { log } = makeLog();
    log.append(entries({ id: "a", data: [1, 2] }), start);
    const { events, newest } = log.append(entries({ id: "a", data: [1, 2], ...change }), start);
    expect(events).toEqual([{ kind: "conflict", id: "a" }]);
    expect(newest).toBeNull();
    expect(log.head).toBe(1);
  });

  test("an id used twice in one call is inserted once", () => {
    const { log } = makeLog();
    const { events } = log.append(entries({ id: "a", data: 1 }, { id: "a", data: 1 }, { id: "a", data: 2 }), start);
    expect(events.map(({ kind }) => kind)).toEqual(["inserted", "repeated", "conflict"]);
    expect(log.head).toBe(1);
  });

  test("E1 a restarted Log keeps its epoch, its numbers and its ids", () => {
    const { log, ledger } = makeLog();
    append(log, 3);
    const { log: restarted } = makeLog({}, ledger, start + 1_000, "another");
    expect(restarted.epoch).toBe("e1");
    expect(restarted.append(entries({ id: "n0-2" }, { id: "new" }), start).events).toEqual([
      { kind: "repeated", id: "n0-2", seq: 2 },
      { kind: "inserted", id: "new", seq: 4 },
    ]);
  });

  test("a Log whose storage was set back counts on in a new epoch, and everyone is reset", () => {
    const { log: whole } = makeLog();
    append(whole, 5);
    const { region } = makeRegion();
    expect(renew(whole, region, "weur", start)).toBe("granted");
    const { log: setBack } = makeLog();
    append(setBack, 2);
    expect(renew(setBack, region, "weur", start + 1)).toBe("granted");
    expect(setBack.epoch).toBe("e2");
    expect(region.cursor).toEqual({ epoch: "e2", seq: 2 });
    expect(setBack.append(entries({ id: "next" }), start + 2).newest?.seq).toBe(3);
  });
});

describe("trimming", () => {
  test("events go after the retention time, but for the newest of each retain key", () => {
    const { log, ledger } = makeLog({ retentionMs: 1_000 });
    log.append(entries({ id: "a", retain: "k" }, { id: "b", retain: "k" }, { id: "c" }), start);
    log.append(entries({ id: "d" }), start + 900);
    expect(log.trim(start + 1_500)).toBe("done");
    expect([...ledger.events.values()].map(({ id }) => id)).toEqual(["b", "d"]);
    expect(log.status(start + 1_500)).toMatchObject({ floor: 3, head: 4 });
    log.append(entries({ id: "e", retain: "k" }), start + 1_500);
    expect([...ledger.events.values()].map(({ id }) => id)).toEqual(["d", "e"]);
  });

  test("numbers go on after everything was trimmed, also over a restart", () => {
    const { log, ledger } = makeLog({ retentionMs: 1_000 });
    append(log, 3);
    log.trim(start + 5_000);
    expect(ledger.events.size).toBe(0);
    const { log: restarted } = makeLog({}, ledger, start + 6_000);
    expect(restarted.append(entries({ id: "x" }), start + 6_000).newest?.seq).toBe(4);
  });
});

describe("a call", () => {
  const event: NewEvent = { id: "a", type: "note", data: {} };
  const request: PublishRequest = { v: 1, events: [event], ack: "none", timeoutMs: 0 };
  const nested = Array.from({ length: 200_000 }).reduce<unknown>((inner) => [inner], 1);

  test.for<[string, unknown]>([
    ["another version", { ...request, v: 2 }],
    ["no events", { ...request, events: [] }],
    ["101 events", { ...request, events: Array.from({ length: 101 }, (_, index) => ({ ...event, id: `i${index}` })) }],
    ["an ack that does not exist", { ...request, ack: "all" }],
    ["a negative timeout", { ...request, timeoutMs: -1 }],
    ["a timeout of more than 30 s", { ...request, timeoutMs: 30_001 }],
    ["an empty id", { ...request, events: [{ ...event, id: "" }] }],
    ["an id of 129 characters", { ...request, events: [{ ...event, id: "a".repeat(129) }] }],
    ["an id with a space", { ...request, events: [{ ...event, id: "a b" }] }],
    ["an empty type", { ...request, events: [{ ...event, type: "" }] }],
    ["an empty retain key", { ...request, events: [{ ...event, retain: "" }] }],
    ["no data", { ...request, events: [{ id: "a", type: "note" }] }],
    ["data without JSON", { ...request, events: [{ ...event, data: 1n }] }],
    ["data nested too deep", { ...request, events: [{ ...event, data: nested }] }],
    ["data over 1 MiB in bytes", { ...request, events: [{ ...event, data: "é".repeat(524_288) }] }],
    ["one good and one bad event", { ...request, events: [event, { ...event, id: "!" }] }],
  ])("with %s is refused whole", ([, asked]) => {
    expect(checkSubmission(asked as PublishRequest).kind).toBe("malformed");
  });

  test("with 1 MiB of data is taken", () => {
    const data = "a".repeat(1_048_574);
    expect(checkSubmission({ ...request, events: [{ ...event, data }] }).kind).toBe("fit");
  });
});
