/** Which rule of a limit holds: the file's, or what a live change made of it. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LimitChange, RuleVersion } from "../../durable-objects/limiter/contract.ts";
import { RuleBook } from "../../durable-objects/limiter/rule-book.ts";
import type { Limit } from "../../workers/config/mesh.ts";
import { changeInForce, RulesInForce } from "../../workers/limit/rules-in-force.ts";
import { MeshRules } from "../../workers/limit/mesh-rules.ts";
import { MemoryLedger } from "../support/limiter-ledger.ts";
import { filedLimit } from "./limit-filed.ts";

const now = 1_750_000_000_000;
const filed = filedLimit({ name: "reads", quota: 3 });
const bucket = filedLimit({ name: "bucket", algorithm: "token-bucket", quota: 10, burst: 20 });

type Changed = NonNullable<RuleVersion>;

function changed(seq: number, more: Partial<LimitChange>, epoch = "e"): Changed {
  return { epoch, seq, change: { limit: "reads", by: "admin", since: now, ...more } };
}

class Beliefs {
  readonly changes = new Map<string, Changed>();
  readonly rules: RulesInForce;

  constructor(...limits: readonly Limit[]) {
    const file = new Map((limits.length === 0 ? [filed] : limits).map((limit) => [limit.name, limit]));
    this.rules = new RulesInForce(file, (name) => this.changes.get(name));
  }

  find(at: number, name = "reads") {
    return this.rules.find(name, at);
  }
}

beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => undefined));
afterEach(() => void vi.restoreAllMocks());

describe("the rule in force", () => {
  test("is the file's while nothing was changed", () => {
    const beliefs = new Beliefs();
    expect(beliefs.find(now)).toEqual({ ...filed, version: null });
    expect(beliefs.find(now, "none")).toBeUndefined();
  });

  test.each<readonly [Limit, Partial<LimitChange>]>([
    [filed, { quota: 0 }],
    [filed, { quota: "unlimited" }],
    [filed, { quota: { claim: "plan", of: { pro: 7 }, else: 1 } }],
    [filed, { windowMs: 500 }],
    [filed, { mode: "shadow" }],
    [filed, { quota: 9, windowMs: 500, mode: "shadow" }],
    [bucket, { burst: 5 }],
    [bucket, { quota: 50 }],
  ])("L6 is what a change names, and the file's for the rest", (limit, named) => {
    const beliefs = new Beliefs(limit);
    const version = changed(4, named);
    beliefs.changes.set(limit.name, version);
    expect(beliefs.find(now, limit.name)).toEqual({ ...limit, ...named, version });
  });

  test("L6 is the file's alone from the instant at which the change expires: no refusal of the change is its own", () => {
    const beliefs = new Beliefs();
    const version = changed(4, { quota: 9, expiresAt: now + 1_000 });
    beliefs.changes.set("reads", version);
    expect(beliefs.find(now + 999)?.quota).toBe(9);
    expect(beliefs.find(now + 1_000)).toEqual({ ...filed, version: null });
    expect(beliefs.find(now + 999)?.quota).toBe(9);
  });

  test("is the file's when the change was taken back, and names that event", () => {
    const beliefs = new Beliefs();
    const version = changed(5, { removed: true });
    beliefs.changes.set("reads", version);
    expect(beliefs.find(now)).toEqual({ ...filed, version });
  });

  test("of all limits is each one's own", () => {
    const beliefs = new Beliefs(filed, bucket);
    beliefs.changes.set("reads", changed(1, { quota: 8 }));
    beliefs.changes.set("none", changed(2, { quota: 8 }));
    const all = beliefs.rules.all(now);
    expect([...all.keys()]).toEqual(["reads", "bucket"]);
    expect(all.get("reads")).toBe(beliefs.find(now));
    expect(all.get("bucket")).toBe(beliefs.find(now, "bucket"));
  });

  test("is the same object until there is another change, or this one expires", () => {
    const step = fc.record({
      now: fc.integer({ min: now, max: now + 10 }),
      seq: fc.integer({ min: 1, max: 3 }),
      expiresAt: fc.option(fc.integer({ min: now, max: now + 10 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const beliefs = new Beliefs();
        const ends = new Map<number, number | undefined>();
        let [keyBefore, before]: [string, unknown] = ["", null];
        for (const { now: at, seq, expiresAt } of steps) {
          if (!ends.has(seq)) ends.set(seq, expiresAt);
          const end = ends.get(seq);
          // Beliefs that began anew hold the same event in another object.
          beliefs.changes.set("reads", changed(seq, { quota: seq, ...(end === undefined ? {} : { expiresAt: end }) }));
          const limit = beliefs.find(at);
          const isExpired = at >= (end ?? Infinity);
          expect(limit?.quota).toBe(isExpired ? 3 : seq);
          const key = `${seq} ${isExpired}`;
          if (key === keyBefore) expect(limit).toBe(before);
          else expect(limit).not.toBe(before);
          [keyBefore, before] = [key, limit];
        }
      }),
    );
  });

  test("is renewed when the same number comes in another epoch", () => {
    const beliefs = new Beliefs();
    beliefs.changes.set("reads", changed(1, { quota: 8 }));
    beliefs.find(now);
    beliefs.changes.set("reads", changed(1, { quota: 9 }, "f"));
    expect(beliefs.find(now)?.quota).toBe(9);
  });
});

describe("a change that does not fit its limit", () => {
  const misfits: readonly (readonly [string, Limit, object])[] = [
    ["a burst of a window", filed, { burst: 5 }],
    ["a window of a blink", filed, { windowMs: 1 }],
    ["a quota of another form", filed, { quota: { per: "tenant" } }],
    ["a quota that is no number", filed, { quota: Number.NaN }],
    ["a mode of a newer version", filed, { mode: "observe" }],
    ["a good quota beside a bad window", filed, { quota: 9, windowMs: "1s" }],
    [
      "a bucket that can never hold anything",
      filedLimit({ name: "bucket", algorithm: "token-bucket", quota: 0, burst: 0 }),
      { quota: 5 },
    ],
  ];

  test.each(misfits)("is ignored whole, named still, and logged once: %s", (_what, limit, data) => {
    const beliefs = new Beliefs(limit);
    const version = changed(4, data);
    beliefs.changes.set(limit.name, version);
    for (let index = 0; index < 3; index += 1) {
      expect(beliefs.find(now + index, limit.name)).toEqual({ ...limit, version });
    }
    expect(console.error).toHaveBeenCalledTimes(1);
    expect(console.error).toHaveBeenCalledWith(
      expect.objectContaining({ event: "limit_change_ignored", limit: limit.name, seq: 4 }),
    );
  });
});

test("what is taken back, or has expired, is no change in force", () => {
  const version = changed(1, { quota: 1, expiresAt: now + 1 });
  expect(changeInForce(version, now)).toBe(version.change);
  expect(changeInForce(version, now + 1)).toBeNull();
  expect(changeInForce(changed(2, { removed: true }), now)).toBeNull();
  expect(changeInForce(null, now)).toBeNull();
});

describe("what a limiter tells before the view has it", () => {
  function rulesWith(viewed: Map<string, Changed>, clock = () => now): MeshRules {
    const view = { limitChange: (name: string) => viewed.get(name), lastReset: () => 7, current: () => true as const };
    return new MeshRules(new Map([["reads", filed]]), view, clock);
  }

  test.each<readonly [string, Changed | null, Changed, number]>([
    ["is believed where the view has none", null, changed(2, { quota: 20 }), 20],
    ["is believed over an older one", changed(1, { quota: 10 }), changed(2, { quota: 20 }), 20],
    ["is nothing beside the same one", changed(2, { quota: 10 }), changed(2, { quota: 20 }), 10],
    ["is nothing beside a newer one", changed(3, { quota: 10 }), changed(2, { quota: 20 }), 10],
    [
      "is believed over one of an epoch before",
      changed(9, { quota: 10 }),
      changed(1, { quota: 20, since: now + 1 }, "f"),
      20,
    ],
    ["is nothing of an epoch before", changed(1, { quota: 10 }), changed(9, { quota: 20, since: now - 1 }, "d"), 10],
    ["is nothing where both are of one instant", changed(1, { quota: 10 }), changed(9, { quota: 20 }, "d"), 10],
    ["is believed when it takes the change back", changed(1, { quota: 10 }), changed(2, { removed: true }), 3],
  ])("L6 %s", (_what, viewed, told, quota) => {
    const rules = rulesWith(new Map(viewed === null ? [] : [["reads", viewed]]));
    rules.hear("reads", told);
    expect(rules.find("reads")?.quota).toBe(quota);
  });

  test("L6 gives way to the view as soon as that has it, and the newest of what was told holds until then", () => {
    const viewed = new Map<string, Changed>();
    const rules = rulesWith(viewed);
    rules.hear("reads", changed(5, { quota: 50 }));
    rules.hear("reads", changed(4, { quota: 40 }));
    const told = rules.find("reads");
    expect(told?.quota).toBe(50);
    viewed.set("reads", changed(5, { quota: 50 }));
    expect(rules.find("reads")).toBe(told);
    viewed.set("reads", changed(6, { quota: 60 }));
    expect(rules.find("reads")?.quota).toBe(60);
  });

  test("L6 expires by this edge's clock", () => {
    let at = now;
    const rules = rulesWith(new Map(), () => at);
    rules.hear("reads", changed(5, { quota: 50, expiresAt: now + 10 }));
    expect(rules.find("reads")?.quota).toBe(50);
    at = now + 10;
    expect(rules.all().get("reads")).toEqual({ ...filed, version: null });
  });

  test("of a limit that the file does not have makes none; resets are the view's", () => {
    const rules = rulesWith(new Map());
    rules.hear("none", changed(1, { quota: 1 }));
    expect([rules.find("none"), rules.resets("reads"), rules.current({ waitUntil: () => undefined })]).toEqual([
      undefined,
      7,
      true,
    ]);
  });
});

describe("L6 at the end of a change, by clocks that differ", () => {
  const expiresAt = now + 1_000;
  const version = changed(5, { quota: 50, expiresAt });

  /** An edge whose clock is off, before a limiter that knows the change. */
  class Apart {
    /** By the limiter's clock. */
    at = now;
    readonly #book = new RuleBook(new MemoryLedger());
    readonly #rules: MeshRules;

    constructor(offsetMs: number, viewed: Changed | undefined = version) {
      const view = { limitChange: () => viewed, lastReset: () => 0, current: () => true as const };
      this.#rules = new MeshRules(new Map([["reads", filed]]), view, () => this.at + offsetMs);
      this.#book.newerThan({ version }, now);
    }

    /** Asks as desks do, until the limiter counts: by which quota, and after how many calls. */
    ask(): { readonly quota: unknown; readonly calls: number } {
      for (let calls = 1; calls <= 8; calls += 1) {
        const limit = this.#rules.find("reads");
        const told = this.#book.newerThan({ version: limit?.version ?? null }, this.at);
        if (told === null) return { quota: limit?.quota, calls };
        this.#rules.hear("reads", told);
      }
      throw new Error("expected the limiter and the edge to agree");
    }
  }

  const moments = fc.array(fc.integer({ min: -999, max: 2_000 }), { minLength: 1, maxLength: 9 });
  const inOrder = (times: readonly number[]) => times.toSorted((one, other) => one - other).map((ms) => expiresAt + ms);

  test("L6 an edge that is ahead, however far, counts by the limiter's clock, and asks twice at most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_600_000 }), moments, (offsetMs, times) => {
        const apart = new Apart(offsetMs);
        for (const at of inOrder(times)) {
          apart.at = at;
          const { quota, calls } = apart.ask();
          expect(calls).toBeLessThanOrEqual(2);
          if (at < expiresAt) expect(quota).toBe(50);
          else if (at >= expiresAt + 250) expect(quota).toBe(3);
        }
      }),
    );
  });

  test("L6 an edge that is behind counts under the change as long as its clock says so, and asks once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 250 }), moments, (offsetMs, times) => {
        const apart = new Apart(-offsetMs);
        for (const at of inOrder(times)) {
          apart.at = at;
          expect(apart.ask()).toEqual({ quota: at < expiresAt + offsetMs ? 50 : 3, calls: 1 });
        }
      }),
    );
  });

  test("L6 an edge that knows an older change only is told of the one that has expired, and counts by the file", () => {
    const apart = new Apart(0, changed(4, { quota: 40 }));
    apart.at = expiresAt;
    expect(apart.ask()).toEqual({ quota: 3, calls: 2 });
  });
});
