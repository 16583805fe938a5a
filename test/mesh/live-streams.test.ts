/** T3 of what goes on: streams and sockets end with the token, or the API key, to which they were given, at every edge. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { AuthClient } from "../support/auth-client.ts";
import { type LiveClient, openLive } from "../support/live-client.ts";
import { LiveOrigin } from "../support/live-origin.ts";
import { startMesh } from "../support/mesh.ts";
import { audience, OidcIssuer } from "../support/oidc-issuer.ts";

let issuer: OidcIssuer;
let origin: LiveOrigin;
let mesh: LocalMesh;
let client: AuthClient;
let directory: string;

/** The issuer's port is not known before it runs, so the configuration is written then. */
function configurationFor(issuerUrl: string): string {
  return `import { defineMesh } from "selvedge";
export default defineMesh({
  environment: "local",
  viewLeaseMs: 400,
  mount: { auth: "/" },
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [
    { match: "/open/*", service: "origin", identity: "none" },
    { match: "/slots/*", service: "origin", identity: "required", limits: ["slots"] },
    { match: "/editors/*", service: "origin", identity: "required", allow: { roles: ["editor"] } },
    { match: "/kept/*", service: "origin", identity: "required", cache: { partition: ["subject"] } },
    { match: "/*", service: "origin", identity: "required" },
  ],
  accounts: { source: "mesh", rounds: 1 },
  limits: { slots: { by: "header:X-Pool", algorithm: "concurrency", quota: 9, windowMs: 5_000 } },
  issuers: [{
    issuer: ${JSON.stringify(issuerUrl)}, audience: ${JSON.stringify(audience)}, algorithms: ["ES256"],
    requiredClaims: [], toleranceSeconds: 0,
  }],
});
`;
}

beforeAll(async () => {
  issuer = await OidcIssuer.start();
  origin = await LiveOrigin.start();
  directory = mkdtempSync(join(tmpdir(), "selvedge-live-"));
  const configFile = join(directory, "mesh.config.ts");
  writeFileSync(configFile, configurationFor(issuer.issuer));
  mesh = await startMesh({ configFile, origins: { "*": origin.url }, faults: true });
  client = await AuthClient.open(mesh);
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

afterEach(() => mesh.faults.clear());

const patience = { timeout: 10_000, interval: 50 };
const whats = ["ws", "events", "bytes"] as const;

/** One of each at every edge. */
async function openAll(
  who: string,
  credential: Readonly<Record<string, string>>,
  { below = "", kinds = whats }: { readonly below?: string; readonly kinds?: readonly string[] } = {},
): Promise<readonly LiveClient[]> {
  const headers = { ...credential, "x-who": who };
  const paths = kinds.map((what) => `${below}/${what}`);
  return Promise.all(mesh.edges.flatMap(({ url }) => paths.map((path) => openLive(url, path, headers))));
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const endsOf = (clients: readonly LiveClient[]) => [
  ...new Set(clients.map(({ what, ended }) => `${what}: ${ended()}`)),
];
const areAllOver = (clients: readonly LiveClient[]) => () => clients.every(({ ended }) => ended() !== null);

/** What was sent to all of theirs has come to each. */
async function expectGoingOn(who: string, clients: readonly LiveClient[]): Promise<void> {
  const text = `still ${Math.random()}`;
  origin.send(who, `data: ${text}\n\n`);
  await expect.poll(() => clients.every(({ received }) => received().includes(text)), patience).toBe(true);
  expect(clients.map(({ ended }) => ended())).toEqual(clients.map(() => null));
}

const noticeOf = (code: string) => `event: mesh\ndata: {"code":"${code}"}\n\n`;

interface Case {
  readonly credential: Readonly<Record<string, string>>;
  /** With ack=everywhere. */
  readonly end: () => Promise<unknown>;
}

const cases: readonly (readonly [how: string, make: () => Promise<Case>])[] = [
  [
    "its token ends itself, at another edge",
    async () => {
      const { access_token: token } = await client.logIn();
      const end = () => fetch(`${client.at(1)}/token?ack=everywhere`, { method: "DELETE", headers: bearer(token) });
      return { credential: bearer(token), end };
    },
  ],
  [
    "its subject's tokens are ended",
    async () => ({
      credential: bearer(await issuer.sign({ sub: "by-subject" })),
      end: revoke({ subject: "by-subject" }),
    }),
  ],
  [
    "its login's tokens are ended",
    async () => ({ credential: bearer(await issuer.sign({ sid: "by-family" })), end: revoke({ family: "by-family" }) }),
  ],
  [
    "its API key is removed",
    async () => {
      const { keyId, apiKey } = (await client.admin("POST", "/keys", { owner: "ada" })) as Record<string, string>;
      const end = () => client.admin("DELETE", `/keys/${keyId}?ack=everywhere`);
      return { credential: { "x-api-key": apiKey ?? "" }, end };
    },
  ],
  [
    "the key that signed its token is removed",
    async () => {
      const { access_token: token } = await client.logIn();
      const [head = ""] = token.split(".");
      const { kid } = JSON.parse(Buffer.from(head, "base64url").toString()) as { readonly kid: string };
      return { credential: bearer(token), end: () => client.admin("DELETE", `/signing-keys/${kid}?ack=everywhere`) };
    },
  ],
];

function revoke(what: object): () => Promise<unknown> {
  return () => client.admin("POST", "/revocations?ack=everywhere", what);
}

describe("T3 at three edges, a WebSocket, an event stream and a body without an end are ended", () => {
  let others: readonly LiveClient[];
  beforeAll(async () => {
    others = await openAll("others", bearer(await issuer.sign({ sub: "other" })));
  });

  test.each(cases)("when %s, and each is told; nobody else's are", async (how, make) => {
    const { credential, end } = await make();
    const streams = await openAll(how, credential);
    await expectGoingOn(how, streams);
    // What has begun is not made a whole event by what the mesh says.
    origin.send(how, "data: half of an ev");
    await end();
    await expect.poll(areAllOver(streams), patience).toBe(true);
    expect(endsOf(streams)).toEqual(["ws: 3000 token revoked", "events: whole", "bytes: broken"]);
    for (const { received } of streams.filter(({ what }) => what === "events")) {
      expect(received()).toMatch(/^data: begun\n\ndata: still [\d.e-]+\n\nevent: mesh\n/);
      expect(received().endsWith(noticeOf("token_revoked"))).toBe(true);
    }
    await expect.poll(() => origin.count(how), patience).toBe(0);
    await expectGoingOn("others", others);
  });

  test("when its API key has lost the role that the route asks for", async () => {
    await client.admin("PUT", "/accounts/eve", { roles: ["editor"], scopes: ["read"] });
    const { apiKey = "" } = (await client.admin("POST", "/keys", { owner: "eve" })) as Record<string, string>;
    const streams = await openAll("editors", { "x-api-key": apiKey }, { below: "/editors" });
    const unbound = await openAll("unbound", { "x-api-key": apiKey });
    await client.admin("PUT", "/accounts/eve?ack=everywhere", { roles: [], scopes: ["read"] });
    await expect.poll(areAllOver(streams), patience).toBe(true);
    expect(endsOf(streams)).toEqual(["ws: 3003 no longer allowed", "events: whole", "bytes: broken"]);
    await expectGoingOn("unbound", unbound);
  });

  test("under a permit, which is free again at once; with a cache; and where a length was announced", async () => {
    const pool = { "x-pool": "revoked" };
    const token = bearer(await issuer.sign({ sub: "held" }));
    const held = await openAll("held", { ...token, ...pool }, { below: "/slots" });
    const kept = await openAll("kept", token, { below: "/kept", kinds: ["events", "bytes", "announced"] });
    const [url = ""] = mesh.edges.map((edge) => edge.url);
    const more = () => fetch(`${url}/slots/short`, { headers: { ...bearer(other), ...pool } });
    const other = await issuer.sign({ sub: "other" });
    expect((await more()).status).toBe(429);
    await revoke({ subject: "held" })();
    await expect.poll(areAllOver([...held, ...kept]), patience).toBe(true);
    expect(endsOf(held)).toEqual(["ws: 3000 token revoked", "events: whole", "bytes: broken"]);
    expect(endsOf(kept)).toEqual(["events: whole", "bytes: broken", "announced: broken"]);
    await expect.poll(async () => (await more()).status, patience).toBe(200);
    await expect.poll(() => origin.count("held") + origin.count("kept"), patience).toBe(0);
    const again = await openAll("again", { ...bearer(other), ...pool }, { below: "/slots" });
    for (const { reset } of again) reset();
    await expect.poll(() => origin.count("again"), patience).toBe(0);
  });

  test("also for a client that takes nothing any more", async () => {
    const token = await issuer.sign({ sub: "slow" });
    const streams = await openAll("slow", bearer(token));
    for (const { pause } of streams) pause();
    for (let sent = 0; sent < 64; sent += 1) origin.send("slow", `data: ${"x".repeat(65_536)}\n\n`);
    await revoke({ subject: "slow" })();
    await expect.poll(() => origin.count("slow"), patience).toBe(0);
    for (const { reset } of streams) reset();
  });

  test("and those of nobody in particular go on", async () => {
    const open = await openAll("open", {}, { below: "/open" });
    await expectGoingOn("open", open);
    await expectGoingOn("others", others);
  });
});

test("what has no end of its own ends with its token, and is warned before; a download outlives it, but no revocation", async () => {
  const exp = Math.ceil(Date.now() / 1_000) + 2;
  const streams = await openAll("expiring", bearer(await issuer.sign({ sub: "expiring", exp })));
  const [endless, downloads] = [
    streams.filter(({ what }) => what !== "bytes"),
    streams.filter(({ what }) => what === "bytes"),
  ];
  await expect.poll(areAllOver(endless), patience).toBe(true);
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000);
  expect(endsOf(endless)).toEqual(["ws: 3000 token expired", "events: whole"]);
  const expiresAt = new Date(exp * 1_000).toISOString();
  const warning = `event: mesh\ndata: ${JSON.stringify({ code: "token_expires", expiresAt })}\n\n`;
  for (const { received } of endless.filter(({ what }) => what === "events")) {
    expect(received()).toBe(`data: begun\n\n${warning}${noticeOf("token_expired")}`);
  }
  await expectGoingOn("expiring", downloads);
  await revoke({ subject: "expiring" })();
  await expect.poll(areAllOver(downloads), patience).toBe(true);
  expect(endsOf(downloads)).toEqual(["bytes: broken"]);
});

test("a client that goes away frees the upstream, also one that is silent", async () => {
  const streams = await openAll("leaving", bearer(await issuer.sign({})), { kinds: [...whats, "announced"] });
  expect(origin.count("leaving")).toBe(streams.length);
  for (const { reset } of streams) reset();
  await expect.poll(() => origin.count("leaving"), patience).toBe(0);
});

test(
  "T6 without a proof nothing goes on for longer than ten seconds, and it is told why",
  { timeout: 30_000 },
  async () => {
    const streams = await openAll("unproved", bearer(await issuer.sign({})));
    await mesh.faults.set({
      id: "away",
      lane: "fetch",
      to: "Region",
      method: "view",
      action: { kind: "lose_request" },
    });
    await expect.poll(areAllOver(streams), { timeout: 20_000, interval: 100 }).toBe(true);
    const [ws = "", ...rest] = endsOf(streams);
    expect(ws).toMatch(/^ws: 1013 /);
    expect(rest).toEqual(["events: whole", "bytes: broken"]);
    for (const { received, what } of streams) {
      if (what === "events") expect(received().endsWith(noticeOf("not_current"))).toBe(true);
    }
    await expect.poll(() => origin.count("unproved"), patience).toBe(0);
  },
);
