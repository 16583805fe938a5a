/** The isolate's view: leases counted from sending, one pull for all, and beliefs that no order of answers corrupts. */
import { describe, expect, it } from "vitest";
import type { Cursor, MeshEvent, Page } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { ViewAnswer } from "../../durable-objects/region/contract.ts";
import { Beliefs } from "../../workers/view/beliefs.ts";
import { Invalidations } from "../../workers/view/invalidations.ts";
import type { Marked } from "../../workers/view/marked.ts";
import { nearestFirst, regionOfColo } from "../../workers/view/place.ts";
import { View } from "../../workers/view/view.ts";

const start = 1_750_000_000_000;

function invalidation(seq: number, data: unknown): MeshEvent {
  return { v: 1, seq, id: `event-${seq}`, type: "invalidation", data, at: start };
}

function run(epoch: string, after: number, events: readonly MeshEvent[]): Page {
  const to = after + events.length;
  return { v: 1, epoch, after, to, head: to, events };
}

function reset(epoch: string, floor: number, events: readonly MeshEvent[] = []): Page {
  return { ...run(epoch, floor, events), reset: { floor, retained: [] } };
}

function entry(seq: number, more: Partial<Marked> = {}): Marked {
  return { epoch: "e", seq, host: "api.example", path: "/parts/7?x=1", tags: ["parts"], checkedThrough: seq, ...more };
}

class RegionDouble {
  now = start;
  readonly asked: RegionName[] = [];
  readonly #answers: ((answer: ViewAnswer) => void)[] = [];
  readonly view: View;

  constructor(regions: readonly RegionName[] = ["weur"]) {
    this.view = new View({
      regions,
      clock: () => this.now,
      ask: (region) => {
        this.asked.push(region);
        return new Promise((resolve) => this.#answers.push(resolve));
      },
    });
  }

  current(): true | Promise<boolean> {
    return this.view.current({ waitUntil: (work) => void work });
  }

  answer(answer: ViewAnswer): void {
    this.#answers.shift()?.(answer);
  }

  grant(leaseMs: number, page: Page = reset("e", 0)): void {
    this.answer({ v: 1, kind: "view", leaseMs, page });
  }
}

describe("a view that is renewed for one call's sake", () => {
  it("T3 is pulled anew, beside a lease that lives and a pull that was sent before", async () => {
    const region = new RegionDouble();
    const first = region.current();
    const own = region.view.renewed();
    region.grant(1_000);
    expect(await first).toBe(true);
    expect(region.asked).toHaveLength(2);
    region.grant(1_000, run("e", 0, [invalidation(1, { everything: true })]));
    expect(await own).toBe(true);
    expect(region.view.cursor).toEqual({ epoch: "e", seq: 1 });
  });

  it("T6 proves nothing when no Region answers, though the lease of before lives", async () => {
    const region = new RegionDouble();
    const first = region.current();
    region.grant(1_000);
    await first;
    const own = region.view.renewed();
    region.answer({ v: 1, kind: "not_current" });
    expect(await own).toBe(false);
    expect(region.view.isCurrent()).toBe(true);
  });
});

describe("a view's lease", () => {
  it("E3 runs from when the pull was sent, however late the answer comes", async () => {
    const region = new RegionDouble();
    const waiting = region.current();
    region.now += 900;
    region.grant(1_000);
    expect(await waiting).toBe(true);
    region.now += 99;
    expect(region.view.isCurrent()).toBe(true);
    region.now += 1;
    expect(region.view.isCurrent()).toBe(false);
  });

  it("E3 is not taken when the answer comes after its end", async () => {
    const region = new RegionDouble();
    const waiting = region.current();
    region.now += 1_000;
    region.grant(1_000);
    expect(await waiting).toBe(false);
  });

  it("E3 ends when the clock is seen to step backward, also for a pull that is under way", async () => {
    const region = new RegionDouble();
    const waiting = region.current();
    region.now -= 5_000;
    expect(region.view.isCurrent()).toBe(false);
    region.grant(1_000);
    expect(await waiting).toBe(false);
    region.now = start + 500;
    expect(region.view.isCurrent()).toBe(false);
  });

  it("costs nothing while it lives, and one pull beside the requests past its half", async () => {
    const region = new RegionDouble();
    const waiting = region.current();
    region.grant(1_000);
    await waiting;
    region.now += 500;
    expect(region.current()).toBe(true);
    expect(region.asked).toHaveLength(1);
    region.now += 1;
    expect(region.current()).toBe(true);
    expect(region.current()).toBe(true);
    expect(region.asked).toHaveLength(2);
  });

  it("is pulled once for all who wait", async () => {
    const region = new RegionDouble();
    const all = Array.from({ length: 20 }, async () => await region.current());
    region.grant(1_000);
    expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, () => true));
    expect(region.asked).toHaveLength(1);
  });

  it("comes from the next nearest region when the own one cannot prove that it is current", async () => {
    const region = new RegionDouble(["weur", "eeur", "enam"]);
    const waiting = region.current();
    region.answer({ v: 1, kind: "not_current" });
    await expect.poll(() => region.asked).toEqual(["weur", "eeur"]);
    region.grant(1_000);
    expect(await waiting).toBe(true);
  });
});

describe("beliefs", () => {
  it("E2 are the same for any order and number of pages that continue them", () => {
    const events = [invalidation(1, { tags: ["a"], mode: "purge" }), invalidation(2, { tags: ["b"], mode: "purge" })];
    const beliefs = new Beliefs();
    expect(beliefs.take(reset("e", 0))).toBe(true);
    expect(beliefs.take(run("e", 1, events.slice(1)))).toBe(false);
    expect(beliefs.take(run("e", 0, events))).toBe(true);
    expect(beliefs.take(run("e", 0, events.slice(0, 1)))).toBe(true);
    expect(beliefs.cursor).toEqual({ epoch: "e", seq: 2 });
  });

  it("E3 are not taken back to an older epoch by an answer that was late", () => {
    const beliefs = new Beliefs();
    const old: Cursor = { epoch: "old", seq: 5 };
    beliefs.take(reset("old", 5), null);
    expect(beliefs.take(reset("new", 2), old)).toBe(true);
    expect(beliefs.take(reset("old", 6), old)).toBe(false);
    expect(beliefs.cursor).toEqual({ epoch: "new", seq: 2 });
  });

  it.each([[null], [7], [{}], [{ mode: "purge", patterns: ["x"] }], [{ tags: "parts", mode: "purge" }]])(
    "E4 take an invalidation that they cannot read for one of everything: %j",
    (data) => {
      const beliefs = new Beliefs();
      beliefs.take(reset("e", 0));
      beliefs.take(run("e", 0, [invalidation(1, data)]));
      expect(beliefs.verdictOn(entry(0))).toBe("purged");
      expect(beliefs.verdictOn(entry(1))).toBe("valid");
    },
  );

  it("E4 hold an entry of another epoch for purged", () => {
    const beliefs = new Beliefs();
    beliefs.take(reset("e", 3));
    expect(beliefs.verdictOn(entry(9, { epoch: "other" }))).toBe("purged");
  });
});

describe("an invalidation", () => {
  const hits: readonly (readonly [what: string, data: Parameters<Invalidations["add"]>[1], verdict: string])[] = [
    ["its tag", { tags: ["parts"], mode: "purge" }, "purged"],
    ["its tag, softly", { tags: ["parts"], mode: "stale" }, "stale"],
    ["another tag", { tags: ["part"], mode: "purge" }, "valid"],
    ["its URL on any host", { urls: [{ host: null, path: "/parts/7?x=1" }], mode: "purge" }, "purged"],
    ["its URL on its host", { urls: [{ host: "api.example", path: "/parts/7?x=1" }], mode: "purge" }, "purged"],
    ["its URL on another host", { urls: [{ host: "b.example", path: "/parts/7?x=1" }], mode: "purge" }, "valid"],
    ["its URL without the query", { urls: [{ host: null, path: "/parts/7" }], mode: "purge" }, "valid"],
    ["a prefix on any host", { prefixes: [{ host: null, path: "/parts/" }], mode: "purge" }, "purged"],
    ["a prefix on another host", { prefixes: [{ host: "b.example", path: "/" }], mode: "purge" }, "valid"],
    ["another prefix", { prefixes: [{ host: null, path: "/orders" }], mode: "purge" }, "valid"],
    ["everything", { everything: true, mode: "purge" }, "purged"],
    ["everything, softly", { everything: true, mode: "stale" }, "stale"],
  ];
  it.each(hits)("E4 by %s", (_what, data, verdict) => {
    const known = new Invalidations();
    known.add(5, data);
    expect(known.verdictOn(entry(4))).toBe(verdict);
    expect(known.verdictOn(entry(5))).toBe("valid");
  });

  it("is compared once: an entry that passed is not looked at again until there is a newer one", () => {
    const known = new Invalidations();
    const kept = entry(1);
    known.add(2, { tags: ["other"], mode: "purge" });
    known.verdictOn(kept);
    expect(kept.checkedThrough).toBe(2);
    known.add(3, { prefixes: [{ host: null, path: "/parts" }], mode: "purge" });
    expect(known.verdictOn(kept)).toBe("purged");
    expect(kept.checkedThrough).toBe(2);
  });

  it("E4 stays in effect when its record was forgotten for the bound's sake", () => {
    const known = new Invalidations(100);
    known.add(1, { tags: ["parts"], mode: "purge" });
    for (let seq = 2; seq < 1_000; seq += 1) known.add(seq, { tags: [`tag-${seq}`], mode: "purge" });
    expect(known.size).toBeLessThanOrEqual(100);
    expect(known.verdictOn(entry(0))).toBe("purged");
    expect(known.verdictOn(entry(999))).toBe("valid");
  });
});

describe("a place", () => {
  it("is the nearest region that the mesh has", () => {
    expect(regionOfColo("FRA", "EU", ["enam", "weur", "apac"])).toBe("weur");
    expect(regionOfColo("FRA", "EU", ["enam", "apac"])).toBe("enam");
    expect(regionOfColo("ZZZ", "OC", ["enam", "oc"])).toBe("oc");
    expect(regionOfColo(undefined, undefined, ["apac"])).toBe("apac");
    expect(nearestFirst("weur", ["apac", "enam", "eeur", "weur"])).toEqual(["weur", "eeur", "enam", "apac"]);
  });
});
