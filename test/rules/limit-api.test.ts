import { describe, expect, test } from "vitest";
import { filedLimit } from "./limit-filed.ts";
import { LimitApiWorld } from "./limit-api-world.ts";

const table = { claim: "plan", of: { free: 10, pro: 1_000, internal: "unlimited" }, else: 2 } as const;

const configured = [
  filedLimit({
    name: "plan",
    by: [{ kind: "tenant" }, { kind: "claim", name: "plan" }],
    quota: table,
    windowMs: 1_500,
  }),
  filedLimit({ name: "jobs", quota: 3 }),
  filedLimit({ name: "free", quota: "unlimited" }),
  filedLimit({
    name: "bucket",
    by: [{ kind: "address" }],
    algorithm: "token-bucket",
    burst: 5,
    methods: new Set(["PUT", "GET"]),
  }),
  filedLimit({ name: "at-once", algorithm: "concurrency", windowMs: 10_000, methods: "write" }),
];

function worldOf(...scopes: readonly string[]): LimitApiWorld {
  return new LimitApiWorld(configured, scopes.length === 0 ? ["mesh:limits"] : scopes);
}

const malformed = { status: 400, body: { code: "malformed_request" } };

describe("which limits are in force", () => {
  test("the list is in order of name, and a page ends with the cursor of the next one", async () => {
    const world = worldOf("mesh:read");
    const first = await world.call("GET /limits?limit=2");
    expect(first.body).toMatchObject({ limits: [{ name: "at-once" }, { name: "bucket" }], cursor: "bucket" });
    const rest = await world.call("GET /limits?limit=3&cursor=bucket");
    expect(rest.body).toMatchObject({ limits: [{ name: "free" }, { name: "jobs" }, { name: "plan" }] });
    expect(rest.body).not.toHaveProperty("cursor");
  });

  test("a limit that nobody changed is told as the file says it", async () => {
    const world = worldOf();
    expect((await world.call("GET /limits/plan")).body).toEqual({
      name: "plan",
      countedBy: ["tenant", "claim:plan"],
      algorithm: "fixed-window",
      quota: table,
      windowMs: 1_500,
      mode: "enforce",
      onError: "closed",
      timeoutMs: 1_000,
      source: "file",
    });
    expect((await world.call("GET /limits/bucket")).body).toMatchObject({
      countedBy: "address",
      burst: 5,
      methods: ["GET", "PUT"],
      prefix: { ipv4: 32, ipv6: 64 },
    });
    expect((await world.call("GET /limits/at-once")).body).toMatchObject({ methods: "write" });
  });

  test.each([
    "GET /limits/none",
    "GET /limits/none/budgets/b",
    "GET /limits/free/budgets/b",
    "GET /limits/none/counts",
  ])("%s is not found", async (line) => {
    expect(await worldOf().call(line)).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  test.each([
    "GET /limits?limit=0",
    "GET /limits?limit=x",
    "GET /limits?cursor=-",
    "GET /limits?more=1",
    "GET /limits?limit=1&limit=2",
    "GET /limits/jobs?more=1",
    "GET /limits/jobs/counts?more=1",
    "GET /limits/jobs/budgets/b?ack=none",
    "GET /limits/jobs/budgets/b?plan=",
  ])("%s is malformed", async (line) => {
    expect(await worldOf().call(line)).toMatchObject(malformed);
  });

  test("the counts of a limit are what its limiters were told", async () => {
    const world = worldOf("mesh:read");
    expect((await world.call("GET /limits/jobs/counts")).body).toEqual({
      limit: "jobs",
      allowed: 5,
      refused: 2,
      nearLimit: 1,
    });
  });
});

describe("taking", () => {
  test("a refusal is an answer: 200, with when to ask again", async () => {
    const world = worldOf();
    const granted = await world.call("POST /limits/jobs/take", { key: "k", cost: 3 });
    expect(granted).toMatchObject({ status: 200, body: { allowed: true, remaining: 0, answeredBy: "limiter" } });
    expect(granted.body).not.toHaveProperty("retryAfterMs");
    const refused = await world.call("POST /limits/jobs/take", { key: "k" });
    expect(refused.status).toBe(200);
    expect(refused.body).toEqual({
      allowed: false,
      remaining: 0,
      resetMs: 60_000,
      retryAfterMs: 60_000,
      answeredBy: "limiter",
    });
    expect((await world.call("POST /limits/jobs/take", { key: "other" })).body).toMatchObject({ remaining: 2 });
  });

  test.each([
    ["free", 10],
    ["pro", 1_000],
    ["internal", "unlimited"],
    ["unheard of", 2],
    ["constructor", 2],
    [undefined, 2],
  ])("of a table the plan %j has %j", async (plan, amount) => {
    const world = worldOf();
    await world.call("POST /limits/plan/take", { key: "k", plan });
    expect(world.desk.plansAsked).toEqual([amount]);
  });

  test("when the limiter cannot be reached the answer says so", async () => {
    const world = worldOf();
    world.desk.isReachable = false;
    expect(await world.call("POST /limits/jobs/take", { key: "k" })).toMatchObject({
      status: 200,
      body: { allowed: false, answeredBy: "fallback", retryAfterMs: 1_000 },
    });
  });

  test("permits for requests at once cannot be taken, because nobody would give them back", async () => {
    const world = worldOf();
    const calls: readonly (readonly [string, unknown, string])[] = [
      ["POST /limits/at-once/take", { key: "k" }, "name: expected a limit of tokens"],
      ["POST /limits/at-once/reserve", { key: "k", cost: 1 }, "name: expected a limit of tokens"],
      ["POST /limits/take", { takes: [{ limit: "at-once", key: "k" }] }, "takes.0.limit: expected a limit of tokens"],
    ];
    for (const [line, body, detail] of calls) {
      const answer = await world.call(line, body);
      expect(answer).toMatchObject(malformed);
      expect(answer.body["detail"]).toContain(detail);
    }
    expect(world.desk.calls).toBe(0);
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
    { key: "k", plan: "" },
    { key: "k", plan: 1 },
  ])("%j is malformed and takes nothing", async (body) => {
    const world = worldOf();
    expect(await world.call("POST /limits/jobs/take", body)).toMatchObject(malformed);
    expect(world.desk.calls).toBe(0);
  });
});

describe("taking of several limits", () => {
  test("L4 all are taken from, or none", async () => {
    const world = worldOf();
    const takes = [
      { limit: "plan", key: "k", cost: 2, plan: "free" },
      { limit: "jobs", key: "k", cost: 2 },
    ];
    const first = await world.call("POST /limits/take", { takes });
    expect(first.body).toMatchObject({
      allowed: true,
      takes: [
        { limit: "plan", key: "k", allowed: true, remaining: 8, answeredBy: "limiter" },
        { limit: "jobs", key: "k", allowed: true, remaining: 1 },
      ],
    });
    const second = await world.call("POST /limits/take", { takes });
    expect(second).toMatchObject({ status: 200, body: { allowed: false } });
    expect(second.body["takes"]).toEqual([
      { limit: "plan", key: "k", allowed: null },
      {
        limit: "jobs",
        key: "k",
        allowed: false,
        remaining: 1,
        resetMs: 60_000,
        retryAfterMs: 60_000,
        answeredBy: "limiter",
      },
    ]);
    expect((await world.call("GET /limits/plan/budgets/k?plan=free")).body).toMatchObject({ used: 2 });
  });

  const take = { limit: "jobs", key: "k" };
  test.each([
    ["nothing", {}, "takes: "],
    ["an empty list", { takes: [] }, "takes: expected a list of 1 to 16"],
    ["too many", { takes: Array.from({ length: 17 }, (_, n) => ({ limit: "jobs", key: `${n}` })) }, "takes: "],
    ["no list", { takes: take }, "takes: expected a list of 1 to 16"],
    ["a budget twice", { takes: [take, { ...take, cost: 2 }] }, "takes.1: expected each limit and key once"],
    ["a name that is none", { takes: [{ ...take, limit: "Jobs" }] }, "takes.0.limit: "],
    ["an unknown field", { takes: [take, { ...take, key: "l", costs: 1 }] }, "takes.1.costs: expected no such field"],
    ["a negative cost", { takes: [{ ...take, cost: -1 }] }, "takes.0.cost: "],
  ])("%s is malformed, and takes nothing", async (_what, body, detail) => {
    const world = worldOf();
    const answer = await world.call("POST /limits/take", body);
    expect(answer).toMatchObject(malformed);
    expect(answer.body["detail"]).toContain(detail);
    expect(world.desk.calls).toBe(0);
  });

  test("a limit that does not exist is named, and nothing is taken of the others", async () => {
    const world = worldOf();
    const answer = await world.call("POST /limits/take", { takes: [take, { ...take, limit: "none" }] });
    expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(answer.body["detail"]).toContain("takes.1.limit: ");
    expect(world.desk.calls).toBe(0);
  });
});

describe("reserving and settling", () => {
  async function reserve(world: LimitApiWorld, limit: string, body: object): Promise<string> {
    const { body: answer } = await world.call(`POST /limits/${limit}/reserve`, body);
    return String(answer["reservation"]);
  }

  test.each([
    [1, { charged: 0, returned: 1, remaining: 2 }],
    [2, { charged: 0, returned: 0, remaining: 1 }],
    [9, { charged: 7, returned: 0, remaining: 0 }],
    [0, { charged: 0, returned: 2, remaining: 3 }],
  ])("of 2 reserved tokens, work that cost %i settles the difference", async (cost, settled) => {
    const world = worldOf();
    const reservation = await reserve(world, "jobs", { key: "k", cost: 2 });
    expect((await world.call("POST /limits/jobs/settle", { reservation, cost })).body).toEqual(settled);
    const again = await world.call("POST /limits/jobs/settle", { reservation, cost });
    expect(again).toMatchObject({ status: 200, body: settled });
    const other = await world.call("POST /limits/jobs/settle", { reservation, cost: cost + 1 });
    expect(other).toMatchObject({ status: 409, body: { code: "conflict" } });
  });

  test("what is refused has no reservation, and says when to ask again", async () => {
    const world = worldOf();
    const refused = await world.call("POST /limits/jobs/reserve", { key: "k", cost: 4 });
    expect(refused.status).toBe(200);
    expect(refused.body).toEqual({ allowed: false, remaining: 3, resetMs: 60_000, retryAfterMs: 60_000 });
  });

  test("a reservation carries its budget and plan, however they are written", async () => {
    const world = worldOf();
    const key = '["https://i/","t%","ü\\"\u{1F9F5}"]'.padEnd(400, "\\");
    const reservation = await reserve(world, "plan", { key, cost: 500, plan: "pro", ttlMs: 1_000 });
    const settled = await world.call("POST /limits/plan/settle", { reservation, cost: 400 });
    expect(settled.body).toEqual({ charged: 0, returned: 100, remaining: 600 });
  });

  test("the longest key and plan make a reservation that is taken back", async () => {
    const world = worldOf();
    const asked = { key: "\\".repeat(512), plan: '"'.repeat(768), cost: 1 };
    const reservation = await reserve(world, "plan", asked);
    expect((await world.call("POST /limits/plan/settle", { reservation, cost: 1 })).status).toBe(200);
  });

  test("what is unlimited is reserved and settled without the limiter", async () => {
    const world = worldOf();
    const reservation = await reserve(world, "free", { key: "k", cost: 2 });
    const settled = await world.call("POST /limits/free/settle", { reservation, cost: 1 });
    expect(settled).toMatchObject({ status: 200, body: { charged: 0, returned: 0 } });
    expect(world.desk.calls).toBe(0);
  });

  test("another limit's reservation, and one that has expired, are not found", async () => {
    const world = worldOf();
    const reservation = await reserve(world, "jobs", { key: "k", cost: 2 });
    const elsewhere = await world.call("POST /limits/bucket/settle", { reservation, cost: 1 });
    expect(elsewhere).toMatchObject({ status: 404, body: { code: "not_found" } });
    world.desk.expired = true;
    const late = await world.call("POST /limits/jobs/settle", { reservation, cost: 1 });
    expect(late).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  const encoded = (value: unknown) => btoa(JSON.stringify(value)).replaceAll("=", "");
  const id = "00000000-0000-4000-8000-000000000000";
  test.each([
    "",
    "a",
    "not base64url!",
    `${encoded([id, "k", null])}=`,
    "A".repeat(3_601),
    encoded({}),
    encoded(["id", "k", null]),
    encoded([id, "", null]),
    encoded([id, "k".repeat(513), null]),
    encoded([id, "k\u0000", null]),
    encoded([id, "k", 7]),
    encoded([id]),
    btoa('"\u00ff"'),
    7,
    null,
  ])("%j is no reservation", async (reservation) => {
    const world = worldOf();
    const answer = await world.call("POST /limits/jobs/settle", { reservation, cost: 1 });
    expect(answer).toMatchObject(malformed);
    expect(answer.body["detail"]).toBe("reservation: expected a reservation as it was given");
    expect(world.desk.calls).toBe(0);
  });

  test.each([
    { key: "k" },
    { key: "k", cost: 1, ttlMs: 999 },
    { key: "k", cost: 1, ttlMs: 86_400_001 },
    { key: "k", cost: 1, ttl: 5_000 },
  ])("%j reserves nothing", async (body) => {
    const world = worldOf();
    expect(await world.call("POST /limits/jobs/reserve", body)).toMatchObject(malformed);
    expect(world.desk.calls).toBe(0);
  });
});

test("a call that needs the limiter is 503 when it cannot be reached, with when to try again", async () => {
  const world = worldOf();
  const given = await world.call("POST /limits/jobs/reserve", { key: "k", cost: 1 });
  world.desk.isReachable = false;
  const calls: readonly (readonly [string, unknown?])[] = [
    ["GET /limits/jobs/budgets/k"],
    ["DELETE /limits/jobs/budgets/k"],
    ["GET /limits/jobs/counts"],
    ["POST /limits/jobs/reserve", { key: "k", cost: 1 }],
    ["POST /limits/jobs/settle", { reservation: given.body["reservation"], cost: 1 }],
  ];
  for (const [line, body] of calls) {
    const answer = await world.call(line, body);
    expect([line, answer.status, answer.body["code"], answer.headers.get("retry-after")]).toEqual([
      line,
      503,
      "overloaded",
      "1",
    ]);
  }
  expect(world.log.events).toEqual([]);
});

test("looking needs mesh:read or mesh:limits, everything else mesh:limits", async () => {
  for (const scope of ["mesh:read", "mesh:limits", "mesh:admin"]) {
    expect((await worldOf(scope).call("GET /limits")).status).toBe(200);
  }
  const stranger = worldOf("mesh:locks");
  for (const line of ["GET /limits", "GET /limits/jobs", "GET /limits/jobs/counts", "GET /limits/jobs/budgets/k"]) {
    expect(await stranger.call(line)).toMatchObject({ status: 403, body: { code: "forbidden" } });
  }
  const reader = worldOf("mesh:read");
  const doing: readonly (readonly [string, unknown?])[] = [
    ["PUT /limits/jobs", { quota: 1 }],
    ["DELETE /limits/jobs"],
    ["POST /limits/jobs/take", { key: "k" }],
    ["POST /limits/take", { takes: [{ limit: "jobs", key: "k" }] }],
    ["POST /limits/jobs/reserve", { key: "k", cost: 1 }],
    ["POST /limits/jobs/settle", { reservation: "r", cost: 1 }],
    ["DELETE /limits/jobs/budgets/k"],
  ];
  for (const [line, body] of doing) {
    expect(await reader.call(line, body)).toMatchObject({ status: 403, body: { code: "forbidden" } });
  }
  expect(reader.desk.calls + stranger.desk.calls + reader.log.asked.length).toBe(0);
});
