/** What operators change of limits and budgets through the mesh API, and what becomes an event of it. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { filedLimit } from "./limit-filed.ts";
import { LimitApiWorld } from "./limit-api-world.ts";

const configured = [
  filedLimit({ name: "jobs", quota: 3 }),
  filedLimit({ name: "bucket", algorithm: "token-bucket", burst: 5 }),
  filedLimit({ name: "closed-bucket", algorithm: "token-bucket", quota: 0, burst: 0 }),
  filedLimit({ name: "at-once", algorithm: "concurrency", windowMs: 10_000 }),
];

afterEach(() => void vi.restoreAllMocks());

const soon = new Date(Date.now() + 3_600_000).toISOString();

describe("a live change", () => {
  test("holds from the next call on, and is told with who, since when and what the file says", async () => {
    const world = new LimitApiWorld(configured);
    const began = Date.now();
    const put = await world.call("PUT /limits/jobs", { quota: 1, mode: "shadow", expiresAt: soon });
    expect(put).toMatchObject({ status: 202, body: { seq: 1, regions: [] } });
    const takes = [{ limit: "jobs", key: "k", cost: 2 }];
    const taken = await world.call("POST /limits/take", { takes });
    expect(taken.body).toMatchObject({ allowed: false, takes: [{ remaining: 1 }] });
    const { body } = await world.call("GET /limits/jobs");
    expect(body).toMatchObject({
      quota: 1,
      windowMs: 60_000,
      mode: "shadow",
      source: "api",
      by: "operations",
      expiresAt: soon,
      file: { quota: 3, windowMs: 60_000, mode: "enforce" },
    });
    expect(Date.parse(String(body["since"]))).toBeGreaterThanOrEqual(began);
  });

  test("is one event, kept as the newest of its limit", async () => {
    const world = new LimitApiWorld(configured);
    await world.call("PUT /limits/bucket?ack=regions&timeoutMs=100", { burst: 9 });
    expect(world.log.events).toMatchObject([
      { type: "limit", retain: "limit/bucket", data: { limit: "bucket", burst: 9, by: "operations" } },
    ]);
    expect(world.log.events[0]?.data).not.toHaveProperty("expiresAt");
    expect(world.log.asked).toEqual([{ ack: "regions", timeoutMs: 100 }]);
  });

  test("replaces the one before it: what it does not name is the file's", async () => {
    const world = new LimitApiWorld(configured);
    await world.call("PUT /limits/jobs", { quota: 1 });
    await world.call("PUT /limits/jobs", { windowMs: 1_000 });
    expect((await world.call("GET /limits/jobs")).body).toMatchObject({ quota: 3, windowMs: 1_000 });
  });

  test("may make a quota a table of plans, or no bound at all", async () => {
    const world = new LimitApiWorld(configured);
    const quota = { claim: "plan", of: { free: 1, pro: "unlimited" }, else: 0 };
    await world.call("PUT /limits/jobs", { quota });
    const refused = await world.call("POST /limits/jobs/take", { key: "k", cost: 2, plan: "free" });
    expect(refused.body).toMatchObject({ allowed: false });
    await world.call("PUT /limits/jobs", { quota: "unlimited" });
    const granted = await world.call("POST /limits/jobs/take", { key: "k", cost: 2, plan: "free" });
    expect(granted.body).toMatchObject({ allowed: true });
  });

  test("is 200 once the asked-for acknowledgement is reached, else 202 with what is pending", async () => {
    const world = new LimitApiWorld(configured);
    const reached = await world.call("PUT /limits/jobs?ack=everywhere", { quota: 1 });
    expect(reached).toMatchObject({ status: 200, body: { regions: [{ region: "weur", state: "applied" }] } });
    world.log.acknowledged = false;
    expect((await world.call("PUT /limits/jobs?ack=everywhere&timeoutMs=0", { quota: 2 })).status).toBe(202);
    expect((await world.call("DELETE /limits/jobs?ack=regions")).status).toBe(202);
  });

  test("that the Log did not take is 503, and one whose answer was lost is 504", async () => {
    const world = new LimitApiWorld(configured);
    world.log.next = "overloaded";
    expect(await world.call("PUT /limits/jobs", { quota: 1 })).toMatchObject({ status: 503 });
    world.log.next = "outcome_unknown";
    const unknown = await world.call("PUT /limits/jobs", { quota: 1 });
    expect(unknown).toMatchObject({ status: 504, body: { code: "outcome_unknown" } });
  });

  const plans = (of: object) => ({ quota: { claim: "plan", of, else: 1 } });
  test.each<readonly [string, string, unknown, string]>([
    ["nothing", "jobs", {}, "body: expected quota, windowMs, burst or mode"],
    ["an end alone", "jobs", { expiresAt: soon }, "body: expected quota, windowMs, burst or mode"],
    ["another algorithm", "jobs", { algorithm: "token-bucket" }, "algorithm: expected no such field"],
    ["a misspelt field", "jobs", { quotta: 1 }, "quotta: expected no such field"],
    ["a negative quota", "jobs", { quota: -1 }, "quota: expected a whole number from 0"],
    ["half a token", "jobs", { quota: 0.5 }, "quota: expected a whole number from 0"],
    ["null", "jobs", { quota: null }, "quota: expected a whole number from 0"],
    ["a quota beyond all", "jobs", { quota: 1_000_000_001 }, "quota: "],
    ["a table without a rest", "jobs", { quota: { claim: "plan", of: { a: 1 } } }, "quota.else: expected "],
    ["a table without plans", "jobs", plans({}), "quota.of: expected "],
    ["a plan without an amount", "jobs", plans({ free: "some" }), "quota.of.free: expected "],
    ["a plan with an endless name", "jobs", plans({ ["x".repeat(5_000)]: 1 }), "expected a plan's name"],
    ["a window of a blink", "jobs", { windowMs: 99 }, "windowMs: expected a whole number from 100"],
    ["a window of a year", "jobs", { windowMs: 31_536_000_000 }, "windowMs: expected a whole number from 100"],
    ["a burst of a window", "jobs", { burst: 5 }, "burst: expected no such setting"],
    ["a burst of nothing", "bucket", { burst: 0 }, "burst: expected a whole number from 1"],
    ["a bucket without a size", "closed-bucket", { quota: 5 }, "burst: expected a whole number from 1"],
    ["an unknown mode", "jobs", { mode: "off" }, 'mode: expected "enforce" or "shadow"'],
    ["an end in the past", "jobs", { quota: 1, expiresAt: "2020-01-01T00:00:00Z" }, "expiresAt: expected an instant"],
    ["an end that no month has", "jobs", { quota: 1, expiresAt: "2999-02-30T00:00:00Z" }, "expiresAt: "],
    ["an end in local time", "jobs", { quota: 1, expiresAt: "2999-01-01T00:00:00+01:00" }, "expiresAt: "],
    ["a day as an end", "jobs", { quota: 1, expiresAt: "2999-01-01" }, "expiresAt: "],
    ["a number as an end", "jobs", { quota: 1, expiresAt: 32_472_144_000_000 }, "expiresAt: "],
    ["a list", "jobs", [], "expected"],
  ])("with %s is malformed, and no event", async (_what, limit, body, detail) => {
    const world = new LimitApiWorld(configured);
    const answer = await world.call(`PUT /limits/${limit}`, body);
    expect([answer.status, answer.body["code"]]).toEqual([400, "malformed_request"]);
    expect(answer.body["detail"]).toContain(detail);
    expect(String(answer.body["detail"]).length).toBeLessThan(500);
    expect(world.log.asked).toEqual([]);
  });

  test.each(["PUT /limits/jobs?ack=all", "PUT /limits/jobs?wait=1", "DELETE /limits/jobs?timeoutMs=-1"])(
    "%s is malformed",
    async (line) => {
      const world = new LimitApiWorld(configured);
      expect((await world.call(line, line.startsWith("PUT") ? { quota: 1 } : undefined)).status).toBe(400);
      expect(world.log.asked).toEqual([]);
    },
  );

  test("of a limit that the file does not have is not found", async () => {
    const world = new LimitApiWorld(configured);
    expect((await world.call("PUT /limits/none", { quota: 1 })).status).toBe(404);
    expect((await world.call("DELETE /limits/none")).status).toBe(404);
    expect(world.log.asked).toEqual([]);
  });
});

describe("taking a change back", () => {
  test("brings the file's rule, and is not found when that holds already", async () => {
    const world = new LimitApiWorld(configured);
    expect((await world.call("DELETE /limits/jobs")).status).toBe(404);
    await world.call("PUT /limits/jobs", { quota: 1 });
    expect(await world.call("DELETE /limits/jobs")).toMatchObject({ status: 202, body: { seq: 2 } });
    expect(world.log.events[1]).toMatchObject({
      type: "limit",
      retain: "limit/jobs",
      data: { limit: "jobs", removed: true, by: "operations" },
    });
    const { body } = await world.call("GET /limits/jobs");
    expect(body).toMatchObject({ quota: 3, source: "file" });
    expect(body).not.toHaveProperty("since");
    expect((await world.call("DELETE /limits/jobs")).status).toBe(404);
  });
});

describe("taking back a change that this edge has not heard of", () => {
  async function behind(): Promise<LimitApiWorld> {
    const world = new LimitApiWorld(configured);
    await world.call("GET /limits/jobs");
    world.desk.isBehind = true;
    return world;
  }

  test("is no mistake: the Log is asked before it is said that there is none", async () => {
    const world = await behind();
    await world.call("PUT /limits/bucket", { burst: 9 });
    await world.call("PUT /limits/jobs", { quota: 1 });
    await world.call("PUT /limits/bucket", { burst: 8 });
    expect((await world.call("GET /limits/jobs")).body).toMatchObject({ source: "file" });
    expect(await world.call("DELETE /limits/jobs")).toMatchObject({ status: 202, body: { seq: 4 } });
    expect(world.log.events[3]?.data).toMatchObject({ limit: "jobs", removed: true });
    expect((await world.call("DELETE /limits/jobs")).status).toBe(404);
    expect((await world.call("DELETE /limits/at-once")).status).toBe(404);
  });

  test("is not found where the change has expired", async () => {
    const world = await behind();
    const data = { limit: "jobs", quota: 1, by: "operations", since: 1, expiresAt: 2 };
    await world.log.publish(null, { id: "a", type: "limit", data }, "none", 0);
    expect((await world.call("DELETE /limits/jobs")).status).toBe(404);
  });

  test("counts what the Log keeps of it, when its events are gone", async () => {
    const world = await behind();
    await world.call("PUT /limits/jobs", { quota: 1 });
    await world.call("PUT /limits/bucket", { burst: 9 });
    world.log.floor = 2;
    expect((await world.call("DELETE /limits/jobs")).status).toBe(202);
  });

  test("is 503 while the Log cannot be asked; a change that is known needs no asking", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const world = new LimitApiWorld(configured);
    await world.call("PUT /limits/jobs", { quota: 1 });
    expect((await world.call("DELETE /limits/jobs")).status).toBe(202);
    expect(world.log.reads).toBe(0);
    world.log.next = "overloaded";
    const unknown = await world.call("DELETE /limits/jobs");
    expect([unknown.status, unknown.headers.get("retry-after")]).toEqual([503, "1"]);
  });
});

describe("a budget", () => {
  test.each([
    "k",
    "2001:db8::/64",
    '["https://i/","t%"]',
    '["a\\"b"]',
    "a/../b",
    "a b+c",
    "%2F",
    "%",
    ";x",
    "ü\u{1F9F5}",
    "?a=b&c#d",
    "...",
  ])("%j is looked at and reset under its percent-encoded text", async (key) => {
    const world = new LimitApiWorld(configured);
    const path = `/limits/jobs/budgets/${encodeURIComponent(key)}`;
    await world.call("POST /limits/jobs/take", { key });
    for (let index = 0; index < 2; index += 1) {
      const { body } = await world.call(`GET ${path}`);
      expect(body).toEqual({ limit: "jobs", key, quota: 3, used: 1, remaining: 2, resetMs: 60_000 });
    }
    const reset = await world.call(`DELETE ${path}`);
    expect(reset).toMatchObject({ status: 202, body: { limit: "jobs", key, used: 0, remaining: 3, seq: 1 } });
    expect((await world.call(`GET ${path}`)).body).toMatchObject({ used: 0 });
    expect(world.desk.forgotten).toEqual([`jobs\n${key}`]);
  });

  test("that is reset becomes an event which does not hold its text", async () => {
    const world = new LimitApiWorld(configured);
    const answer = await world.call("DELETE /limits/jobs/budgets/abc?ack=regions&timeoutMs=7");
    expect(answer).toMatchObject({ status: 200, body: { regions: [{ region: "weur" }] } });
    expect(world.log.events[0]?.type).toBe("limit_reset");
    // FIPS 180-2, appendix B.1.
    expect(world.log.events[0]?.data).toEqual({
      limit: "jobs",
      budget: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    });
    expect(world.log.asked).toEqual([{ ack: "regions", timeoutMs: 7 }]);
  });

  test("that is reset while the Log cannot be reached is told so: the same call may be sent again", async () => {
    const world = new LimitApiWorld(configured);
    await world.call("POST /limits/jobs/take", { key: "k" });
    world.log.next = "overloaded";
    const answer = await world.call("DELETE /limits/jobs/budgets/k");
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(answer.body["detail"]).toContain("the budget was reset");
    expect((await world.call("GET /limits/jobs/budgets/k")).body).toMatchObject({ used: 0 });
  });

  test("of requests at once can be looked at and reset like others", async () => {
    const world = new LimitApiWorld(configured);
    expect((await world.call("GET /limits/at-once/budgets/k")).status).toBe(200);
    expect((await world.call("DELETE /limits/at-once/budgets/k")).status).toBe(202);
  });

  test.each(["%00", "%0A", "%7F", "%C2%85", "%FF", "%ED%A0%80", "k".repeat(513), ".", "%2e%2E", "a%2", "\\"])(
    "%j is none",
    async (key) => {
      const world = new LimitApiWorld(configured);
      expect((await world.call(`GET /limits/jobs/budgets/${key}`)).status).toBe(400);
      expect(world.desk.calls).toBe(0);
    },
  );
});
