/** What holds of a Worker that lets four requests at once through to its origin, whoever comes and goes. */
import { type ClientRequest, request } from "node:http";
import { expect } from "vitest";
import type { BusyOrigin } from "./busy-origin.ts";

const quota = 4;
/** The Worker says no pool. */
const pool = "none";
/** How long a permit may be missing, with a dead request's time and the object's guard, ms. */
const patience = { timeout: 40_000, interval: 100 };

export async function expectFourAtOnce(urls: readonly string[], origin: BusyOrigin): Promise<void> {
  await crowd(urls, origin);
  for (const path of ["/stream", "/wait", "/stream"]) await leave(await fill(urls, origin, path), origin);
  expect(origin.pool(pool).peak).toBe(quota);
}

/** By reset: who closes quietly is noticed when something is sent to him. */
async function leave(clients: readonly ClientRequest[], origin: BusyOrigin): Promise<void> {
  for (const client of clients) client.socket?.resetAndDestroy();
  await expect.poll(() => origin.pool(pool).running, patience).toBe(0);
}

/** Twelve at once: four run until they are let go, and the others are refused. */
async function crowd(urls: readonly string[], origin: BusyOrigin): Promise<void> {
  const statuses: number[] = [];
  const all = Array.from({ length: 12 }, async (_, index) => {
    const answer = await fetch(`${urls[index % urls.length]}/wait`);
    if (answer.status === 429) await expectRefusal(answer);
    statuses.push(answer.status);
    await answer.text();
  });
  const done = Promise.all(all);
  await Promise.race([done, expect.poll(() => statuses.length, patience).toBe(12 - quota)]);
  expect(new Set(statuses)).toEqual(new Set([429]));
  await expect.poll(() => origin.pool(pool).running, patience).toBe(quota);
  origin.release(pool);
  await done;
  expect(statuses.filter((status) => status === 200)).toHaveLength(quota);
  expect(origin.pool(pool)).toMatchObject({ peak: quota, begun: quota });
}

/** With or without Hono who is refused is told why, of which limit, and when to come again. */
async function expectRefusal(answer: Response): Promise<void> {
  const { headers } = answer;
  expect(headers.get("Retry-After")).toBe("1");
  expect(headers.get("RateLimit-Policy")).toBe(`"renders";q=${quota};qu="concurrent-requests"`);
  expect(headers.get("RateLimit")).toMatch(/^"renders";r=\d+$/);
  expect(headers.get("Content-Type")).toBe("application/problem+json");
  const detail = `no more than ${quota} requests run at once under the limit renders`;
  expect(await answer.clone().json()).toMatchObject({ status: 429, detail, "violated-policies": ["renders"] });
}

/** As many as there are permits run, from all isolates: none has leaked. The answer is all that was asked. */
async function fill(urls: readonly string[], origin: BusyOrigin, path: string): Promise<readonly ClientRequest[]> {
  const clients: ClientRequest[] = [];
  await expect
    .poll(() => {
      const missing = quota - origin.pool(pool).running;
      // Refused ones are asked again.
      for (let more = 0; more < missing; more += 1) clients.push(begin(`${urls[clients.length % urls.length]}${path}`));
      return missing;
    }, patience)
    .toBe(0);
  return clients;
}

function begin(url: string): ClientRequest {
  const client = request(url, { agent: false }, (answer) => answer.on("error", () => undefined).resume());
  client.on("error", () => undefined);
  client.end();
  return client;
}
