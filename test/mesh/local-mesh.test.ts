import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { NpmStart, type Receiver } from "../support/npm-start.ts";
import { runStart, type SpawnedMesh, spawnMesh, startMesh } from "../support/mesh.ts";

const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-test-"));
  folders.push(folder);
  return folder;
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** How long all of these ports took to close, in ms; at most `atMostMs`, then it fails. */
async function closedWithin(atMostMs: number, mesh: SpawnedMesh): Promise<void> {
  const ports = mesh.ports.map(({ url }) => Number(new URL(url).port));
  const until = Date.now() + atMostMs;
  for (;;) {
    const open = (await Promise.all(ports.map(isOpen))).includes(true);
    if (!open) return;
    if (Date.now() > until) throw new Error(`ports ${ports.join(", ")} were open ${atMostMs} ms after the end`);
    await sleep(5);
  }
}

async function adminTokenOf(mesh: SpawnedMesh, edge = 0): Promise<Response> {
  return await fetch(`${mesh.ports[edge]?.url}/_mesh/v1/auth/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`admin:${mesh.adminSecret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
}

async function keysOf(mesh: SpawnedMesh, edge: number): Promise<string[]> {
  const response = await fetch(`${mesh.ports[edge]?.url}/_mesh/v1/auth/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { readonly keys: readonly { readonly kid: string }[] };
  return keys.map(({ kid }) => kid);
}

describe("the mesh on one machine", () => {
  it("frees its ports within a second when its Node process is killed", async () => {
    await using mesh = await spawnMesh();
    expect((await adminTokenOf(mesh)).status).toBe(200);
    expect((await mesh.kill("SIGKILL")).signal).toBe("SIGKILL");
    await closedWithin(1_000, mesh);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends with code 0 and free ports on %s, and cleans up", async (signal) => {
    const state = newFolder();
    await using mesh = await spawnMesh("--state", state);
    expect(await mesh.kill(signal)).toMatchObject({ code: 0, stderr: "" });
    await closedWithin(1_000, mesh);
    await using again = await spawnMesh("--state", state);
    expect(again.pid).not.toBe(mesh.pid);
  });

  it("refuses a second mesh on the same state folder, and says who has it", async () => {
    const state = newFolder();
    await using mesh = await spawnMesh("--state", state);
    const second = await runStart("--state", state, "--port", "0", "--json");
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toMatch(
      new RegExp(`^cannot start: ${state} is in use by another mesh \\(process ${mesh.pid}, since .+\\)`),
    );
  });

  it("takes over the state folder of a killed mesh, with everything in it", async () => {
    const state = newFolder();
    await using before = await spawnMesh("--state", state);
    expect((await adminTokenOf(before)).status).toBe(200);
    const keys = await keysOf(before, 0);
    await before.kill("SIGKILL");
    await using after = await spawnMesh("--state", state);
    expect(after.adminSecret).toBe(before.adminSecret);
    expect(await keysOf(after, 2)).toEqual(keys);
    expect(keys.length).toBeGreaterThan(0);
  });

  it("--fresh begins with nothing of it", async () => {
    const state = newFolder();
    await using before = await spawnMesh("--state", state);
    const keys = await keysOf(before, 0);
    await before.kill("SIGTERM");
    await using after = await spawnMesh("--state", state, "--fresh");
    expect(after.adminSecret).not.toBe(before.adminSecret);
    expect(await keysOf(after, 0)).not.toEqual(keys);
  });

  it("makes secrets that only their owner can read", async () => {
    await using mesh = await spawnMesh();
    expect(statSync(mesh.admin.secretFile).mode & 0o777).toBe(0o600);
    const text = readFileSync(mesh.admin.secretFile, "utf8");
    expect(text).toMatch(/^MESH_ADMIN_SECRET=[\w-]{43}$/m);
    expect(text).toMatch(/^MESH_KEY_SECRET=[\w-]{43}$/m);
  });

  it("names a taken port, and starts nothing", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const state = newFolder();
    const ended = await runStart("--state", state, "--regions", "weur", "--port", String(port), "--json");
    taken.close();
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(new RegExp(`^cannot start: port ${port} is taken`));
    expect(() => statSync(join(state, "objects"))).toThrow("ENOENT");
  });

  it("refuses an unknown option with code 2 and a sentence that says which there are", async () => {
    const ended = await runStart("--colour", "red");
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^Unknown option '--colour'\nThere are: --origin --enforce --config /);
  });

  it("prints its options and nothing else on --help", async () => {
    const ended = await runStart("--help");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(/--origin URL[^]+--like-production/);
  });

  it("refuses a configuration with a mistake, by the path of the setting", async () => {
    const config = join(newFolder(), "mesh.config.ts");
    writeFileSync(
      config,
      `import { defineMesh } from "selvedge";
       export default defineMesh({
         services: { api: { origins: ["https://api.example.com"], proof: "none" } },
         routes: [{ match: "/*", service: "ghost" }],
       });`,
    );
    const ended = await runStart("--state", newFolder(), "--port", "0", "--config", config);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(
      /^cannot start: cannot use .*mesh\.config\.ts:\nroutes\[0\]\.service: expected .+: received "ghost"\n$/,
    );
  });
});

const logs = `import { defineMesh } from "selvedge";
  export default defineMesh({
    services: { api: { origins: ["https://api.example.com"], proof: "none" } },
    routes: [{ match: "/*", service: "api", identity: "none" }],
    limits: { few: { by: "key", quota: 1, windowMs: 60_000, mode: "shadow" } },
  });`;

/** Takes one more than the quota of a limit that only watches, and asks for a service that cannot be reached. */
async function makeLogs(mesh: NpmStart): Promise<void> {
  const headers = { Authorization: `Bearer ${await mesh.adminToken()}`, "Content-Type": "application/json" };
  const body = JSON.stringify({ key: "loom" });
  for (const _ of [1, 2]) {
    const taken = await fetch(`${mesh.url}/_mesh/v1/limits/few/take`, { method: "POST", headers, body });
    expect(await taken.json()).toMatchObject({ allowed: true });
  }
  expect((await fetch(`${mesh.url}/parts`)).status).toBe(502);
}

describe("npm start", () => {
  const endings: readonly (readonly [NodeJS.Signals, Receiver])[] = [
    ["SIGTERM", "npm"],
    ["SIGTERM", "script"],
    ["SIGINT", "terminal"],
    ["SIGHUP", "terminal"],
  ];
  it.each(endings)("leaves no process behind on %s, sent to: %s", async (signal, to) => {
    await using mesh = await NpmStart.run("--regions", "weur");
    expect(mesh.left()).toEqual(["script", "runtime"]);
    mesh.signal(to, signal);
    await expect.poll(() => mesh.left(), { timeout: 10_000, interval: 20 }).toEqual([]);
  });

  it("shows what the Workers log, one line for each event and warning", async () => {
    const config = join(newFolder(), "mesh.config.ts");
    writeFileSync(config, logs);
    const origin = `http://127.0.0.1:${await freePort()}`;
    await using mesh = await NpmStart.run("--regions", "weur", "--config", config, "--origin", origin);
    await makeLogs(mesh);
    const lines = [
      /^event limit_would_refuse {2}limit: 'few'$/m,
      /^warning upstream_failed {2}requestId: '\w+', service: 'api', reason: '.+'$/m,
    ];
    for (const line of lines) await expect.poll(() => mesh.stderr, { timeout: 10_000 }).toMatch(line);
  });

  it("shows no event and no warning with --quiet", async () => {
    const config = join(newFolder(), "mesh.config.ts");
    writeFileSync(config, logs);
    const origin = `http://127.0.0.1:${await freePort()}`;
    await using mesh = await NpmStart.run("--regions", "weur", "--config", config, "--origin", origin, "--quiet");
    await makeLogs(mesh);
    mesh.signal("script", "SIGTERM");
    await expect.poll(() => mesh.left(), { timeout: 10_000 }).toEqual([]);
    expect(mesh.stderr).toBe("");
  });
});

describe("the demo", () => {
  it("is reached through every edge, and answers as it would alone", async () => {
    await using mesh = await spawnMesh();
    for (const { url } of mesh.ports) {
      const [through, alone] = await Promise.all([fetch(`${url}/parts/3`), fetch(`${mesh.origin}/parts/3`)]);
      expect(through.status).toBe(200);
      expect(through.headers.get("ETag")).toBe(alone.headers.get("ETag"));
      expect(await through.text()).toBe(await alone.text());
    }
  });
});

describe("faults on one machine", () => {
  it("strike the calls that they name, in every isolate, and are counted", async () => {
    await using mesh = await startMesh({ isolates: 2, faults: true });
    const names = mesh.edges.map(({ name }) => name).join(" ");
    expect(names).toBe("edge-weur-1 edge-enam-1 edge-apac-1 edge-weur-2 edge-enam-2 edge-apac-2");
    let locks = 0;
    const acquire = async (url: string): Promise<number> => {
      locks += 1;
      const response = await fetch(`${url}/_mesh/v1/locks/loom-${locks}/acquire`, {
        method: "POST",
        headers: { Authorization: `Bearer ${await mesh.adminToken()}`, "Content-Type": "application/json" },
        body: JSON.stringify({ holder: "weaver", ttlMs: 1_000 }),
      });
      return response.status;
    };
    expect(await acquire(mesh.urlOf("apac", 2))).toBe(200);
    expect(await mesh.faults.calls("edge-apac-2")).toMatchObject({ "fetch>Lock.acquire": 1 });

    await mesh.faults.set({ id: "no-lock", lane: "fetch", from: "apac", to: "Lock", action: { kind: "error" } });
    expect(await acquire(mesh.urlOf("apac", 1))).toBeGreaterThanOrEqual(500);
    expect(await acquire(mesh.urlOf("apac", 2))).toBeGreaterThanOrEqual(500);
    expect(await acquire(mesh.urlOf("weur", 1))).toBe(200);
    expect((await mesh.faults.hits())["no-lock"]).toBeGreaterThanOrEqual(2);

    await mesh.faults.clear();
    expect(await acquire(mesh.urlOf("apac", 1))).toBe(200);
  });

  it("cannot be set by a client of the mesh, nor at all in a mesh without them", async () => {
    await using mesh = await startMesh({ regions: ["weur"], faults: true });
    const put = (url: string) =>
      fetch(`${url}/_mesh/local/faults`, {
        method: "PUT",
        body: `[{"action":{"kind":"error"}}]`,
        headers: { "Mesh-Local-Secret": "guess" },
      });
    expect((await put(mesh.urlOf("weur"))).status).toBe(404);
    expect((await mesh.faults.reports()).every(({ rules }) => rules.length === 0)).toBe(true);
    await using plain = await startMesh({ regions: ["weur"] });
    expect(() => plain.faults).toThrow("without `faults: true`");
    expect((await put(plain.urlOf("weur"))).status).toBe(404);
  });
});
