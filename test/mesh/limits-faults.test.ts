/** Limits when the wire to the limiter loses, doubles, stalls; and what a flood costs. */
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

let origin: EchoOrigin;
let mesh: LocalMesh;
let urls: readonly string[];

beforeAll(async () => {
  origin = await EchoOrigin.start();
  const configFile = join(import.meta.dirname, "limits.config.ts");
  mesh = await startMesh({ configFile, origins: { "*": origin.url }, isolates: 2, faults: true });
  urls = mesh.edges.map(({ url }) => url);
});
afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});
beforeEach(() => mesh.faults.clear());

function ask(url: string, path: string, address: string): Promise<Response> {
  return fetch(`${url}${path}`, { headers: { "cf-connecting-ip": address } });
}

async function statuses(count: number, path: string, address: string): Promise<readonly number[]> {
  const calls = Array.from({ length: count }, (_, index) => ask(urls[index % urls.length] ?? "", path, address));
  return (await Promise.all(calls)).map(({ status }) => status);
}

const limiter = { lane: "fetch", to: "Limiter", method: "charge" } as const;

test("L1 six isolates over a wire that loses and doubles never admit more than the quota", async () => {
  const faults = [
    { ...limiter, id: "reply", action: { kind: "lose_reply" }, probability: 0.2 },
    { ...limiter, id: "request", action: { kind: "lose_request" }, probability: 0.2 },
    { ...limiter, id: "double", action: { kind: "double" }, probability: 0.2 },
  ] as const;
  await mesh.faults.set(...faults);
  let passed = 0;
  // A budget costs few calls, and a fault may miss all of them.
  for (let turn = 0, hits: Readonly<Record<string, number>> = {}; faults.some(({ id }) => !hits[id]); turn += 1) {
    expect(turn).toBeLessThan(20);
    const seen = await statuses(300, "/limited/echo", `198.51.100.${turn}`);
    const admitted = seen.filter((status) => status === 200).length;
    expect(admitted).toBeLessThanOrEqual(50);
    expect(seen.every((status) => [200, 429, 503].includes(status))).toBe(true);
    passed += admitted;
    hits = await mesh.faults.hits();
  }
  expect(passed).toBeGreaterThan(0);
});

test.each([
  ["fails", { kind: "error" }, "192.0.2.61"],
  ["hangs", { kind: "hang", ms: 20_000 }, "192.0.2.63"],
] as const)(
  "L8 when the limiter %s a closed limit refuses, an open one admits, and both say so",
  async (_, action, address) => {
    await mesh.faults.set({ ...limiter, id: "down", action });
    const [closed, open] = await Promise.all([
      ask(urls[0] ?? "", "/limited/echo", address),
      ask(urls[0] ?? "", "/open/echo", address),
    ]);
    expect(closed.status).toBe(503);
    expect(closed.headers.get("retry-after")).toBe("1");
    expect(await closed.json()).toMatchObject({ code: "overloaded" });
    expect(open.status).toBe(200);
    expect(open.headers.has("ratelimit-policy")).toBe(true);
    expect(open.headers.has("ratelimit")).toBe(false);
    expect((await mesh.faults.hits())["down"]).toBeGreaterThan(0);
  },
);

test("L2 a flood on a refused key costs each isolate one call", async () => {
  // A lease may outlive the burst that it was asked for: it is spent before everybody refuses.
  const flood = () => statuses(60, "/limited/echo", "192.0.2.62");
  await expect.poll(async () => new Set(await flood()), { timeout: 10_000, interval: 10 }).toEqual(new Set([429]));
  await mesh.faults.clear();
  for (const url of urls) {
    for (let index = 0; index < 50; index += 1)
      expect((await ask(url, "/limited/echo", "192.0.2.62")).status).toBe(429);
  }
  const calls = (await mesh.faults.calls())["fetch>Limiter.charge"] ?? 0;
  expect(calls).toBeLessThanOrEqual(urls.length);
});
