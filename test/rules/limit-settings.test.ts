import { readsAndWrites, type MeshConfig } from "selvedge";
import { describe, expect, expectTypeOf, test } from "vitest";
import type * as v from "valibot";
import { compile } from "../../workers/config/compile.ts";
import type { limitSchema } from "../../workers/config/limit-schema.ts";
import type { Limit } from "../../workers/config/mesh.ts";
import { countsMethod } from "../../workers/limit/counted-methods.ts";
import { limit, route, withRoute, withTop, type Settings } from "../support/configurations.ts";

function compiled(more: Settings = {}): Limit {
  const found = compile(withTop({ limits: { reads: { ...limit, ...more } } })).limits.get("reads");
  if (found === undefined) throw new Error("expected the limit reads: received none");
  return found;
}

const plans = { claim: "plan", of: { free: 10, pro: 1_000, internal: "unlimited" }, else: 20 };

describe("a limit", () => {
  test("has the careful defaults", () => {
    expect(compiled()).toEqual({
      name: "reads",
      by: [{ kind: "address" }],
      algorithm: "fixed-window",
      quota: 10,
      windowMs: 1_000,
      burst: 0,
      mode: "enforce",
      onError: "closed",
      timeoutMs: 1_000,
      methods: null,
      prefix: { ipv4: 32, ipv6: 64 },
    });
  });

  test.each([
    ["fixed-window", 1_000, 0],
    ["sliding-window", 1_000, 0],
    ["token-bucket", 1_000, 10],
  ])("may count by %s", (algorithm, windowMs, burst) => {
    expect(compiled({ algorithm })).toMatchObject({ algorithm, windowMs, burst, quota: 10 });
  });

  test("of requests at once has permits that live ten seconds unless they are renewed, or as long as it says", () => {
    const { windowMs: _, ...timeless } = limit;
    const permits = { ...timeless, algorithm: "concurrency" };
    const found = compile(withTop({ limits: { one: permits, other: { ...permits, windowMs: 5_000 } } })).limits;
    expect(found.get("one")).toMatchObject({ algorithm: "concurrency", quota: 10, windowMs: 10_000, burst: 0 });
    expect(found.get("other")).toMatchObject({ windowMs: 5_000 });
  });

  test("has a bucket of its quota's size, of the largest number in a table, or of the size it says", () => {
    const bucket = { algorithm: "token-bucket" };
    expect(compiled({ ...bucket, quota: plans }).burst).toBe(1_000);
    expect(compiled({ ...bucket, quota: { ...plans, of: { internal: "unlimited" } } }).burst).toBe(20);
    expect(compiled({ ...bucket, quota: 0 }).burst).toBe(0);
    expect(compiled({ ...bucket, burst: 7 }).burst).toBe(7);
    expect(compiled({ ...bucket, quota: "unlimited", burst: 7 }).burst).toBe(7);
  });

  test("has a bucket of one token where no quota is a number to take", () => {
    const bucket = { algorithm: "token-bucket" };
    expect(compiled({ ...bucket, quota: "unlimited" }).burst).toBe(1);
    expect(compiled({ ...bucket, quota: { claim: "plan", of: { free: "unlimited" }, else: "unlimited" } }).burst).toBe(
      1,
    );
    expect(compiled({ ...bucket, quota: { claim: "plan", of: { free: "unlimited" }, else: 0 } }).burst).toBe(1);
  });

  test("keeps its table as it was written, apart from what its writer holds", () => {
    const written = { claim: "plan", of: Object.fromEntries([["__proto__", 3], ...Object.entries(plans.of)]), else: 0 };
    const { quota } = compiled({ quota: written });
    expect(quota).toEqual(written);
    expect(quota).toSatisfy((kept: Settings) => Object.hasOwn(kept["of"] as object, "__proto__"));
    expect(quota).toSatisfy((kept: Settings) => Object.isFrozen(kept["of"]));
    expect(Object.isFrozen(written.of)).toBe(false);
  });

  test("counts the methods that it names", () => {
    expect(compiled({ methods: ["GET", "PROPFIND"] }).methods).toEqual(new Set(["GET", "PROPFIND"]));
  });

  test("may say one half of a prefix", () => {
    expect(compiled({ prefix: { ipv6: 48 } }).prefix).toEqual({ ipv4: 32, ipv6: 48 });
  });

  test.each([
    [{ onError: "open", timeoutMs: 50 }],
    [{ onError: "leased", timeoutMs: 10_000 }],
    [{ mode: "shadow", prefix: { ipv4: 8, ipv6: 16 } }],
    [{ windowMs: 2_678_400_000, quota: 1_000_000_000 }],
  ])("may have settings at their bounds: %j", (more) => {
    expect(compiled(more)).toMatchObject(more);
  });
});

describe("a route's limits", () => {
  const use = (limits: readonly unknown[], more: Settings = {}) =>
    compile(withRoute({ limits }, { limits: { reads: { ...limit, ...more }, other: limit } })).routes[0]?.limits;

  test("cost one token and settle nothing unless they say otherwise", () => {
    expect(use(["reads", { name: "other" }])).toMatchObject([
      { limit: { name: "reads" }, cost: 1, costHeader: null },
      { limit: { name: "other" }, cost: 1, costHeader: null },
    ]);
    expect(use([{ name: "reads", cost: 10, costHeader: "X-Cost" }])).toMatchObject([
      { cost: 10, costHeader: "x-cost" },
    ]);
    expect(use([{ name: "reads", cost: 0 }])).toMatchObject([{ cost: 0 }]);
  });

  test("may cost whatever somebody may use", () => {
    const dear = [{ name: "reads", cost: 1_000_000_000 }];
    expect(use(dear, { quota: "unlimited" })).toHaveLength(1);
    expect(use(dear, { quota: plans })).toHaveLength(1);
    expect(use([{ name: "reads", cost: 50 }], { algorithm: "token-bucket", burst: 50 })).toHaveLength(1);
  });

  test("may admit nobody: a quota of 0 is no mistake", () => {
    expect(use(["reads"], { quota: 0 })).toHaveLength(1);
    expect(use(["reads"], { quota: 0, algorithm: "token-bucket" })).toHaveLength(1);
  });

  test("are the mesh's own, not copies", () => {
    const mesh = compile(withRoute({ limits: ["reads"] }, { limits: { reads: limit } }));
    expect(mesh.routes[0]?.limits[0]?.limit).toBe(mesh.limits.get("reads"));
  });
});

describe("the whole mesh", () => {
  test("guards logins, and has no cap of cost unless it is set", () => {
    const mesh = compile(withTop({}));
    expect(mesh.loginGuard).toEqual({ failures: 5, windowMs: 10_000 });
    expect(mesh.costCap).toBeNull();
  });

  test("may guard otherwise, and may be capped", () => {
    const mesh = compile(withTop({ loginGuard: { failures: 3 }, costCap: { callsPerDay: 1_000_000_000_000 } }));
    expect(mesh.loginGuard).toEqual({ failures: 3, windowMs: 10_000 });
    expect(mesh.costCap).toEqual({ callsPerDay: 1_000_000_000_000 });
    expect(Object.isFrozen(mesh.loginGuard)).toBe(true);
  });
});

describe("reads and writes", () => {
  const countsOf = (options?: Parameters<typeof readsAndWrites>[0]) => {
    const { limits, routes } = compile(
      withTop({ limits: { ...readsAndWrites(options) }, routes: [{ ...route, limits: ["reads", "writes"] }] }),
    );
    expect(routes[0]?.limits.map(({ limit: one }) => one.name)).toEqual(["reads", "writes"]);
    return [...limits.values()];
  };

  test("A1 are 200 and 50 a second by address, each with its own methods", () => {
    expect(countsOf()).toMatchObject([
      { name: "reads", by: [{ kind: "address" }], algorithm: "fixed-window", quota: 200, windowMs: 1_000 },
      { name: "writes", by: [{ kind: "address" }], algorithm: "fixed-window", quota: 50, windowMs: 1_000 },
    ]);
  });

  test.each([
    ..."GET HEAD OPTIONS PROPFIND QUERY REPORT SEARCH".split(" ").map((method) => [method, "reads"] as const),
    ..."POST PUT PATCH DELETE MKCOL COPY MOVE LOCK PROPPATCH PURGE SUBSCRIBE BREW get"
      .split(" ")
      .map((method) => [method, "writes"] as const),
  ])("leave no method out: %s is one of %s", (method, name) => {
    const counting = countsOf().filter(({ methods }) => countsMethod(methods, method));
    expect(counting.map((one) => one.name)).toEqual([name]);
  });

  test("may be as many as one says", () => {
    expect(countsOf({ reads: 1_000, windowMs: 60_000 })).toMatchObject([
      { quota: 1_000, windowMs: 60_000 },
      { quota: 50, windowMs: 60_000 },
    ]);
  });
});

test("limits are typed for their writer as they are checked", () => {
  type Written = NonNullable<MeshConfig["limits"]>[string];
  expectTypeOf<Extract<Written, { algorithm: "token-bucket" }>["burst"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<"burst">().not.toExtend<keyof Exclude<Written, { algorithm: "token-bucket" }>>();
  expectTypeOf<keyof Extract<Written, { algorithm: "token-bucket" }>>().toEqualTypeOf<
    keyof v.InferOutput<typeof limitSchema>
  >();
});
