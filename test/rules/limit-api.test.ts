import { Hono } from "hono";
import { describe, expect, test, vi } from "vitest";
import type { ApiEnv } from "../../workers/api/call.ts";
import { limits } from "../../workers/api/limits.ts";
import { Refused } from "../../workers/api/refused.ts";
import type { Limit } from "../../workers/config/mesh.ts";
import type { Isolate } from "../../workers/isolate.ts";
import { problemResponse } from "../../workers/problem/problem.ts";
import { limitOf, Wire } from "./limit-wire.ts";

const configured = [
  limitOf({ name: "plan", by: [{ kind: "tenant" }, { kind: "claim", name: "plan" }], windowMs: 1_500 }),
  limitOf({ name: "jobs", by: [{ kind: "key" }], quota: 3 }),
  limitOf({ name: "free", by: [{ kind: "key" }], quota: "unlimited" }),
];

class Api {
  readonly wire: Wire;
  readonly #app = new Hono<ApiEnv>();

  constructor(scopes: readonly string[] = ["mesh:limits"], known: readonly Limit[] = configured) {
    this.wire = new Wire(null, known);
    // A token verifies to whoever this API is tested with.
    const isolate = {
      mesh: { tokens: { issuer: "us" } },
      limits: this.wire.desk,
      tokens: { verify: () => Promise.resolve({ kind: "accepted", identity: { issuer: "us", scopes } }) },
    } as unknown as Isolate;
    this.#app.use(async (c, next) => {
      c.set("isolate", isolate);
      c.set("requestId", "a-request");
      await next();
    });
    this.#app.route("/limits", limits());
    this.#app.onError((error) => {
      if (error instanceof Refused) return problemResponse(error.refusal, "a-request");
      throw error;
    });
  }

  async call(path: string, body?: unknown): Promise<{ status: number; body: unknown; headers: Headers }> {
    const context = { ...this.wire.context, passThroughOnException: () => undefined, props: {} };
    const init =
      body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) };
    const headers = { authorization: "Bearer t" };
    const response = await this.#app.request(`https://mesh.example${path}`, { ...init, headers }, {}, context);
    return { status: response.status, body: await response.json(), headers: response.headers };
  }
}

describe("which limits are in force", () => {
  test("the list is in order of name, and a page ends with the cursor of the next one", async () => {
    const api = new Api(["mesh:read"]);
    const first = await api.call("/limits?limit=2");
    expect(first.body).toMatchObject({ limits: [{ name: "free" }, { name: "jobs" }], cursor: "jobs" });
    const rest = await api.call("/limits?limit=2&cursor=jobs");
    expect(rest.body).toMatchObject({ limits: [{ name: "plan" }] });
    expect(rest.body).not.toHaveProperty("cursor");
  });

  test("a limit is told as the configuration says it", async () => {
    const { body } = await new Api().call("/limits/plan");
    expect(body).toEqual({
      name: "plan",
      by: ["tenant", "claim:plan"],
      algorithm: "fixed-window",
      quota: 3,
      windowMs: 1_500,
      mode: "enforce",
      onError: "closed",
      source: "file",
    });
    expect((await new Api().call("/limits/jobs")).body).toMatchObject({ by: "key" });
  });

  test.each(["/limits/none", "/limits/none/budgets/b", "/limits/free/budgets/b"])("%s is not found", async (path) => {
    expect(await new Api().call(path)).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  test.each(["/limits?limit=0", "/limits?limit=x", "/limits?cursor=%2F", "/limits?more=1", "/limits?limit=1&limit=2"])(
    "%s is malformed",
    async (path) => {
      expect(await new Api().call(path)).toMatchObject({ status: 400, body: { code: "malformed_request" } });
    },
  );
});

describe("taking", () => {
  test("a refusal is an answer: 200, with when to ask again", async () => {
    const api = new Api();
    const granted = await api.call("/limits/jobs/take", { key: "k", cost: 3 });
    expect(granted).toMatchObject({ status: 200, body: { allowed: true, remaining: 0, answeredBy: "limiter" } });
    expect(granted.body).not.toHaveProperty("retryAfterMs");
    const refused = await api.call("/limits/jobs/take", { key: "k" });
    expect(refused).toMatchObject({
      status: 200,
      body: { allowed: false, remaining: 0, answeredBy: "limiter", retryAfterMs: 60_000 },
    });
    expect((await api.call("/limits/jobs/take", { key: "other" })).body).toMatchObject({ allowed: true, remaining: 2 });
  });

  test("nothing is taken for an unlimited limit, and an unknown one is 404", async () => {
    const api = new Api();
    expect((await api.call("/limits/free/take", { key: "k" })).body).toMatchObject({ allowed: true });
    expect(await api.call("/limits/none/take", { key: "k" })).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
    expect(api.wire.calls).toBe(0);
  });

  test("when the limiter cannot be reached the answer says so", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const api = new Api();
    api.wire.faults.push("fails", "fails");
    const { status, body } = await api.call("/limits/jobs/take", { key: "k" });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { allowed: false, answeredBy: "fallback", retryAfterMs: 1_000 },
    });
    api.wire.faults.push("fails", "fails");
    const peeked = await api.call("/limits/jobs/budgets/k");
    expect(peeked).toMatchObject({ status: 503, body: { code: "overloaded" } });
    expect(peeked.headers.get("retry-after")).toBe("1");
    vi.restoreAllMocks();
  });

  test.each([
    "",
    "{",
    "[]",
    { cost: 1 },
    { key: "" },
    { key: "x".repeat(513) },
    { key: "\u00e9".repeat(257) },
    { key: "a\u0000b" },
    { key: 7 },
    { key: "k", cost: -1 },
    { key: "k", cost: 1.5 },
    { key: "k", cost: "1" },
    { key: "k", cost: null },
    { key: "k", cost: 1_000_000_001 },
    { key: "k", costs: 1 },
  ])("%j is malformed and takes nothing", async (body) => {
    const api = new Api();
    expect(await api.call("/limits/jobs/take", body)).toMatchObject({
      status: 400,
      body: { code: "malformed_request" },
    });
    expect(api.wire.calls).toBe(0);
  });
});

test("a budget is looked at under its percent-encoded text, and looking changes nothing", async () => {
  const api = new Api();
  const key = '["https://i/","t%"]';
  await api.call("/limits/jobs/take", { key });
  for (let index = 0; index < 2; index += 1) {
    const { body } = await api.call(`/limits/jobs/budgets/${encodeURIComponent(key)}`);
    expect(body).toMatchObject({ limit: "jobs", key, quota: 3, used: 1, remaining: 2 });
  }
});

test("looking needs mesh:read or mesh:limits, taking mesh:limits", async () => {
  for (const scopes of [["mesh:read"], ["mesh:limits"], ["mesh:admin"]]) {
    expect((await new Api(scopes).call("/limits")).status).toBe(200);
  }
  const stranger = new Api(["mesh:locks"]);
  expect(await stranger.call("/limits")).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect(await stranger.call("/limits/jobs/budgets/k")).toMatchObject({ status: 403 });
  const reader = new Api(["mesh:read"]);
  expect(await reader.call("/limits/jobs/take", { key: "k" })).toMatchObject({ status: 403 });
  expect(reader.wire.calls + stranger.wire.calls).toBe(0);
});
