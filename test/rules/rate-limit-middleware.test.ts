import { Hono } from "hono";
import { expect, test } from "vitest";
import { rateLimit } from "../../library/hono.ts";
import type { LimitOutcome, LimitRequest, RateLimiter } from "../../library/limit.ts";
import { refusal } from "../../library/refusal.ts";

const admitted: LimitOutcome = { success: true, remaining: 4, resetMs: 1_500, limit: 5, answeredBy: "lease" };
const refusedForEver: LimitOutcome = { ...admitted, success: false, remaining: 0, answeredBy: "limiter" };
const refused: LimitOutcome = { ...refusedForEver, retryAfterMs: 900 };

/** Answers always the same, and keeps what it was asked. */
class Scripted implements RateLimiter {
  readonly name: string;
  readonly policy: string | null;
  readonly asked: LimitRequest[] = [];
  readonly #outcome: LimitOutcome;

  constructor(outcome: LimitOutcome, name = "reads", isShadow = false) {
    this.#outcome = outcome;
    this.name = name;
    this.policy = isShadow ? null : `"${name}";q=5;w=10`;
  }

  async limit(request: LimitRequest): Promise<LimitOutcome> {
    this.asked.push(request);
    return this.#outcome;
  }
}

const byName = { key: () => "alice" };

test("the fields are on the answer, also on one whose head cannot be changed", async () => {
  const app = new Hono().use(rateLimit(new Scripted(admitted), byName)).get("/", () => Response.redirect("http://x/"));
  const { status, headers } = await app.request("/");
  expect(status).toBe(302);
  expect(headers.get("RateLimit-Policy")).toBe('"reads";q=5;w=10');
  expect(headers.get("RateLimit")).toBe('"reads";r=4;t=2');
});

test("the fields are on the answer of a handler that throws", async () => {
  const app = new Hono()
    .use(rateLimit(new Scripted(admitted), byName))
    .get("/", () => {
      throw new Error("the handler's own");
    })
    .onError((_, c) => c.text("sorry", 500));
  const { status, headers } = await app.request("/");
  expect([status, headers.get("RateLimit")]).toEqual([500, '"reads";r=4;t=2']);
});

test("several limits make one list, and the first that refuses ends it", async () => {
  const last = new Scripted(admitted, "last");
  const app = new Hono()
    .use(rateLimit(new Scripted(admitted, "first"), byName))
    .use(rateLimit(new Scripted(refused, "second"), byName))
    .use(rateLimit(last, byName))
    .get("/", (c) => c.text("never"));
  const { status, headers } = await app.request("/");
  expect(status).toBe(429);
  expect(headers.get("RateLimit")).toBe('"second";r=0;t=2, "first";r=4;t=2');
  expect(headers.get("Retry-After")).toBe("1");
  expect(last.asked).toEqual([]);
});

test("a cost that could never pass is refused without Retry-After", async () => {
  const app = new Hono().use(rateLimit(new Scripted(refusedForEver), byName));
  const answer = await app.request("/");
  expect([answer.status, answer.headers.get("Retry-After")]).toEqual([429, null]);
  expect(await answer.json()).toMatchObject({ detail: "the request costs more than the limit reads ever admits" });
});

test("a limiter that could not be asked refuses with 503, and nothing is said of its state", async () => {
  const app = new Hono().use(rateLimit(new Scripted({ ...refused, answeredBy: "fallback" }), byName));
  const { status, headers } = await app.request("/");
  expect([status, headers.get("RateLimit")]).toEqual([503, null]);
  expect(headers.get("RateLimit-Policy")).toBe('"reads";q=5;w=10');
});

test.each<readonly [string, LimitOutcome, number]>([
  ["the quota is used up", refused, 429],
  ["the cost is too large", refusedForEver, 429],
  ["the limiter could not be asked", { ...refused, answeredBy: "fallback" }, 503],
])("`refusal` answers without Hono what the middleware answers: %s", async (_why, outcome, status) => {
  const limiter = new Scripted(outcome);
  const answers = [await new Hono().use(rateLimit(limiter, byName)).request("/"), refusal(limiter, outcome)];
  expect(answers.map((answer) => answer.status)).toEqual([status, status]);
  const [ofMiddleware, own] = await Promise.all(
    answers.map(async (answer) => [Object.fromEntries(answer.headers), await answer.json()]),
  );
  expect(own).toEqual(ofMiddleware);
});

test("in shadow mode nothing is announced", async () => {
  const app = new Hono().use(rateLimit(new Scripted(admitted, "reads", true), byName)).get("/", (c) => c.text("in"));
  const { status, headers } = await app.request("/");
  expect([status, headers.get("RateLimit"), headers.get("RateLimit-Policy")]).toEqual([200, null, null]);
});

test("key and cost come from the context, at once or later", async () => {
  const limiter = new Scripted(admitted);
  const app = new Hono().use(
    rateLimit(limiter, { key: async (c) => c.req.header("name") ?? "nobody", cost: (c) => Number(c.req.query("n")) }),
  );
  await app.request("/?n=3", { headers: { name: "bob" } });
  expect(limiter.asked).toMatchObject([{ key: "bob", cost: 3 }]);
});

test("what is skipped is not counted", async () => {
  const limiter = new Scripted(refused);
  const app = new Hono()
    .use(rateLimit(limiter, { ...byName, skip: (c) => c.req.path === "/health" }))
    .get("/health", (c) => c.json(c.var.rateLimit));
  expect(await (await app.request("/health")).json()).toBeNull();
  expect(limiter.asked).toEqual([]);
});

test("the caller's own refusal that has the fields gets them once", async () => {
  const limiter = new Scripted(refused);
  const onRefused = (_: unknown, outcome: LimitOutcome) => refusal(limiter, outcome);
  const app = new Hono().use(rateLimit(new Scripted(admitted, "all"), byName));
  app.use(rateLimit(limiter, { ...byName, onRefused }));
  const { headers } = await app.request("/");
  expect(headers.get("RateLimit-Policy")).toBe('"reads";q=5;w=10, "all";q=5;w=10');
  expect(headers.get("RateLimit")).toBe('"reads";r=0;t=2, "all";r=4;t=2');
});

test("the caller's own refusal gets the fields too", async () => {
  const onRefused = (_: unknown, { limit }: LimitOutcome) => new Response(`at most ${limit}`, { status: 420 });
  const app = new Hono().use(rateLimit(new Scripted(refused), { ...byName, onRefused }));
  const answer = await app.request("/");
  expect([answer.status, await answer.text()]).toEqual([420, "at most 5"]);
  expect([answer.headers.get("RateLimit"), answer.headers.get("Retry-After")]).toEqual(['"reads";r=0;t=2', "1"]);
});
