/** What `npm start` prints to try can be tried: pasted into a fresh shell, every line answers what is printed below it. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { JsonServerOrigin } from "../support/json-server-origin.ts";
import { spawnMesh } from "../support/mesh.ts";
import { paste, startTour, type Tour, type TourLine } from "../support/tour-run.ts";

/** What is another at every call: ids, instants, what is counted down, what only grows. */
function stable(text: string): string {
  return (
    text
      .replaceAll(/"(id|instance|at|createdAt|expiresAt|answeredBy)":"[^"]*"/g, '"$1":"…"')
      .replaceAll(/"(seq|token|ttlMs|resetMs|retryAfterMs|expiresInMs)":\d+/g, '"$1":0')
      // What was purged, what was never there, and what is there for a client that takes gzip are all a miss.
      .replaceAll(/fwd=(?:uri|vary)-miss/g, "fwd=miss")
      .replaceAll(/\bttl=\d+/g, "ttl=0")
      .replaceAll(/^Age: \d+$/gm, "Age: 0")
  );
}

/** A printed body may be cut; what is before the cut, up to the last whole member. */
function whole(body: string): string {
  return body.endsWith("...") ? body.slice(0, Math.max(body.lastIndexOf(","), 0)) : body;
}

/** The answers' status, of each show. */
const ofLimit = [200, 200, 200];
const ofPurge = [200, 200, 200, 200];
const ofLogin = [200, 200, 200, 204, 401, 200];
const ofLock = [200, 409, 200];

/** What waits for a lock gets it at once: before it, who holds it lets it go. */
async function expectAsPrinted(tour: Tour): Promise<void> {
  const shown = tour.lines.flatMap((line) => [...freeing(line), { line: line.line, printed: line }]);
  const [token, ...answers] = await paste([tour.tokenLine, ...shown.map(({ line }) => line)]);
  expect(token).toEqual({ status: 200, output: "" });
  for (const [index, { printed }] of shown.entries())
    if (printed !== null) expectLine(printed, answers[index] ?? { status: 0, output: "" });
}

function freeing({ line }: TourLine): readonly { readonly line: string; readonly printed: null }[] {
  if (!line.includes('"waitMs"')) return [];
  const url = /http:\S+(?=\/acquire)/.exec(line)?.[0];
  return [{ line: `curl -s -X DELETE -H "Authorization: Bearer $TOKEN" ${url}`, printed: null }];
}

function expectLine(printed: TourLine, { status, output }: { readonly status: number; readonly output: string }): void {
  expect([printed.line, status]).toEqual([printed.line, printed.status]);
  const isWithHead = printed.line.startsWith("curl -s -i ");
  const [head = "", body = ""] = isWithHead ? output.replaceAll("\r\n", "\n").split(/\n\n(.*)/s) : ["", output];
  const expected = stable(whole(printed.body));
  expect(stable(body.trim().replaceAll(/\s*\n\s*/g, " ")).slice(0, expected.length)).toBe(expected);
  for (const field of printed.fields) expect(stable(head).split("\n")).toContain(stable(field));
}

test("the demo's tour answers as printed, and shows a limit, a purge, a login and a lock", async () => {
  await using tour = await startTour();
  expect(tour.text).toMatch(/weur +http[^]+enam +http[^]+apac +http/);
  expect(tour.lines.map(({ status }) => status)).toEqual([...ofLimit, ...ofPurge, ...ofLogin, ...ofLock]);
  const answers = tour.text.match(/"allowed":(?:true|false),"remaining":\d+/g);
  expect(answers).toEqual([
    '"allowed":true,"remaining":25',
    '"allowed":true,"remaining":0',
    '"allowed":false,"remaining":0',
  ]);
  expect(tour.text).toMatch(/# → 200 {2}\{"subject":"tourist-[a-z0-9]+","roles":\["visitor"\]\}/);
  expect(tour.text).toContain('# → 401  {"type":"/_mesh/problems/token_revoked"');
  await expectAsPrinted(tour);
});

test("the tour in front of an API answers as printed, and shows no purge where nothing is kept", async () => {
  await using origin = await JsonServerOrigin.start();
  await using tour = await startTour("--origin", origin.url);
  expect(tour.text).toContain(
    `Behind them is ${origin.url}.\nIdentity is passed through untouched; limits are in shadow`,
  );
  expect(tour.lines.map(({ status }) => status)).toEqual([...ofLogin, ...ofLock]);
  expect(tour.text).toContain("  # not shown: a purge: nothing is kept of GET /, ");
  await expectAsPrinted(tour);
});

test("in front of an API whose answers may be kept, the tour shows a purge of what was", async () => {
  await using origin = await keptOrigin();
  await using tour = await startTour("--origin", origin.url);
  expect(tour.lines.map(({ status }) => status)).toEqual([...ofPurge, ...ofLogin, ...ofLock]);
  const uses = tour.lines.flatMap(({ fields }) => fields.filter((field) => field.startsWith("Cache-Status:")));
  expect(uses.map((field) => field.includes("hit"))).toEqual([false, true, false]);
  await expectAsPrinted(tour);
});

/** An API that lets each of its answers be kept for a minute. */
async function keptOrigin(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_request, response) => {
    response.setHeader("Cache-Control", "public, max-age=60").end("hello\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const configuration = `import { defineMesh } from "selvedge";
  export default defineMesh({
    services: { api: { origins: ["https://api.example.com"], proof: "none" } },
    routes: [{ match: "/orders/*", service: "api", identity: "none" }],
    limits: {
      bucket: { by: "key", algorithm: "token-bucket", quota: 100, windowMs: 86_400_000, burst: 10 },
      quick: { by: "key", quota: 100, windowMs: 1_000 },
      mails: { by: "key", quota: 1_000, windowMs: 3_600_000 },
    },
  });`;

/** With the path of a configuration that has no route for `/`. */
async function withConfiguration(work: (file: string) => Promise<void>, text = configuration): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-tour-"));
  const file = join(folder, "other.config.ts");
  writeFileSync(file, text);
  try {
    await work(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the tour of another configuration asks nothing of its services, and answers as printed", async () => {
  await withConfiguration(async (file) => {
    await using tour = await startTour("--config", file);
    expect(tour.lines.map(({ status }) => status)).toEqual([...ofLimit, ...ofLogin, ...ofLock]);
    expect(tour.text).toContain("one limit, whichever edge is asked: 1000 in 3600 s");
    expect(tour.text).toContain("  # not shown: a purge: it would ask your services\n");
    await expectAsPrinted(tour);
  });
});

const withService = configuration
  .replace('identity: "none"', 'identity: "optional"')
  .replace("limits: {", 'accounts: { service: "api", path: "/login", send: "json" }, limits: {');

test("something stands in for a service whose origin is an example, and tells what it is told", async () => {
  await withConfiguration(async (file) => {
    await using tour = await startTour("--config", file);
    expect(tour.text).toContain(`Behind them are the services of ${file}.\n`);
    expect(tour.text).toMatch(/^http:\/\/127\.0\.0\.1:\d+ stands in for api /m);
    expect(tour.text).toContain("  # not shown: a login: the accounts are those of a service\n");
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(tour.tokenLine)?.[0] ?? "";
    const body = new URLSearchParams({ grant_type: "password", username: "ada", password: "shuttle" });
    const login = await fetch(`${url}/_mesh/v1/auth/token`, { method: "POST", body });
    const { access_token: token } = (await login.json()) as { readonly access_token: string };
    const answer = await fetch(`${url}/orders/1?x=y`, { headers: { Authorization: `Bearer ${token}` } });
    expect(await answer.json()).toMatchObject({ asked: "GET /orders/1?x=y", told: { "mesh-subject": "ada" } });
  }, withService);
});

test("a secret that the configuration names and nobody has given is said aloud, and where it belongs", async () => {
  await withConfiguration(
    async (file) => {
      await using mesh = await spawnMesh("--config", file);
      const answer = await fetch(`${mesh.ports[0]?.url}/orders/1`);
      expect(answer.status).toBe(500);
      const { stdout, stderr } = await mesh.kill("SIGTERM");
      expect(stdout.trim().split("\n")).toHaveLength(1);
      expect(stderr).toContain("500: ORIGIN_PROOF: expected the secret that proves the mesh to service api");
      expect(stderr).toContain(`Write a line ORIGIN_PROOF=VALUE into ${mesh.admin.secretFile}, and start again.`);
      writeFileSync(mesh.admin.secretFile, "ORIGIN_PROOF=a proof\n", { flag: "a" });
      await using again = await spawnMesh("--config", file, "--state", mesh.stateDirectory);
      expect((await fetch(`${again.ports[0]?.url}/orders/1`)).status).toBe(200);
      expect((await again.kill("SIGTERM")).stderr).toBe("");
    },
    configuration.replace('proof: "none"', 'proof: { header: "X-Origin-Proof", secret: "ORIGIN_PROOF" }'),
  );
});

test("the tour shows no line that this configuration refuses, and says why", async () => {
  await using origin = await JsonServerOrigin.start();
  await withConfiguration(async (file) => {
    await using tour = await startTour("--config", file, "--origin", origin.url);
    expect(tour.lines.map(({ status }) => status)).toEqual([...ofLimit, ...ofLogin, ...ofLock]);
    expect(tour.text).toContain("  # not shown: a purge: GET / answers 404\n");
  });
});
