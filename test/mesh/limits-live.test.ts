/** Limits are changed while requests come: every edge goes by the new rule, and no answer mixes it with the old one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseList } from "structured-headers";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { isLongRun } from "../support/long-run.ts";
import { startMesh } from "../support/mesh.ts";

const before = join(import.meta.dirname, "limits-live.config.ts");
const changed = join(import.meta.dirname, "limits-live-changed.config.ts");
/** Clocks of hosts are this far apart at most, ms; here all are one, and stand still now and then. */
const apartMs = 250;

let origin: EchoOrigin;
let mesh: LocalMesh;
/** A steady client of each edge that needs little: once it is known to be one, it is given leases of ten seconds. */
let slow: Clients;

beforeAll(async () => {
  origin = await EchoOrigin.start();
  mesh = await startMesh({ configFile: before, origins: { "*": origin.url }, isolates: 2 });
  slow = new Clients(mesh, "/short/a", 250);
});
afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

/** What the gate said of the one limit of a route, NaN for nothing, and when; instants in ms since 1970. */
interface Said {
  readonly edge: number;
  readonly status: number;
  readonly quota: number;
  readonly remaining: number;
  readonly sentAt: number;
  readonly receivedAt: number;
}

async function ask(of: LocalMesh, edge: number, path: string, client = "one"): Promise<Said> {
  const sentAt = Date.now();
  const answer = await fetch(`${of.edges[edge]?.url ?? ""}${path}`, { headers: { "X-Client": client } });
  await answer.arrayBuffer();
  const numberIn = (field: string, name: string) =>
    Number(parseList(answer.headers.get(field) ?? "")[0]?.[1].get(name));
  return {
    edge,
    status: answer.status,
    quota: numberIn("ratelimit-policy", "q"),
    remaining: numberIn("ratelimit", "r"),
    sentAt,
    receivedAt: Date.now(),
  };
}

async function api(of: LocalMesh, call: string, body?: object): Promise<{ status: number; body: unknown }> {
  const [method = "", path = ""] = call.split(" ");
  const answer = await fetch(`${of.edges[0]?.url ?? ""}/_mesh/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${await of.adminToken()}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
}

/** Every edge is asked again and again, until `stop`. */
class Clients {
  readonly said: Said[] = [];
  readonly #ended: Promise<unknown>;
  #isStopped = false;

  constructor(of: LocalMesh, path: string, everyMs = 0) {
    this.#ended = Promise.all(
      of.edges.map(async (_, edge) => {
        while (!this.#isStopped) {
          this.said.push(await ask(of, edge, path));
          if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
        }
      }),
    );
  }

  /** Until every edge was asked so many times more, and has answered; `from` 0: so many times in all. */
  async more(times: number, from = this.said.length): Promise<void> {
    const isHeard = (edge: number) => this.said.slice(from).filter((one) => one.edge === edge).length >= times;
    await expect.poll(() => mesh.edges.every((_, edge) => isHeard(edge)), { timeout: 20_000, interval: 5 }).toBe(true);
  }

  async stop(): Promise<readonly Said[]> {
    this.#isStopped = true;
    await this.#ended;
    return this.said;
  }
}

test("L6 after ack=everywhere whatever is asked goes by the new quota, higher or lower, at every edge", async () => {
  const quotas = [100_000, 40, 200_000, 0, ...(isLongRun ? [300_000, 7, 1_000_000, 6, 100_000] : [])];
  const clients = new Clients(mesh, "/long/a");
  await clients.more(20);
  const steps: { readonly quota: number; readonly beginsAt: number; readonly holdsAt: number }[] = [];
  for (const quota of quotas.slice(1)) {
    const beginsAt = Date.now();
    const { status } = await api(mesh, "PUT /limits/long?ack=everywhere&timeoutMs=20000", { quota });
    expect(status).toBe(200);
    steps.push({ quota, beginsAt, holdsAt: Date.now() });
    await clients.more(20);
  }
  const said = await clients.stop();

  for (const { quota, remaining } of said) expect(remaining).toBeLessThanOrEqual(quota);
  for (const [index, { quota, beginsAt, holdsAt }] of steps.entries()) {
    const nextAt = steps[index + 1]?.beginsAt ?? Infinity;
    // Two instants of the same ms have no order.
    const settled = said.filter(({ sentAt, receivedAt }) => sentAt > holdsAt && receivedAt < nextAt);
    expect(settled.length).toBeGreaterThan(mesh.edges.length * 10);
    expect(new Set(settled.map((one) => one.quota))).toEqual(new Set([quota]));
    // More than the small quotas is used by then, and far less than the large ones.
    expect(new Set(settled.map(({ status }) => status))).toEqual(new Set([quota < 1_000 ? 429 : 200]));
    const between = said.filter(({ sentAt, receivedAt }) => receivedAt >= beginsAt && sentAt <= holdsAt);
    for (const one of between) expect([quotas[index], quota]).toContain(one.quota);
  }
});

test("L6 tokens that were leased for windows to come are not spent once a lower quota is acknowledged", async () => {
  // For longer than two cells of the demand that is remembered.
  await slow.more(20, 0);
  expect((await api(mesh, "PUT /limits/short?ack=everywhere&timeoutMs=20000", { quota: 0 })).status).toBe(200);
  const holdsAt = Date.now();
  await slow.more(2);
  const said = await slow.stop();
  const settled = said.filter(({ sentAt }) => sentAt > holdsAt);
  expect(settled.length).toBeGreaterThanOrEqual(mesh.edges.length);
  for (const { status, quota } of settled) expect([status, quota]).toEqual([429, 0]);
});

test("L6 a change ends at its expiresAt, and the file's rule holds again", async () => {
  const clients = new Clients(mesh, "/ending/a");
  const endsAt = Date.now() + 2_500;
  const change = { quota: 90_000, expiresAt: new Date(endsAt).toISOString() };
  expect((await api(mesh, "PUT /limits/ending?ack=everywhere", change)).status).toBe(200);
  const holdsAt = Date.now();
  await clients.more(5);
  expect((await api(mesh, "GET /limits/ending")).body).toMatchObject({ source: "api", by: "admin", quota: 90_000 });
  await expect.poll(() => clients.said.at(-1)?.quota, { timeout: 20_000, interval: 20 }).toBe(100_000);
  await clients.more(5);
  while (Date.now() < endsAt + apartMs) await clients.more(5);
  await clients.more(5);
  const said = await clients.stop();
  const during = said.filter(({ sentAt, receivedAt }) => sentAt > holdsAt && receivedAt < endsAt - apartMs);
  const after = said.filter(({ sentAt }) => sentAt > endsAt + apartMs);
  for (const [some, quota] of [
    [during, 90_000],
    [after, 100_000],
  ] as const) {
    expect(some.length).toBeGreaterThan(0);
    expect(new Set(some.map((one) => one.quota))).toEqual(new Set([quota]));
  }
  for (const { quota, remaining } of said) expect(remaining).toBeLessThanOrEqual(quota);
  expect((await api(mesh, "GET /limits/ending")).body).toMatchObject({ source: "file", quota: 100_000 });
});

test("L6 a change outlives the mesh and a new file, and says who made it; taken back, the new file's rule holds", async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "selvedge-live-"));
  const start = (configFile: string) => startMesh({ configFile, stateDirectory, origins: { "*": origin.url } });
  try {
    let made: unknown;
    {
      await using first = await start(before);
      expect((await api(first, "PUT /limits/long?ack=everywhere", { quota: 5 })).status).toBe(200);
      made = (await api(first, "GET /limits/long")).body;
      expect(made).toMatchObject({ source: "api", by: "admin", quota: 5, file: { quota: 100_000 } });
    }
    await using second = await start(changed);
    const edges = second.edges.map((_, edge) => edge);
    const { since } = made as { readonly since: string };
    expect((await api(second, "GET /limits/long")).body).toMatchObject({
      source: "api",
      by: "admin",
      since,
      quota: 5,
      // What the change does not name is the new file's.
      windowMs: 86_400_000,
      file: { quota: 70_000 },
    });
    for (const edge of edges) expect((await ask(second, edge, "/long/b")).quota).toBe(5);

    expect((await api(second, "DELETE /limits/long?ack=everywhere")).status).toBe(200);
    const said = await Promise.all(edges.map((edge) => ask(second, edge, "/long/b")));
    expect(said.map(({ status, quota }) => [status, quota])).toEqual(edges.map(() => [200, 70_000]));
    expect((await api(second, "GET /limits/long")).body).toMatchObject({ source: "file", quota: 70_000 });
    expect((await api(second, "DELETE /limits/long")).status).toBe(404);
  } finally {
    rmSync(stateDirectory, { recursive: true, force: true, maxRetries: 10 });
  }
});
