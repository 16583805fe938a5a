/** What an isolate believes of limits, whatever order and number of pages brought it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MeshEvent, Page } from "../../durable-objects/log/contract.ts";
import { Beliefs } from "../../workers/view/beliefs.ts";

const since = 1_750_000_000_000;

function event(seq: number, type: string, data: unknown): MeshEvent {
  return { v: 1, seq, id: `event-${seq}`, type, data, at: since };
}

function changed(seq: number, limit: string, more: object = {}): MeshEvent {
  return event(seq, "limit", { limit, by: "admin", since, ...more });
}

function run(after: number, events: readonly MeshEvent[], epoch = "e"): Page {
  const to = after + events.length;
  return { v: 1, epoch, after, to, head: to, events };
}

function reset(floor: number, retained: readonly MeshEvent[] = [], epoch = "e"): Page {
  return { ...run(floor, [], epoch), reset: { floor, retained } };
}

function believing(...events: readonly MeshEvent[]): Beliefs {
  const beliefs = new Beliefs();
  beliefs.take(reset(0));
  beliefs.take(run(0, events));
  return beliefs;
}

describe("a live change of a limit", () => {
  test("L6 is believed with its number, and the newest of a limit replaces those before it", () => {
    const beliefs = believing(changed(1, "a", { quota: 1 }), changed(2, "b"), changed(3, "a", { quota: 3 }));
    expect(beliefs.limitChange("a")).toEqual({
      epoch: "e",
      seq: 3,
      change: { limit: "a", by: "admin", since, quota: 3 },
    });
    expect(beliefs.limitChange("b")?.seq).toBe(2);
    expect(beliefs.limitChange("c")).toBeUndefined();
  });

  test("L6 of many changes, brought by any pages in any order, the newest of each limit is believed", () => {
    const names = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 20 });
    const pages = fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 30 });
    fc.assert(
      fc.property(names, pages, (changes, cuts) => {
        const events = changes.map((name, index) => changed(index + 1, name));
        const beliefs = new Beliefs();
        beliefs.take(reset(0));
        for (const [from, to] of cuts) beliefs.take(run(from, events.slice(from, to)));
        beliefs.take(run(0, events));
        for (const name of ["a", "b", "c"] as const) {
          expect(beliefs.limitChange(name)?.seq ?? 0).toBe(changes.lastIndexOf(name) + 1);
        }
      }),
    );
  });

  test("L6 is also believed from what is retained, and what is not retained any more is forgotten", () => {
    const beliefs = believing(changed(1, "a"), changed(2, "b"));
    beliefs.take(
      reset(9, [changed(7, "b", { removed: true }), changed(3, "b"), changed(4, "c", { expiresAt: since + 1 })]),
    );
    expect(beliefs.limitChange("a")).toBeUndefined();
    expect(beliefs.limitChange("b")).toMatchObject({ seq: 7, change: { removed: true } });
    expect(beliefs.limitChange("c")).toMatchObject({ epoch: "e", seq: 4 });
  });

  test("L6 is the one of the newer epoch, whatever its number", () => {
    const beliefs = believing(changed(1, "a"), changed(2, "a"));
    beliefs.take(reset(1, [changed(1, "a", { quota: 7 })], "f"), { epoch: "e", seq: 2 });
    expect(beliefs.limitChange("a")).toMatchObject({ epoch: "f", seq: 1, change: { quota: 7 } });
  });

  test.each([
    null,
    7,
    "a",
    [],
    {},
    { limit: 7, by: "admin", since },
    { limit: "a", since },
    { limit: "a", by: "admin" },
    { limit: "a", by: "admin", since: "now" },
    { limit: "a", by: "admin", since: 1e300 },
    { limit: "a", by: "admin", since, removed: "yes" },
    { limit: "a", by: "admin", since, expiresAt: "soon" },
  ])("in a form that is not known, %j, is skipped: the one before it stays", (data) => {
    const beliefs = believing(changed(1, "a"), event(2, "limit", data));
    expect(beliefs.limitChange("a")?.seq).toBe(1);
    expect(beliefs.cursor).toEqual({ epoch: "e", seq: 2 });
  });
});

describe("a reset of a budget", () => {
  const resetOf = (seq: number, data: unknown) => event(seq, "limit_reset", data);

  test("is known by its limit and number", () => {
    const beliefs = believing(
      resetOf(1, { limit: "a", budget: "00" }),
      changed(2, "a"),
      resetOf(3, { limit: "a", budget: "01" }),
    );
    expect(beliefs.lastReset("a")).toBe(3);
    expect(beliefs.lastReset("b")).toBe(0);
  });

  test("that went by unseen may have been of any limit", () => {
    const beliefs = believing(resetOf(1, { limit: "a", budget: "00" }));
    beliefs.take(reset(5));
    expect([beliefs.lastReset("a"), beliefs.lastReset("b")]).toEqual([5, 5]);
    beliefs.take(run(5, [resetOf(6, { limit: "b", budget: "00" })]));
    expect([beliefs.lastReset("a"), beliefs.lastReset("b")]).toEqual([5, 6]);
  });

  test.each([null, 7, {}, { limit: 7 }])("in a form that is not known, %j, may be of any limit", (data) => {
    const beliefs = believing(resetOf(1, { limit: "a", budget: "00" }), resetOf(2, data));
    expect([beliefs.lastReset("a"), beliefs.lastReset("b")]).toEqual([2, 2]);
  });
});
