/** T3 and T6 over sockets: what a revocation that was acknowledged everywhere ends, in every region and isolate. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";
import { audience, OidcIssuer } from "../support/oidc-issuer.ts";

let issuer: OidcIssuer;
let origin: EchoOrigin;
let mesh: LocalMesh;
let directory: string;
let configFile: string;

/** The issuer's port is not known before it runs, so the configuration is written then. */
function configurationFor(issuerUrl: string): string {
  return `import { defineMesh } from "selvedge";
export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin", identity: "required" }],
  issuers: [{ issuer: ${JSON.stringify(issuerUrl)}, audience: ${JSON.stringify(audience)}, algorithms: ["ES256"], requiredClaims: [] }],
});
`;
}

beforeAll(async () => {
  issuer = await OidcIssuer.start();
  origin = await EchoOrigin.start();
  directory = mkdtempSync(join(tmpdir(), "selvedge-revocations-"));
  configFile = join(directory, "mesh.config.ts");
  writeFileSync(configFile, configurationFor(issuer.issuer));
  mesh = await startMesh({ configFile, origins: { "*": origin.url }, isolates: 2 });
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly code?: string;
}

async function ask(at: number, token: string, from = mesh): Promise<Answer> {
  const url = from.edges[at % from.edges.length]?.url ?? "";
  const response = await fetch(`${url}/echo`, { headers: { authorization: `Bearer ${token}` } });
  const body = (await response.json()) as { readonly code?: string };
  return response.status === 200 ? { status: 200 } : { status: response.status, ...body };
}

interface RevokedSeen {
  readonly status: number;
  readonly id: string;
  readonly revocation: string;
  readonly endsAt: string;
  readonly code?: string;
  readonly detail?: string;
  readonly regions: readonly { readonly region: string; readonly state: string }[];
}

async function call(method: string, path: string, body?: object, at = 0, from = mesh): Promise<RevokedSeen> {
  const response = await fetch(`${from.edges[at % from.edges.length]?.url ?? ""}/_mesh/v1/revocations${path}`, {
    method,
    headers: { authorization: `Bearer ${await from.adminToken()}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { ...((await response.json()) as Omit<RevokedSeen, "status">), status: response.status };
}

const now = () => Math.floor(Date.now() / 1_000);
/** Issued so long ago that a cut-off of now surely has it, and others' tolerances do not matter. */
const earlier = () => ({ iat: now() - 60 });

const kinds: readonly (readonly [what: string, claims: JWTPayload, target: (token: string) => object])[] = [
  ["itself", { jti: "by-itself" }, (token) => ({ token })],
  ["itself, which has no jti", { jti: undefined as never, sub: "nameless" }, (token) => ({ token })],
  ["its jti", { jti: "by-jti" }, () => ({ jti: "by-jti", issuer: issuer.issuer })],
  ["its subject", { sub: "by-subject" }, () => ({ subject: "by-subject" })],
  ["its client", { client_id: "by-client" }, () => ({ client: "by-client" })],
  ["its tenant", { tenant: "by-tenant" }, () => ({ tenant: "by-tenant" })],
  ["its family", { sid: "by-family" }, () => ({ family: "by-family" })],
  ["its subject and client", { sub: "both", client_id: "both" }, () => ({ subject: "both", client: "both" })],
];
const requestsAKind = 1_260;

describe("a revocation with ack=everywhere", () => {
  test.each(kinds)(
    "T3 of a token by %s: 0 of 1260 requests that begin after the answer are accepted",
    async (_what, claims, target) => {
      const token = await issuer.sign({ ...earlier(), ...claims });
      const other = await issuer.sign({ ...earlier(), sub: "other", client_id: "other" });
      const edges = mesh.edges.map((_, at) => at);
      // Every isolate has verified both, and keeps that.
      for (let round = 0; round < 2; round += 1) {
        const answers = await Promise.all(edges.flatMap((at) => [ask(at, token), ask(at, other)]));
        expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      }
      const reached = origin.calls.get("/echo") ?? 0;
      const revoked = await call("POST", "?ack=everywhere", target(token), 1);
      expect(revoked).toMatchObject({ status: 200 });
      expect(revoked.regions.map(({ region, state }) => `${region} ${state}`).toSorted()).toEqual([
        "apac applied",
        "enam applied",
        "weur applied",
      ]);
      expect(Date.parse(revoked.endsAt)).toBeGreaterThan(Date.now());
      const asks = Array.from({ length: requestsAKind }, (_, at) => () => ask(at, token));
      const answers = await all(asks);
      expect(answers.filter(({ status }) => status !== 401)).toEqual([]);
      expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(["token_revoked"]));
      expect(origin.calls.get("/echo")).toBe(reached);
      const others = await Promise.all(edges.map((at) => ask(at, other)));
      expect(others.map(({ status }) => status)).toEqual(edges.map(() => 200));
    },
  );

  test("T3 of a key ends all that it signed, until it is lifted", async () => {
    const token = await issuer.sign({});
    expect(await ask(0, token)).toEqual({ status: 200 });
    const revoked = await call("POST", "?ack=everywhere", { kid: "issuer-1", issuer: issuer.issuer });
    expect(revoked.endsAt).toMatch(/^9999-/);
    const answers = await all(Array.from({ length: 600 }, (_, at) => () => ask(at, token)));
    expect(answers.filter(({ code }) => code !== "token_revoked")).toEqual([]);
    const lifted = await call("DELETE", `/${revoked.revocation}?ack=everywhere`, undefined, 2);
    expect(lifted).toMatchObject({ status: 200, revocation: revoked.revocation });
    const again = await Promise.all(mesh.edges.map((_, at) => ask(at, token)));
    expect(again.map(({ status }) => status)).toEqual(mesh.edges.map(() => 200));
  });

  test("T3 while requests go on: none that begins after an answer is accepted, though all before were", async () => {
    const tokens = await Promise.all(
      Array.from({ length: 5 }, (_, index) => issuer.sign({ ...earlier(), jti: `going-${index}` })),
    );
    const over = new Set<string>();
    const seen = { before: 0, after: 0, accepted: 0 };
    const work = { isOver: false };
    const reader = async (at: number): Promise<void> => {
      for (let round = 0; !work.isOver; round += 1) {
        const token = tokens[(round + at) % tokens.length] ?? "";
        const isRevoked = over.has(token);
        const { status } = await ask(at, token);
        if (isRevoked) seen.after += 1;
        else seen.before += 1;
        if (isRevoked && status === 200) seen.accepted += 1;
      }
    };
    const readers = Promise.all(Array.from({ length: 12 }, (_, at) => reader(at)));
    for (const [index, token] of tokens.entries()) {
      expect((await call("POST", "?ack=everywhere", { token }, index)).status).toBe(200);
      over.add(token);
    }
    await expect.poll(() => seen.after, { interval: 10, timeout: 20_000 }).toBeGreaterThan(1_000);
    work.isOver = true;
    await readers;
    expect(seen.before).toBeGreaterThan(10);
    expect(seen.accepted).toBe(0);
  });
});

describe("the call", () => {
  test("T4 names no key that the mesh itself signs with: nobody is locked out by it", async () => {
    const keys = await fetch(`${mesh.edges[0]?.url ?? ""}/_mesh/v1/auth/.well-known/jwks.json`);
    const { keys: own } = (await keys.json()) as { readonly keys: readonly { readonly kid: string }[] };
    expect(own.length).toBeGreaterThan(1);
    for (const { kid } of own) {
      const refused = await call("POST", "", { kid });
      expect(refused).toMatchObject({ status: 409, code: "conflict" });
      expect(refused.detail).toContain(`DELETE /signing-keys/${kid}`);
    }
    expect(await call("POST", "", { kid: own[0]?.kid, issuer: issuer.issuer })).toMatchObject({ status: 200 });
    expect(await call("POST", "", { subject: "nobody" }, 1)).toMatchObject({ status: 200 });
  });

  test("answers after ack=regions by default, and the same id again gets the same revocation", async () => {
    const body = { subject: "twice", id: "revocation-twice" };
    const first = await call("POST", "", body);
    expect(first).toMatchObject({ status: 200, id: "revocation-twice", revocation: "revocation-twice" });
    expect(first.regions.map(({ state }) => state)).toEqual(["applied", "applied", "applied"]);
    const second = await call("POST", "", body, 1);
    expect(second).toMatchObject({ status: 200, endsAt: first.endsAt });
    expect(await call("POST", "", { ...body, subject: "other" })).toMatchObject({ status: 409, code: "conflict" });
  });

  test("a subject who logs in again is let in: only what was issued up to the cut-off is refused", async () => {
    const before = await issuer.sign({ sub: "again", ...earlier() });
    const issuedBefore = new Date(Date.now() - 30_000).toISOString();
    expect((await call("POST", "?ack=everywhere", { subject: "again", issuedBefore })).status).toBe(200);
    expect(await ask(0, before)).toMatchObject({ code: "token_revoked" });
    expect(await ask(0, await issuer.sign({ sub: "again" }))).toEqual({ status: 200 });
  });

  test("shows what holds, on any edge, a page at a time, and nothing that was lifted", async () => {
    const ids = ["shown-a", "shown-b", "shown-c"];
    for (const id of ids) expect((await call("POST", "", { jti: id, id })).status).toBe(200);
    const page = (query: string, at: number) =>
      call("GET", query, undefined, at) as Promise<unknown> as Promise<{
        readonly revocations: readonly { readonly id: string }[];
        readonly cursor?: string;
      }>;
    const first = await page("?limit=2&cursor=shown", 0);
    expect(first.revocations.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const second = await page(`?limit=2&cursor=${first.cursor}`, 1);
    expect(second.revocations[0]).toMatchObject({ id: "shown-c", jti: "shown-c", by: "admin" });
    expect(await call("GET", "/shown-b", undefined, 2)).toMatchObject({ status: 200, jti: "shown-b" });
    expect(await call("DELETE", "/shown-b")).toMatchObject({ status: 200 });
    expect(await call("GET", "/shown-b", undefined, 1)).toMatchObject({ status: 404, code: "not_found" });
    expect(await call("DELETE", "/shown-b")).toMatchObject({ status: 404, code: "not_found" });
  });

  test.each<readonly [string, () => object | Promise<object>, RegExp]>([
    ["nothing", () => ({}), /^body: expected token, jti, /],
    ["a field that does not exist", () => ({ sub: "ada" }), /^sub: expected no such field/],
    ["an issuer that is nobody's", () => ({ subject: "ada", issuer: "https://evil.example" }), /^issuer: /],
    [
      "a cut-off tomorrow",
      () => ({ subject: "a", issuedBefore: new Date(Date.now() + 9e7).toISOString() }),
      /^issuedBefore: /,
    ],
    ["a cut-off on no day", () => ({ subject: "ada", issuedBefore: "2026-02-30T00:00:00Z" }), /^issuedBefore: /],
    ["what is no token", () => ({ token: "x" }), /^token: expected one that the mesh/],
    ["a token with another's signature", async () => ({ token: await forged() }), /^token: expected one that the mesh/],
    ["a token and its jti", async () => ({ token: await issuer.sign({}), jti: "j" }), /^token: expected alone/],
    [
      "an expired token",
      async () => ({ token: await issuer.sign({ iat: now() - 600, exp: now() - 300 }) }),
      /expired$/,
    ],
    ["an id with a slash", () => ({ jti: "j", id: "a/b" }), /^id: /],
  ])("with %s is 400, which names the field", async (_what, make, detail) => {
    const answer = await call("POST", "", await make());
    expect(answer).toMatchObject({ status: 400, code: "malformed_request" });
    expect(answer.detail).toMatch(detail);
  });

  test("needs its scope", async () => {
    const read = await scopedToken("mesh:read");
    const url = `${mesh.edges[0]?.url}/_mesh/v1/revocations`;
    const headers = { authorization: `Bearer ${read}`, "content-type": "application/json" };
    const refused = await fetch(url, { method: "POST", headers, body: JSON.stringify({ jti: "j" }) });
    expect(refused.status).toBe(403);
    expect((await fetch(url, { headers })).status).toBe(200);
  });
});

describe("T6 an isolate that has just begun", () => {
  /** More than a view has of events, and more than a filter that goes along with it: the first is known by asking only. */
  const count = 1_100;

  test(
    "asks its Region about each token while its filter is on its way, and refuses when no Region can say it",
    { timeout: 120_000 },
    async () => {
      const stateDirectory = join(directory, "state");
      const options = { configFile, origins: { "*": origin.url }, stateDirectory, faults: true };
      const revoked = await issuer.sign({ ...earlier(), jti: "fresh-0" });
      const good = await issuer.sign({ ...earlier(), jti: "good" });
      await using(await startMesh(options), async (first) => {
        const made = Array.from(
          { length: count },
          (_, index) => () => call("POST", "?ack=none", { jti: `fresh-${index}` }, index, first),
        );
        expect(new Set((await all(made)).map(({ status }) => status))).toEqual(new Set([202]));
      });
      await using(await startMesh(options), async (second) => {
        const filter = { id: "filter", lane: "fetch", to: "Region", method: "revocationFilter" } as const;
        await second.faults.set({ ...filter, action: { kind: "delay", ms: 60_000 } });
        expect(await ask(0, revoked, second)).toMatchObject({ status: 401, code: "token_revoked" });
        expect(await ask(0, good, second)).toEqual({ status: 200 });
        expect((await second.faults.calls("edge-weur-1"))["fetch>Region.revoked"]).toBe(2);
        // What was said is kept.
        for (let round = 0; round < 20; round += 1) expect((await ask(0, revoked, second)).status).toBe(401);
        expect((await second.faults.calls("edge-weur-1"))["fetch>Region.revoked"]).toBe(2);
        const verdict = {
          id: "verdict",
          lane: "fetch",
          to: "Region",
          method: "revoked",
          action: { kind: "lose_request" },
        } as const;
        await second.faults.set({ ...filter, action: { kind: "lose_request" } }, verdict);
        expect(await ask(1, revoked, second)).toMatchObject({ status: 503, code: "not_current" });
        expect(await ask(1, good, second)).toMatchObject({ status: 503, code: "not_current" });
        expect((await second.faults.hits())["verdict"]).toBeGreaterThanOrEqual(6);
        await second.faults.clear();
        expect(await ask(1, revoked, second)).toMatchObject({ status: 401, code: "token_revoked" });
        expect(await ask(1, good, second)).toEqual({ status: 200 });
        // With its filter an isolate asks about what may be revoked, and about hardly anything else.
        const loads = async () => {
          await ask(1, await issuer.sign({}), second);
          return (await second.faults.calls("edge-enam-1"))["fetch>Region.revocationFilter"] ?? 0;
        };
        await expect.poll(loads, { timeout: 10_000 }).toBeGreaterThan(0);
        const tokens = await Promise.all(Array.from({ length: 200 }, () => issuer.sign({})));
        const before = (await second.faults.calls("edge-enam-1"))["fetch>Region.revoked"] ?? 0;
        const answers = await all(tokens.map((token) => () => ask(1, token, second)));
        expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
        expect(((await second.faults.calls("edge-enam-1"))["fetch>Region.revoked"] ?? 0) - before).toBeLessThan(10);
      });
    },
  );
});

/** Twenty at a time. */
async function all<Answered>(asks: readonly (() => Promise<Answered>)[]): Promise<Answered[]> {
  const answers: Answered[] = [];
  for (let first = 0; first < asks.length; first += 20) {
    answers.push(...(await Promise.all(asks.slice(first, first + 20).map((one) => one()))));
  }
  return answers;
}

async function using(started: LocalMesh, work: (mesh: LocalMesh) => Promise<void>): Promise<void> {
  try {
    await work(started);
  } finally {
    await started.stop();
  }
}

async function forged(): Promise<string> {
  const [mine, hers] = await Promise.all([issuer.sign({}), issuer.sign({ jti: "victim" })]);
  const parts = hers.split(".");
  return `${parts[0]}.${parts[1]}.${mine.split(".")[2]}`;
}

async function scopedToken(scope: string): Promise<string> {
  const response = await fetch(`${mesh.edges[0]?.url}/_mesh/v1/auth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`admin:${mesh.adminSecret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", scope }),
  });
  return ((await response.json()) as { readonly access_token: string }).access_token;
}
