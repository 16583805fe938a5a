import { parseList } from "structured-headers";
import { describe, expect, test, vi } from "vitest";
import type { Route, RouteLimit } from "../../workers/config/mesh.ts";
import type { LimitInForce } from "../../workers/limit/taken.ts";
import { limit as limitStep } from "../../workers/gate/limits.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import type { Refusal } from "../../workers/problem/problem.ts";
import { limitOf, Wire } from "./limit-wire.ts";

const reads = limitOf({ name: "reads", quota: 3, windowMs: 1_000 });
const plan = limitOf({ name: "plan", quota: 10, windowMs: 60_000, by: [{ kind: "tenant" }] });

function routeOf(...limits: LimitInForce[]): Route {
  const routed = limits.map((limit): RouteLimit => ({ limit, cost: 1, costHeader: null }));
  return { name: "GET /*", limits: routed } as unknown as Route;
}

interface Gone {
  readonly refusal: Refusal | null;
  readonly head: Readonly<Record<string, string>>;
}

async function pass(wire: Wire, route: Route, more: Partial<Passage> = {}): Promise<Gone> {
  const head: Record<string, string> = {};
  for (const { limit } of route.limits)
    if (!wire.limits.has(limit.name)) wire.limits.set(limit.name, { ...limit, version: null });
  const passage = {
    fields: new Map<string, string>(),
    isolate: { limits: wire.desk, partitionKeys: { parameterOf: () => "" } },
    context: wire.context,
    now: wire.now,
    route,
    address: "192.0.2.1",
    isExempt: false,
    request: { method: "GET" },
    asks: [],
    identity: null,
    head,
    ...more,
  } as unknown as Passage;
  const result = await limitStep(passage);
  await wire.settle();
  if (result instanceof Response) throw new Error("expected no answer of its own");
  return { refusal: result, head };
}

function items(field: string | undefined): [unknown, Record<string, unknown>][] {
  return parseList(field ?? "").map(([value, parameters]) => [value, Object.fromEntries(parameters)]);
}

describe("the answer's head", () => {
  test("policies and states parse as structured lists, in order of name", async () => {
    const { refusal, head } = await pass(new Wire(), routeOf(reads, plan));
    expect(refusal).toBeNull();
    expect(items(head["RateLimit-Policy"])).toEqual([
      ["plan", { q: 10, w: 60 }],
      ["reads", { q: 3, w: 1 }],
    ]);
    expect(items(head["RateLimit"])).toEqual([
      ["plan", { r: 9, t: 60 }],
      ["reads", { r: 2, t: 1 }],
    ]);
  });

  test("a window that is not of whole seconds has no w, and t is rounded up", async () => {
    const { head } = await pass(new Wire(), routeOf({ ...reads, windowMs: 1_500 }));
    expect(items(head["RateLimit-Policy"])).toEqual([["reads", { q: 3 }]]);
    expect(items(head["RateLimit"])).toEqual([["reads", { r: 2, t: 2 }]]);
  });

  test("a route without limits, with unlimited ones only, or an exempt address says nothing and calls nobody", async () => {
    const wire = new Wire();
    expect((await pass(wire, routeOf())).head).toEqual({});
    expect((await pass(wire, routeOf(limitOf({ quota: "unlimited" })))).head).toEqual({});
    expect((await pass(wire, routeOf(reads), { isExempt: true })).head).toEqual({});
    expect(wire.calls).toBe(0);
  });

  test("shadow limits count, refuse nothing and are not announced", async () => {
    const wire = new Wire();
    const shadow = limitOf({ mode: "shadow", quota: 1 });
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    for (let index = 0; index < 3; index += 1)
      expect(await pass(wire, routeOf(shadow))).toEqual({ refusal: null, head: {} });
    expect(wire.used(shadow, "192.0.2.1")).toBe(1);
    vi.restoreAllMocks();
  });
});

describe("refusals", () => {
  test("429 names the violated policy and does not ask to come before the window ends", async () => {
    const wire = new Wire();
    for (let index = 0; index < 3; index += 1) await pass(wire, routeOf(reads));
    for (const elapsed of [0, 1, 999]) {
      wire.now += elapsed;
      const { refusal, head } = await pass(wire, routeOf(reads));
      expect(refusal).toMatchObject({ code: "quota_exceeded", members: { "violated-policies": ["reads"] } });
      const t = Number(items(head["RateLimit"])[0]?.[1]["t"]);
      expect(Number(refusal?.headers?.["Retry-After"])).toBeGreaterThanOrEqual(Math.max(1, t));
      wire.now -= elapsed;
    }
  });

  test("L4 what earlier limits charged goes back when a later one refuses", async () => {
    const wire = new Wire();
    for (let index = 0; index < 3; index += 1) await pass(wire, routeOf(reads));
    // The quota is used up, and nobody here has been refused yet: the deny cache knows nothing.
    const { refusal } = await pass(wire, routeOf(plan, reads));
    await wire.settle();
    expect(refusal?.code).toBe("quota_exceeded");
    expect(wire.used(plan, "192.0.2.1")).toBe(0);
    expect(wire.used(reads, "192.0.2.1")).toBe(3);
  });

  test("L4 a limit that is known to refuse spares the others a charge and a call", async () => {
    const wire = new Wire();
    for (let index = 0; index < 4; index += 1) await pass(wire, routeOf(reads));
    const calls = wire.calls;
    const { refusal, head } = await pass(wire, routeOf(plan, reads));
    expect(refusal).toMatchObject({ code: "quota_exceeded", members: { "violated-policies": ["reads"] } });
    expect(wire.calls).toBe(calls);
    expect(items(head["RateLimit-Policy"]).map(([name]) => name)).toEqual(["plan", "reads"]);
    expect(items(head["RateLimit"]).map(([name]) => name)).toEqual(["reads"]);
  });

  test("L8 an unreachable limiter is 503 with Retry-After when closed, and no made-up state when open", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const wire = new Wire();
    wire.faults.push("fails", "fails");
    const closed = await pass(wire, routeOf(reads));
    expect(closed.refusal).toMatchObject({ code: "overloaded", headers: { "Retry-After": "1" } });
    const other = new Wire();
    other.faults.push("fails", "fails");
    const open = await pass(other, routeOf({ ...reads, onError: "open" }));
    expect(open.refusal).toBeNull();
    expect(open.head["RateLimit"]).toBeUndefined();
    expect(items(open.head["RateLimit-Policy"])).toHaveLength(1);
    vi.restoreAllMocks();
  });
});

describe("preflights that go on to the upstream", () => {
  const preflight = {
    request: { method: "OPTIONS" },
    fields: new Map([
      ["origin", "https://app.example.com"],
      ["access-control-request-method", "PUT"],
    ]),
  } as unknown as Partial<Passage>;

  test.each([
    ["by address", {}, 1],
    ["by route", { by: [{ kind: "route" }] }, 1],
    ["by address and route", { by: [{ kind: "address" }, { kind: "route" }] }, 1],
    ["of reads", { methods: new Set(["GET", "OPTIONS"]) }, 1],
    ["of writes", { methods: "write" }, 0],
    ["by subject", { by: [{ kind: "subject" }] }, 0],
    ["by address and tenant", { by: [{ kind: "address" }, { kind: "tenant" }] }, 0],
    ["by a header", { by: [{ kind: "header", name: "x-app" }] }, 0],
    ["by plan", { quota: { claim: "plan", of: { pro: 9 }, else: 1 } }, 0],
  ] as const)("cost what is counted %s, and nothing where a limit needs to know who asks", async (_by, more, cost) => {
    const limit = limitOf({ quota: 2, ...more });
    const refusals: (string | null)[] = [];
    const wire = new Wire();
    for (let index = 0; index < 3; index += 1) {
      refusals.push((await pass(wire, routeOf(limit), preflight)).refusal?.code ?? null);
    }
    expect(refusals).toEqual(cost === 1 ? [null, null, "quota_exceeded"] : [null, null, null]);
    expect(wire.calls > 0).toBe(cost === 1);
  });

  test("do not make other requests of their route pass uncounted", async () => {
    const wire = new Wire();
    const route = routeOf(limitOf({ by: [{ kind: "subject" }], quota: 1 }));
    await pass(wire, route, preflight);
    const options = { request: { method: "OPTIONS" } } as unknown as Partial<Passage>;
    const codes = [await pass(wire, route, options), await pass(wire, route, options)].map(
      (gone) => gone.refusal?.code,
    );
    expect(codes).toEqual([undefined, "quota_exceeded"]);
  });
});
