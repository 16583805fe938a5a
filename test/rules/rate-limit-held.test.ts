/** `rateLimit()` with a limiter of requests at once: what a request holds until its answer has ended. */
import { Hono } from "hono";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { rateLimit } from "../../library/hono.ts";
import { Slots, Tap } from "./limit-slots.ts";

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => void vi.restoreAllMocks());

const byName = { key: () => "alice" };

/** What its handler waits for, and when that has begun. */
function waiting() {
  return { begun: Promise.withResolvers<AbortSignal>(), answer: Promise.withResolvers<Response>() };
}

function waitingApp(slots: Slots, { begun, answer }: ReturnType<typeof waiting>) {
  return new Hono().use(rateLimit(slots, byName)).get("/", (c) => {
    if (c.var.rateLimit !== null) begun.resolve(c.var.rateLimit.signal);
    return answer.promise;
  });
}

test("L1 a request holds its permit while its handler works and until its answer's last byte", async () => {
  const slots = new Slots();
  const handler = waiting();
  const answered = waitingApp(slots, handler).request("/");
  await handler.begun.promise;
  expect(await slots.isFree()).toBe(false);
  const tap = new Tap();
  handler.answer.resolve(new Response(tap.body));
  const answer = await answered;
  expect(await slots.isFree()).toBe(false);
  tap.write("all");
  tap.end();
  expect(await answer.text()).toBe("all");
  expect(await slots.isFree()).toBe(true);
});

test("the fields say the unit and no window, and nobody's guess of when a permit is free", async () => {
  const slots = new Slots();
  const app = new Hono().use(rateLimit(slots, byName)).get("/", (c) => c.text("in"));
  const admitted = await app.request("/");
  expect(admitted.headers.get("RateLimit-Policy")).toBe('"slots";q=1;qu="concurrent-requests"');
  expect(admitted.headers.get("RateLimit")).toBe('"slots";r=0');
  const refused = await app.request("/");
  expect(refused.status).toBe(429);
  expect(refused.headers.get("RateLimit")).toBe('"slots";r=0');
  expect(refused.headers.get("Retry-After")).toBe("1");
  expect(await refused.json()).toMatchObject({
    code: "quota_exceeded",
    detail: "no more than 1 requests run at once under the limit slots",
    "violated-policies": ["slots"],
  });
  await admitted.text();
  expect((await app.request("/")).status).toBe(200);
});

test.each<readonly [string, () => Response]>([
  ["with an error", () => failing(new Error("the handler's own"))],
  ["with something else", () => failing("a text")],
  ["without a body", () => new Response(null, { status: 204 })],
])("a request that ends %s gives its permit back", async (_how, end) => {
  const slots = new Slots();
  const app = new Hono()
    .use(rateLimit(slots, byName))
    .get("/", end)
    .onError((_, c) => c.text("sorry", 500));
  const status = await Promise.resolve(app.request("/")).then(
    async (answer) => {
      await answer.text();
      return answer.status;
    },
    (error: unknown) => error,
  );
  expect([500, "a text", 204]).toContain(status);
  expect(await slots.isFree()).toBe(true);
});

test("L8 a request whose permit ends before it has an answer gets 504, and what its handler makes of that is nothing", async () => {
  const slots = new Slots();
  const handler = waiting();
  const answered = waitingApp(slots, handler).request("/");
  const signal = await handler.begun.promise;
  const late = new Tap();
  signal.addEventListener("abort", () =>
    handler.answer.resolve(new Response(late.body, { headers: { "x-late": "1" } })),
  );
  await slots.endPermits();
  const answer = await answered;
  expect([answer.status, answer.headers.get("x-late")]).toEqual([504, null]);
  expect(await answer.json()).toMatchObject({ status: 504, code: "upstream_timeout" });
  expect(late.cancelled).toBe("without a reason");
  expect(await slots.isFree()).toBe(true);
});

test("L8 a handler that does not listen is not waited for when the permit has ended", async () => {
  const slots = new Slots();
  const handler = waiting();
  const answered = waitingApp(slots, handler).request("/");
  await handler.begun.promise;
  await slots.endPermits();
  expect((await answered).status).toBe(504);
  handler.answer.resolve(new Response("far too late"));
});

test("a request whose client goes away before it has an answer gives its permit back, and its handler hears of it", async () => {
  const slots = new Slots();
  const handler = waiting();
  const client = new AbortController();
  const answered = waitingApp(slots, handler).request("/", { signal: client.signal });
  const signal = await handler.begun.promise;
  client.abort();
  expect(signal.aborted).toBe(true);
  await answered;
  expect(await slots.isFree()).toBe(true);
});

test("L8 an answer that has begun is broken off when the permit ends", async () => {
  const slots = new Slots();
  const tap = new Tap();
  const app = new Hono().use(rateLimit(slots, byName)).get("/", () => new Response(tap.body));
  const answer = await app.request("/");
  const broken = expect(answer.text()).rejects.toThrow("the permit of this request has ended");
  await slots.endPermits();
  await broken;
  expect(tap.cancelled).not.toBeNull();
});

function failing(thrown: unknown): never {
  // Also what is no error, as handlers may.
  throw thrown;
}
