import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { startMesh } from "../support/mesh.ts";

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Hold extends Readonly<Record<string, unknown>> {
  readonly holder: string;
  readonly token: number;
}

/** One edge's locks, as a holder there calls them. */
class Caller {
  readonly #mesh: LocalMesh;
  readonly #url: string;

  constructor(mesh: LocalMesh, region: "weur" | "enam") {
    this.#mesh = mesh;
    this.#url = `${mesh.urlOf(region)}/_mesh/v1/locks`;
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${await this.#mesh.adminToken()}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  }

  acquire(lock: string, holder: string, more: object = {}): Promise<Answer> {
    return this.call("POST", `/${lock}/acquire`, { holder, ttlMs: 60_000, ...more });
  }

  async take(lock: string, holder: string, more: object = {}): Promise<Hold> {
    const { status, body } = await this.acquire(lock, holder, more);
    expect({ status, body }).toMatchObject({ status: 200, body: { lock, holder } });
    return { ...body, holder, token: Number(body["token"]) };
  }

  /** Sends the request and leaves its answer to the caller. */
  async begin(lock: string, wish: object): Promise<Socket> {
    const url = new URL(`${this.#url}/${lock}/acquire`);
    const body = JSON.stringify(wish);
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, "connect");
    const head = [
      `POST ${url.pathname} HTTP/1.1`,
      `Host: ${url.host}`,
      `Authorization: Bearer ${await this.#mesh.adminToken()}`,
      `Content-Length: ${body.length}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    return socket;
  }

  release(lock: string, { holder, token }: Hold): Promise<Answer> {
    return this.call("POST", `/${lock}/release`, { holder, token });
  }

  renew(lock: string, { holder, token }: Hold): Promise<Answer> {
    return this.call("POST", `/${lock}/renew`, { holder, token });
  }
}

const stateDirectory = mkdtempSync(join(tmpdir(), "selvedge-locks-"));
let mesh: LocalMesh;
let weur: Caller;
let enam: Caller;

async function start(): Promise<void> {
  mesh = await startMesh({ regions: ["weur", "enam"], stateDirectory, faults: true });
  weur = new Caller(mesh, "weur");
  enam = new Caller(mesh, "enam");
}

beforeAll(start);
afterAll(async () => {
  await mesh.stop();
  rmSync(stateDirectory, { recursive: true, force: true, maxRetries: 10 });
});

describe("a lock, asked for in two regions", () => {
  it("K1 is one lock, K2 with tokens that grow, also after a restart of the mesh", async () => {
    const first = await weur.take("stock", "a");
    expect(await enam.acquire("stock", "b")).toMatchObject({
      status: 409,
      body: { code: "lock_held", holder: "a", status: 409 },
    });
    expect((await enam.renew("stock", first)).status).toBe(200);
    expect((await enam.release("stock", first)).status).toBe(200);
    const second = await enam.take("stock", "b");
    await mesh.stop();
    await start();
    expect((await weur.acquire("stock", "c")).body).toMatchObject({ code: "lock_held", holder: "b" });
    expect((await weur.release("stock", second)).status).toBe(200);
    const third = await weur.take("stock", "c");
    expect(first.token).toBeLessThan(second.token);
    expect(second.token).toBeLessThan(third.token);
    expect(await enam.release("stock", second)).toMatchObject({ status: 409, body: { code: "not_holder" } });
  });

  it("K1 of many who ask in both at once exactly one gets it", async () => {
    const rush = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? weur : enam).acquire("rush", `h${index}`));
    const statuses = (await Promise.all(rush)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(39);
  });

  it("K4 goes to those who wait, in order, and the time they waited is theirs", async () => {
    let hold = await weur.take("queue", "a");
    await mesh.faults.clear();
    const waiting: Promise<Answer>[] = [];
    for (const holder of ["b", "c"]) {
      waiting.push(enam.acquire("queue", holder, { waitMs: 30_000 }));
      await asked(waiting.length);
    }
    for (const holder of ["b", "c"]) {
      await weur.release("queue", hold);
      const answer = await waiting.shift();
      expect(answer).toMatchObject({ status: 200, body: { holder } });
      expect(answer?.body["ttlMs"]).toBeGreaterThanOrEqual(60_000);
      hold = { holder, token: Number(answer?.body["token"]) };
    }
    expect((await weur.renew("queue", hold)).status).toBe(200);
  });

  it("K4 is not kept from others by a waiter whose connection broke", async () => {
    const hold = await weur.take("left", "a");
    await mesh.faults.clear();
    const gone = await weur.begin("left", { holder: "gone", waitMs: 30_000, ttlMs: 3_600_000 });
    await asked(1);
    const next = enam.acquire("left", "b", { waitMs: 30_000 });
    await asked(2);
    gone.resetAndDestroy();
    await weur.release("left", hold);
    expect(await next).toMatchObject({ status: 200, body: { holder: "b" } });
  });

  it("K4 is found again by the request whose answer was lost", async () => {
    await mesh.faults.set({ lane: "fetch", to: "Lock", method: "acquire", action: { kind: "lose_reply" }, times: 1 });
    const hold = await weur.take("lost", "a", { requestId: "lost-1" });
    await mesh.faults.clear();
    expect(await enam.take("lost", "a", { requestId: "lost-1" })).toMatchObject({ token: hold.token });
  });

  it("K4 leaves an unknown outcome when the answer is lost again, and the same id tells it", async () => {
    await mesh.faults.set({ lane: "fetch", to: "Lock", method: "acquire", action: { kind: "lose_reply" }, times: 2 });
    const answer = await weur.acquire("unknown", "a", { requestId: "unknown-1" });
    await mesh.faults.clear();
    expect(answer).toMatchObject({ status: 504, body: { code: "outcome_unknown" } });
    expect((await weur.acquire("unknown", "b")).body).toMatchObject({ code: "lock_held", holder: "a" });
    await weur.take("unknown", "a", { requestId: "unknown-1" });
  });

  it("K4 is neither taken nor released twice by a doubled call", async () => {
    await mesh.faults.set({ lane: "fetch", to: "Lock", action: { kind: "double" } });
    const hold = await weur.take("doubled", "a");
    expect((await weur.release("doubled", hold)).status).toBe(200);
    const next = await enam.take("doubled", "b");
    await mesh.faults.clear();
    expect((await enam.renew("doubled", next)).status).toBe(200);
  });

  /** Waits until the object has been asked so often for a lock: whoever asks next comes after those. */
  async function asked(count: number): Promise<void> {
    for (;;) {
      const calls = await mesh.faults.calls();
      // A look goes the same way after them.
      await weur.call("GET", "/queue");
      if ((calls["fetch>Lock.acquire"] ?? 0) >= count) return;
    }
  }
});
