/** Limits of requests at once, over sockets: what runs at the origin never exceeds the quota, and every permit comes back. */
import { once } from "node:events";
import { type ClientRequest, request as httpRequest } from "node:http";
import { join } from "node:path";
import { parseList } from "structured-headers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { LocalMesh } from "../../local/mesh.ts";
import { BusyOrigin } from "../support/busy-origin.ts";
import { spawnMesh, startMesh } from "../support/mesh.ts";

const configFile = join(import.meta.dirname, "concurrency.config.ts");
const quota = 10;
/** How long permits of a dead isolate may be missing, with the object's guard and a margin, ms. */
const patience = { timeout: 25_000, interval: 100 };

function call(url: string, path: string, pool: string): Promise<Response> {
  return fetch(`${url}${path}`, { headers: { "x-pool": pool } });
}

/** `count` calls at once, each to the next of the mesh's edges. */
function spread(urls: readonly string[], count: number, path: string, pool: string): readonly Promise<Response>[] {
  return Array.from({ length: count }, (_, index) => call(urls[index % urls.length] ?? "", path, pool));
}

/** The statuses of those that are answered by now. */
function answersOf(calls: readonly Promise<Response>[]): readonly number[] {
  const statuses: number[] = [];
  for (const each of calls) each.then(({ status }) => statuses.push(status)).catch(() => statuses.push(0));
  return statuses;
}

/** The items of a list field, each with its parameters. */
function itemsOf(answer: Response, field: string): readonly Readonly<Record<string, unknown>>[] {
  return parseList(answer.headers.get(field) ?? "").map(([name, parameters]) => ({
    name: String(name),
    ...(Object.fromEntries(parameters) as Record<string, unknown>),
  }));
}

/** A call whose client can be taken away. */
function begin(url: string, path: string, pool: string): ClientRequest {
  const { hostname, port } = new URL(url);
  const made = httpRequest({ host: hostname, port, path, headers: { "x-pool": pool }, agent: false });
  made.on("error", () => undefined);
  made.end();
  return made;
}

describe("of a mesh of three regions", () => {
  let origin: BusyOrigin;
  let mesh: LocalMesh;
  let urls: readonly string[];

  beforeAll(async () => {
    origin = await BusyOrigin.start();
    mesh = await startMesh({ configFile, origins: { "*": origin.url }, faults: true });
    urls = mesh.edges.map(({ url }) => url);
  });
  afterAll(async () => {
    await mesh.stop();
    await origin[Symbol.asyncDispose]();
  });
  afterEach(() => mesh.faults.clear());

  /** All of the quota can run again: nothing has leaked. */
  async function expectWhole(pool: string): Promise<void> {
    await expect.poll(() => origin.pool(pool).running, patience).toBe(0);
    const calls: Promise<Response>[] = [];
    await expect
      .poll(async () => {
        const missing = quota - origin.pool(pool).running;
        if (missing > 0) calls.push(...spread(urls, missing, "/slots/wait", pool));
        return origin.pool(pool).running;
      }, patience)
      .toBe(quota);
    origin.release(pool);
    await Promise.all(calls.map(async (each) => (await each).text()));
  }

  test("L1 of 60 slow requests at once to three regions, ten run, and as many more as end", async () => {
    const pool = "crowd";
    const first = spread(urls, 60, "/slots/wait", pool);
    const answered = answersOf(first);
    await expect.poll(() => answered.length, patience).toBe(50);
    expect(answered.every((status) => status === 429)).toBe(true);
    // Who is refused hears of it sooner than the origin does of who is not.
    await expect.poll(() => origin.pool(pool).begun, patience).toBe(quota);
    expect(origin.pool(pool)).toMatchObject({ running: quota, peak: quota, begun: quota });
    origin.release(pool, 4);
    await expect.poll(() => answered.filter((status) => status === 200).length, patience).toBe(4);
    await expect.poll(() => origin.pool(pool).running, patience).toBe(6);
    origin.release(pool);
    await Promise.all(first);
    await expectWhole(pool);
    expect(origin.pool(pool).peak).toBe(quota);
  });

  test("a refusal is 429 with the policy that it violates, and when to come again", async () => {
    const pool = "told";
    const calls = spread(urls, 30, "/slots/wait", pool);
    const refused: Response[] = [];
    for (const each of calls) void each.then((answer) => (answer.status === 429 ? refused.push(answer) : 0));
    await expect.poll(() => refused.length, patience).toBe(20);
    for (const answer of refused) {
      expect(await answer.json()).toMatchObject({ code: "quota_exceeded", "violated-policies": ["slots"] });
      expect(answer.headers.get("retry-after")).toBe("1");
      const [policy] = itemsOf(answer, "ratelimit-policy");
      expect(policy).toMatchObject({ name: "slots", q: quota, qu: "concurrent-requests" });
      expect(policy).not.toHaveProperty("w");
      const [state] = itemsOf(answer, "ratelimit");
      expect(state).toMatchObject({ name: "slots", r: 0 });
      expect(state).not.toHaveProperty("t");
    }
    origin.release(pool);
    await Promise.all(calls);
  });

  test("a stream holds its permit until its last byte, over many leases, and then gives it back", async () => {
    const pool = "streams";
    const streams = await Promise.all(spread(urls, quota, "/slots/stream", pool));
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
    // Each of them, and nobody else, outlives two leases of five seconds.
    const until = performance.now() + 11_000;
    await expect
      .poll(
        async () => {
          const [more] = await Promise.all(spread(urls, 1, "/slots/wait", pool));
          expect(more?.status).toBe(429);
          return performance.now() > until;
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(true);
    expect(origin.pool(pool)).toMatchObject({ running: quota, peak: quota });
    origin.release(pool);
    expect(await Promise.all(streams.map((stream) => stream.text()))).toEqual(streams.map(() => "first last"));
    await expectWhole(pool);
  });

  test("an announced length stays announced, with a cache and without", async () => {
    const pool = "announced";
    for (const route of ["slots", "kept"]) {
      const answer = await call(urls[0] ?? "", `/${route}/announced`, pool);
      expect(answer.headers.get("content-length")).toBe("10");
      origin.release(pool);
      expect(await answer.text()).toBe("first last");
    }
    await expectWhole(pool);
  });

  test.each(["slots", "kept"])(
    "permits come back from clients that go away before and after the head (%s)",
    async (route) => {
      const pool = `leavers-${route}`;
      for (const path of [`/${route}/wait`, `/${route}/stream`, `/${route}/wait`]) {
        const calls = urls.flatMap((url) => [begin(url, path, pool), begin(url, path, pool), begin(url, path, pool)]);
        await expect.poll(() => origin.pool(pool).running, patience).toBe(calls.length);
        // By reset: who closes quietly is noticed when something is sent to him, or when the service's time is over.
        for (const each of calls) each.socket?.resetAndDestroy();
        await expect.poll(() => origin.pool(pool).running, patience).toBe(0);
      }
      await expectWhole(pool);
    },
  );

  test("permits come back from clients that go away while they wait for one", async () => {
    const pool = "impatient";
    await mesh.faults.set({ lane: "fetch", to: "Limiter", method: "hold", action: { kind: "delay", ms: 600 } });
    const calls = urls.flatMap((url) => Array.from({ length: 8 }, () => begin(url, "/slots/wait", pool)));
    await expect.poll(async () => (await mesh.faults.calls())["fetch>Limiter.hold"] ?? 0, patience).toBeGreaterThan(0);
    for (const each of calls) each.socket?.resetAndDestroy();
    await mesh.faults.clear();
    await expectWhole(pool);
  });

  test("permits come back when the origin drops the call, breaks off, or fails", async () => {
    const pool = "broken";
    for (let round = 0; round < 3; round += 1) {
      const dropped = await Promise.all(spread(urls, 9, "/slots/drop", pool));
      expect(dropped.every(({ status }) => status === 502 || status === 429)).toBe(true);
    }
    const broken = await Promise.all(spread(urls, 6, "/slots/break", pool));
    origin.release(pool);
    const ends = await Promise.allSettled(broken.map((each) => each.text()));
    expect(ends.every(({ status }) => status === "rejected")).toBe(true);
    await expectWhole(pool);
  });

  test("an answer from the cache holds nothing once it is given, and what fills the cache holds until it is filled", async () => {
    const pool = "kept";
    const [url = ""] = urls;
    await (await call(url, "/kept/fresh", pool)).text();
    const hits = await Promise.all(
      Array.from({ length: 40 }, async () => (await call(url, "/kept/fresh", pool)).status),
    );
    expect(hits.filter((status) => status === 200).length).toBeGreaterThan(quota);
    expect(origin.pool(pool).begun).toBe(1);
    await expectWhole(pool);
  });

  test("a WebSocket holds its permit until it is closed, from either side, and carries what it is given", async () => {
    const pool = "sockets";
    const open = urls.flatMap((url) =>
      [0, 1, 2].map(() => new WebSocket(`${url.replace("http", "ws")}/slots/ws`, { headers: { "x-pool": pool } })),
    );
    await Promise.all(open.map((socket) => once(socket, "open")));
    const [one] = spread(urls, 1, "/slots/wait", pool);
    await expect.poll(() => origin.pool(pool).running, patience).toBe(quota);
    expect((await call(urls[1] ?? "", "/slots/wait", pool)).status).toBe(429);
    const [first, second] = open;
    if (first === undefined || second === undefined) throw new Error("expected sockets");
    for (const data of ["text", Buffer.from([0, 1, 255])]) {
      first.send(data);
      const [echo, isBinary] = (await once(first, "message")) as [Buffer, boolean];
      expect(isBinary ? [...echo] : echo.toString()).toEqual(typeof data === "string" ? data : [...data]);
    }
    for (const socket of open.slice(2)) socket.close(4000, "enough");
    second.terminate();
    await expect.poll(() => origin.pool(pool).running, patience).toBe(2);
    const closed = once(first, "close") as Promise<[number, Buffer]>;
    origin.release(pool);
    const [code, reason] = await closed;
    expect([code, reason.toString()]).toEqual([4001, "as asked"]);
    await one;
    await expectWhole(pool);
  });

  test("L4 where tokens are refused the permit is free again at once, and where permits are refused no token is spent", async () => {
    const pool = "both";
    const [url = ""] = urls;
    const running = spread([url], 3, "/both/wait", pool);
    await expect.poll(() => origin.pool(pool).running, patience).toBe(3);
    for (let index = 0; index < 2 * quota; index += 1) {
      const refused = await call(url, "/both/wait", pool);
      expect([refused.status, await refused.json()]).toMatchObject([429, { "violated-policies": ["few"] }]);
    }
    origin.release(pool);
    await Promise.all(running);
    await expectWhole(pool);
    const other = "both-ways";
    const streams = await Promise.all(spread([url], quota, "/slots/stream", other));
    for (let index = 0; index < 5; index += 1) {
      const refused = await call(url, "/both/wait", other);
      expect(await refused.json()).toMatchObject({ "violated-policies": ["slots"] });
      // In order of name, whichever was asked first.
      expect(itemsOf(refused, "ratelimit-policy").map(({ name }) => name)).toEqual(["few", "slots"]);
    }
    const token = await mesh.adminToken();
    const budget = await fetch(`${url}/_mesh/v1/limits/few/budgets/${encodeURIComponent(`["${other}"]`)}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await budget.json()).toMatchObject({ used: 0 });
    origin.release(other);
    await Promise.all(streams.map((stream) => stream.text()));
  });

  test("a limit in shadow mode counts, and lets every request run", async () => {
    const pool = "shadow";
    const calls = spread(urls, 12, "/shadow/wait", pool);
    await expect.poll(() => origin.pool(pool).running, patience).toBe(12);
    origin.release(pool);
    const answers = await Promise.all(calls);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.some(({ headers }) => headers.has("ratelimit-policy"))).toBe(false);
  });

  test("L8 what cannot renew its permit is ended before it: 504 without a head, a stream broken off, a socket closed", async () => {
    const pool = "cut";
    const [url = ""] = urls;
    const silent = call(url, "/slots/wait", pool);
    const streamed = await call(url, "/slots/stream", pool);
    const socket = new WebSocket(`${url.replace("http", "ws")}/slots/ws`, { headers: { "x-pool": pool } });
    await once(socket, "open");
    await expect.poll(() => origin.pool(pool).running, patience).toBe(3);
    const closed = once(socket, "close") as Promise<[number, Buffer]>;
    await mesh.faults.set({ id: "away", lane: "fetch", to: "Limiter", method: "hold", action: { kind: "error" } });
    const ended = await silent;
    expect(ended.status).toBe(504);
    expect(await ended.json()).toMatchObject({ code: "upstream_timeout" });
    await expect(streamed.text()).rejects.toThrow();
    expect((await closed)[0]).toBe(1013);
    // The origin is freed, too.
    await expect.poll(() => origin.pool(pool).running, patience).toBe(0);
    expect((await mesh.faults.hits())["away"]).toBeGreaterThan(2);
    const refused = await call(url, "/slots/wait", pool);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    await mesh.faults.clear();
    await expectWhole(pool);
  });

  test("L8 with an open limit nothing is refused or ended while the limiter is away", async () => {
    const pool = "open";
    const [url = ""] = urls;
    const before = await call(url, "/open/stream", pool);
    await mesh.faults.set({ id: "away", lane: "fetch", to: "Limiter", method: "hold", action: { kind: "error" } });
    const until = performance.now() + 7_000;
    const calls: Response[] = [];
    await expect
      .poll(
        async () => {
          calls.push(await call(url, "/open/stream", pool));
          return performance.now() > until;
        },
        { timeout: 20_000, interval: 1_000 },
      )
      .toBe(true);
    expect(calls.every(({ status }) => status === 200)).toBe(true);
    origin.release(pool);
    for (const answer of [before, ...calls]) expect(await answer.text()).toBe("first last");
  });

  test("L6 a lower quota ends nothing that runs, and holds from the next renewal for what comes; so does a higher one", async () => {
    const pool = "changed";
    const token = await mesh.adminToken();
    const change = (body: object | null) =>
      fetch(`${urls[0]}/_mesh/v1/limits/slots`, {
        method: body === null ? "DELETE" : "PUT",
        headers: { authorization: `Bearer ${token}` },
        ...(body === null ? {} : { body: JSON.stringify(body) }),
      });
    const isAdmitted = async (url: string) => (await call(url, "/slots/fresh", pool)).status;
    const streams = await Promise.all(spread(urls, 6, "/slots/stream", pool));
    expect((await change({ quota: 2 })).status).toBe(202);
    for (const url of urls) await expect.poll(() => isAdmitted(url), patience).toBe(429);
    origin.release(pool, 4);
    await expect.poll(() => origin.pool(pool).running, patience).toBe(2);
    for (const url of urls) expect(await isAdmitted(url)).toBe(429);
    expect((await change({ quota: 3 })).status).toBe(202);
    for (const url of urls) await expect.poll(() => isAdmitted(url), patience).toBe(200);
    expect((await change(null)).status).toBe(202);
    origin.release(pool);
    await Promise.all(streams.map((stream) => stream.text()));
    await expectWhole(pool);
  });

  test("the mesh API shows permits, and takes none", async () => {
    const pool = "looked-at";
    const [url = ""] = urls;
    const token = await mesh.adminToken();
    const streams = await Promise.all(spread([url], 4, "/slots/stream", pool));
    const headers = { authorization: `Bearer ${token}` };
    const path = `/_mesh/v1/limits/slots/budgets/${encodeURIComponent(`["${pool}"]`)}`;
    const budget = (await (await fetch(`${url}${path}`, { headers })).json()) as { readonly used: number };
    expect(budget.used).toBeGreaterThanOrEqual(4);
    const taken = await fetch(`${url}/_mesh/v1/limits/slots/take`, {
      method: "POST",
      headers,
      body: JSON.stringify({ key: "k" }),
    });
    expect([taken.status, await taken.json()]).toMatchObject([400, { code: "malformed_request" }]);
    origin.release(pool);
    await Promise.all(streams.map((stream) => stream.text()));
  });
});

test("L1 a mesh that is killed while ten run, and starts again, never lets more than ten run", async () => {
  await using origin = await BusyOrigin.start();
  const pool = "killed";
  await using first = await spawnMesh("--config", configFile, "--origin", origin.url, "--enforce");
  const before = spread(
    first.ports.map(({ url }) => url),
    30,
    "/slots/stream",
    pool,
  );
  void Promise.allSettled(before);
  await expect.poll(() => origin.pool(pool).running, patience).toBe(quota);
  await first.kill("SIGKILL");
  // Its connections broke with it; whether an origin notices is not the mesh's business, so these count on.
  await using second = await spawnMesh(
    "--config",
    configFile,
    "--origin",
    origin.url,
    "--enforce",
    "--state",
    first.stateDirectory,
  );
  const urls = second.ports.map(({ url }) => url);
  // Until the permits of the dead isolates have surely ended there is none.
  expect((await call(urls[0] ?? "", "/slots/wait", pool)).status).toBe(429);
  const calls: Promise<Response>[] = [];
  const begunBefore = origin.pool(pool).begun;
  await expect
    .poll(async () => {
      if (origin.pool(pool).begun - begunBefore < quota) calls.push(...spread(urls, 20, "/slots/wait", pool));
      return origin.pool(pool).begun - begunBefore;
    }, patience)
    .toBe(quota);
  expect(origin.pool(pool).peak).toBe(quota);
  origin.release(pool);
  await Promise.allSettled(calls);
});
