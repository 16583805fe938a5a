/** E1 and E3 over sockets: what is lost, cut off or killed on the way of an event. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { invalidate, readVersion, receiptsOf } from "../support/mesh-calls.ts";
import { spawnMesh, startMesh } from "../support/mesh.ts";
import { VersionedOrigin } from "../support/versioned-origin.ts";

const configFile = join(import.meta.dirname, "events.config.ts");
let origin: VersionedOrigin;
let mesh: LocalMesh;

beforeAll(async () => {
  origin = await VersionedOrigin.start();
  mesh = await startMesh({ configFile, faults: true, origins: { "*": origin.url } });
});
afterEach(() => mesh.faults.clear());
afterAll(async () => {
  await mesh.stop();
  origin.stop();
});

/** Every region has a lease: it has just been asked. */
async function askEverywhere(path = "/anything"): Promise<void> {
  for (const { url } of mesh.edges) await readVersion(`${url}${path}`);
}

function stateOf(regions: readonly { readonly region: string; readonly state: string }[], region: string) {
  return regions.find((each) => each.region === region)?.state;
}

describe("a region that pushes and the queue do not reach", () => {
  it("E1 is pending, and brought in by the renewal of its lease", async () => {
    await askEverywhere();
    await mesh.faults.set({ id: "no-pushes", cut: "apac", what: "pushes" });
    const published = await invalidate(mesh, { tags: ["x"] }, { query: "ack=regions&timeoutMs=300" });
    expect(published.status).toBe(202);
    expect(stateOf(published.regions, "apac")).toBe("pending");
    expect(stateOf(published.regions, "weur")).toBe("applied");
    expect(stateOf(published.regions, "enam")).toBe("applied");
    expect((await mesh.faults.hits())["no-pushes"]).toBeGreaterThan(0);
    await expect
      .poll(
        async () => {
          await readVersion(`${mesh.urlOf("apac")}/anything`);
          return stateOf(await receiptsOf(mesh, published.id), "apac");
        },
        { interval: 50, timeout: 10_000 },
      )
      .toBe("applied");
  });
});

describe("a region that is wholly cut off", () => {
  it("E3 serves no hit after its lease, and its receipt ends as fenced", async () => {
    const path = "/cut-off";
    const apac = `${mesh.urlOf("apac")}${path}`;
    await askEverywhere(path);
    await expect.poll(async () => (await readVersion(apac)).isHit, { interval: 20, timeout: 5_000 }).toBe(true);
    await mesh.faults.set({ cut: "apac", what: "wholly" });
    const version = origin.write(path);
    const published = await invalidate(mesh, { tags: ["-cut-off"] }, { query: "ack=everywhere&timeoutMs=20000" });
    expect(published.status).toBe(200);
    expect(stateOf(published.regions, "apac")).toBe("fenced");
    expect(published.regions.every(({ seq }) => seq === published.seq)).toBe(true);
    const read = await readVersion(apac);
    expect(read).toMatchObject({ status: 200, isHit: false, version });
    expect(read.cacheStatus).toContain("not-current");
    await mesh.faults.clear();
    await expect.poll(async () => (await readVersion(apac)).isHit, { interval: 50, timeout: 10_000 }).toBe(true);
    expect((await readVersion(apac)).version).toBe(version);
  });
});

describe("a publisher", () => {
  it("E1 gets the first answer again for the same id, and a conflict for other content", async () => {
    const first = await invalidate(mesh, { tags: ["a"], id: "order-1" }, { query: "ack=none" });
    const again = await invalidate(mesh, { tags: ["a"], id: "order-1" }, { query: "ack=none" });
    const other = await invalidate(mesh, { tags: ["b"], id: "order-1" }, { query: "ack=none" });
    expect([first.status, again.status, other.status]).toEqual([202, 202, 409]);
    expect(again.seq).toBe(first.seq);
    expect(other.code).toBe("conflict");
  });

  it("E1 is answered although the Log's first answer was lost, and the event is there once", async () => {
    const before = await invalidate(mesh, { tags: ["a"] }, { query: "ack=none" });
    await mesh.faults.set({
      lane: "fetch",
      to: "Log",
      method: "publish",
      action: { kind: "lose_reply" },
      times: 1,
    });
    const published = await invalidate(mesh, { tags: ["lost"] }, { query: "ack=none" });
    expect(published.status).toBe(202);
    expect(published.seq).toBe(before.seq + 1);
    const next = await invalidate(mesh, { tags: ["a"] }, { query: "ack=none" });
    expect(next.seq).toBe(published.seq + 1);
  });

  it("E1 is told that the outcome is unknown when no answer comes at all", async () => {
    await mesh.faults.set({ lane: "fetch", to: "Log", method: "publish", action: { kind: "lose_reply" } });
    const published = await invalidate(mesh, { tags: ["lost"], id: "unknown-1" }, { query: "ack=none" });
    expect([published.status, published.code]).toEqual([504, "outcome_unknown"]);
    await mesh.faults.clear();
    // The same id gives the truth: it was inserted.
    const again = await invalidate(mesh, { tags: ["lost"], id: "unknown-1" }, { query: "ack=none" });
    expect(again.status).toBe(202);
  });
});

describe("a publisher whose call hangs", () => {
  // The call hangs for longer than the test may take: the answer does not wait for it.
  it("E1 is told that the outcome is unknown, and nothing was inserted", { timeout: 20_000 }, async () => {
    const before = await invalidate(mesh, { tags: ["a"] }, { query: "ack=none" });
    await mesh.faults.set({ lane: "fetch", to: "Log", method: "publish", action: { kind: "hang", ms: 600_000 } });
    const hung = await invalidate(mesh, { tags: ["hung"], id: "hung-1" }, { query: "ack=none" });
    expect([hung.status, hung.code]).toEqual([504, "outcome_unknown"]);
    await mesh.faults.clear();
    const again = await invalidate(mesh, { tags: ["hung"], id: "hung-1" }, { query: "ack=none" });
    expect([again.status, again.seq]).toEqual([202, before.seq + 1]);
  });
});

describe("a runtime that is killed before any region has an accepted event", () => {
  it("E1 brings it to every region after the restart", async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), "selvedge-unpushed-"));
    const options = { configFile, stateDirectory, faults: true, origins: { "*": origin.url } };
    try {
      let accepted: Awaited<ReturnType<typeof invalidate>>;
      {
        await using first = await startMesh(options);
        for (const { url } of first.edges) await readVersion(`${url}/anything`);
        // Nothing leaves the Log, and no Region asks it.
        await first.faults.set(
          ...(["weur", "enam", "apac"] as const).map((region) => ({ cut: region, what: "pushes" }) as const),
          { lane: "object", from: "/region/", action: { kind: "lose_request" } },
        );
        accepted = await invalidate(first, { tags: ["t"], id: "unpushed-1" }, { query: "ack=none" });
        expect(accepted.status).toBe(202);
        const receipts = await receiptsOf(first, accepted.id);
        expect(receipts.map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);
        process.kill(first.runtimePid ?? Number.NaN, "SIGKILL");
      }
      await using second = await startMesh(options);
      for (const { url } of second.edges) await readVersion(`${url}/anything`);
      await expect
        .poll(async () => (await receiptsOf(second, accepted.id)).map(({ state }) => state), {
          interval: 50,
          timeout: 10_000,
        })
        .toEqual(["applied", "applied", "applied"]);
      expect((await receiptsOf(second, accepted.id)).map(({ seq }) => seq)).toEqual(Array(3).fill(accepted.seq));
    } finally {
      rmSync(stateDirectory, { recursive: true, force: true, maxRetries: 10 });
    }
  });
});

describe("a mesh that is killed right after it accepted an event", () => {
  it("E1 has it after the restart, and every region gets it", async () => {
    const state = mkdtempSync(join(tmpdir(), "selvedge-killed-"));
    const start = () => spawnMesh("--state", state, "--config", configFile, "--origin", origin.url);
    const call = async (path: string, secret: string, at: string, init: RequestInit = {}) => {
      const login = Buffer.from(`admin:${secret}`).toString("base64");
      const issued = await fetch(`${at}/_mesh/v1/auth/token`, {
        method: "POST",
        headers: { Authorization: `Basic ${login}`, "Content-Type": "application/x-www-form-urlencoded" },
        body: "grant_type=client_credentials",
      });
      const { access_token: token } = (await issued.json()) as { readonly access_token: string };
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
      return await fetch(`${at}${path}`, { ...init, headers });
    };
    try {
      const seqs: number[] = [];
      {
        await using first = await start();
        for (const [index, { url }] of first.ports.entries()) {
          const body = JSON.stringify({ tags: ["t"], id: `killed-${index}` });
          const answer = await call("/_mesh/v1/invalidations", first.adminSecret, url, { method: "POST", body });
          expect(answer.status).toBe(202);
          seqs.push(((await answer.json()) as { readonly seq: number }).seq);
        }
        process.kill(first.runtimePid, "SIGKILL");
        await first.kill("SIGKILL");
      }
      await using second = await start();
      const at = second.ports[0]?.url ?? "";
      for (const { url } of second.ports) await fetch(`${url}/anything`);
      const statesOf = async (id: string) => {
        const answer = await call(`/_mesh/v1/events/${id}`, second.adminSecret, at);
        const { seq, regions } = (await answer.json()) as {
          readonly seq: number;
          readonly regions: readonly { readonly state: string }[];
        };
        return { seq, states: [...new Set(regions.map(({ state: each }) => each))] };
      };
      for (const [index, seq] of seqs.entries()) {
        await expect
          .poll(() => statesOf(`killed-${index}`), { interval: 50, timeout: 10_000 })
          .toEqual({ seq, states: ["applied"] });
      }
    } finally {
      rmSync(state, { recursive: true, force: true, maxRetries: 10 });
    }
  });
});
