/**
 * T4 and T5 with a real OpenID provider: logins and what may not pass for an access token, rotation while the mesh runs,
 * floods, and outages. One story on one mesh, in order; how an hour goes by is told in `simulation/issuers`.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { readToken } from "../../workers/token/reading.ts";
import { type Echo, EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";
import { audience, OidcIssuer } from "../support/oidc-issuer.ts";
import { dpopProof, exchange, type LoginTokens, OidcBrowser, refresh } from "../support/oidc-login.ts";
import { app } from "../support/oidc-settings.ts";
import { encode } from "../support/token-mint.ts";

const cooldownMs = 1_000;

let issuer: OidcIssuer;
let origin: EchoOrigin;
let mesh: LocalMesh;
let folder: string;
let configFile: string;
let tokens: LoginTokens;

/** As lenient as it may be: `jwt` is taken for a type, too. The issuer's port is not known before it runs. */
const configurationFor = (issuerUrl: string) => `import { defineMesh } from "selvedge";
export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin", identity: "required" }],
  issuers: [{
    issuer: ${JSON.stringify(issuerUrl)}, audience: ${JSON.stringify(audience)}, algorithms: ["ES256"],
    types: ["at+jwt", "jwt"], keysCooldownMs: ${cooldownMs}, maxStaleMs: 3_600_000,
  }],
});
`;

beforeAll(async () => {
  issuer = await OidcIssuer.start();
  origin = await EchoOrigin.start();
  folder = mkdtempSync(join(tmpdir(), "selvedge-issuers-"));
  configFile = join(folder, "mesh.config.ts");
  writeFileSync(configFile, configurationFor(issuer.issuer));
  mesh = await start();
  tokens = await exchange(issuer.issuer, audience, await authorized());
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const start = () => startMesh({ configFile, origins: { "*": origin.url }, stateDirectory: join(folder, "state") });
/** In a browser of its own: a second login in one would end the first one's grant. */
const authorized = () => new OidcBrowser().authorize({ issuer: issuer.issuer, audience });
const urlAt = (at: number) => mesh.edges[at % mesh.edges.length]?.url ?? "";

async function ask(at: number, token: string): Promise<number> {
  const response = await fetch(`${urlAt(at)}/echo`, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

/** Each fetch of the set begins with discovery, at the first of its two places. */
const fetchesBegun = () => issuer.calls.get("/.well-known/oauth-authorization-server") ?? 0;

const everywhere = (token: string) => Promise.all(mesh.edges.map((_, at) => ask(at, token)));

interface KeySetSeen {
  readonly state: string;
  readonly keys: readonly string[];
  readonly fetchedAt: string;
  readonly endsAt: string;
  readonly failures: number;
  readonly lastFailure: string | null;
}

interface StatusSeen {
  readonly epoch: string;
  readonly seq: number;
  readonly edge: { readonly cursor: string | null };
  readonly issuers: readonly KeySetSeen[];
}

async function statusAt(at: number): Promise<StatusSeen> {
  const headers = { authorization: `Bearer ${await mesh.adminToken()}` };
  return (await (await fetch(`${urlAt(at)}/_mesh/v1/status`, { headers })).json()) as StatusSeen;
}

async function keySet(): Promise<KeySetSeen> {
  const [first] = (await statusAt(0)).issuers;
  if (first === undefined) throw new Error("expected the issuer in the status");
  return first;
}

/** The good token's claims under a key id that no set has. */
const forged = () => {
  const [, claims, signature] = tokens.access_token.split(".");
  const header = { alg: "ES256", typ: "at+jwt", kid: randomBytes(8).toString("hex") };
  return `${encode(JSON.stringify(header))}.${claims}.${signature}`;
};

describe("a login by authorization code with PKCE", () => {
  test("gives a token that is accepted, and names the person to the origin", async () => {
    const response = await fetch(`${urlAt(0)}/echo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    expect(response.status).toBe(200);
    const fields = new Map(((await response.json()) as Echo).fields);
    expect(fields.get("mesh-subject")).toContain("ada");
    expect(fields.get("mesh-issuer")).toContain(issuer.issuer);
  });

  test("T5 every port has the keys for the one fetch, and the status shows them", async () => {
    for (const [at] of mesh.edges.entries()) {
      await expect
        .poll(async () => {
          const { epoch, seq, edge } = await statusAt(at);
          return edge.cursor === `${epoch}.${seq}`;
        })
        .toBe(true);
    }
    expect(await everywhere(tokens.access_token)).toEqual([200, 200, 200]);
    expect(issuer.keyFetches).toBe(1);
    const seen = await keySet();
    expect(seen).toMatchObject({
      issuer: issuer.issuer,
      state: "fresh",
      keys: ["issuer-1", "issuer-rsa"],
      failures: 0,
    });
    expect(Date.parse(seen.endsAt) - Date.parse(seen.fetchedAt)).toBe(3_600_000);
  });

  test("can be refreshed, and both tokens are good until they end", async () => {
    const renewed = await refresh(issuer.issuer, audience, tokens.refresh_token);
    expect(renewed.access_token).not.toBe(tokens.access_token);
    expect(await everywhere(renewed.access_token)).toEqual([200, 200, 200]);
    expect(await everywhere(tokens.access_token)).toEqual([200, 200, 200]);
    tokens = { ...tokens, refresh_token: renewed.refresh_token };
  });
});

/** Everything that the provider and its application make, but access tokens. */
const kinds: readonly (readonly [what: string, make: () => Promise<string>])[] = [
  ["an ID token", async () => tokens.id_token],
  ["a refresh token", async () => tokens.refresh_token],
  ["an authorization code", async () => (await authorized()).response.get("code") ?? ""],
  [
    "an authorization response as a JWT (JARM)",
    async () => {
      const granted = await new OidcBrowser().authorize({ issuer: issuer.issuer, audience, responseMode: "query.jwt" });
      return granted.response.get("response") ?? "";
    },
  ],
  ["a DPoP proof", () => dpopProof("GET", `${urlAt(0)}/echo`)],
  [
    "a logout token",
    async () => {
      const other = new OidcBrowser();
      const granted = await other.authorize({ issuer: issuer.issuer, audience });
      const { id_token: idToken } = await exchange(issuer.issuer, audience, granted);
      await other.logout(issuer.issuer, idToken);
      return issuer.logoutTokens.at(-1) ?? "";
    },
  ],
  ["a security event token under its key", () => issuer.sign({ events: { "urn:test": {} } }, "secevent+jwt")],
  ["a status list under its key", () => issuer.sign({ status_list: { bits: 1 } }, "statuslist+jwt")],
  ["a token introspection under its key", () => issuer.sign({}, "token-introspection+jwt")],
  ["an access token of another version under its key", () => issuer.sign({}, "at2+jwt")],
];

describe("T1 what is no access token", () => {
  test.each(kinds)("%s is refused on every port", async (_what, make) => {
    const token = await make();
    expect(token).not.toBe("");
    expect(await everywhere(token)).toEqual([401, 401, 401]);
  });

  /** With the usual types even one that is meant for the right audience. */
  test.each(kinds)("%s is refused by its type alone, or is no JWT", async (_what, make) => {
    const rules = {
      issuer: issuer.issuer,
      audience: [audience, app.id],
      algorithms: ["ES256"],
      types: ["at+jwt"],
      requiredClaims: ["iat"],
      maxLifetimeSeconds: 3_600,
      toleranceSeconds: 5,
      claims: { tenant: "tenant", roles: "roles", client: "client_id" },
    };
    const read = (token: string) => readToken(token, new Map([[issuer.issuer, rules]]), Date.now());
    const reading = read(await make());
    expect(read(tokens.access_token).kind).toBe("readable");
    // A proof names no issuer at all.
    expect(["type_not_accepted", "parts_wrong", "claim_missing"]).toContain(
      reading.kind === "refused" ? reading.reason : reading.kind,
    );
  });
});

describe("T4 T5 rotation while the mesh runs", () => {
  test("the first token of a new key is accepted where it comes first, then everywhere, for one fetch", async () => {
    await expect.poll(async () => Date.now() - Date.parse((await keySet()).fetchedAt)).toBeGreaterThan(cooldownMs);
    const before = issuer.keyFetches;
    issuer.publish("issuer-1", "issuer-2");
    expect(await everywhere(tokens.access_token)).toEqual([200, 200, 200]);
    issuer.publish("issuer-2", "issuer-1");
    const renewed = await refresh(issuer.issuer, audience, tokens.refresh_token);
    expect(decodeProtectedHeader(renewed.access_token).kid).toBe("issuer-2");
    // The first port asked for keys a moment ago; the second never did.
    expect(await ask(1, renewed.access_token)).toBe(200);
    await expect.poll(() => everywhere(renewed.access_token)).toEqual([200, 200, 200]);
    expect(await everywhere(tokens.access_token)).toEqual([200, 200, 200]);
    expect(issuer.keyFetches).toBe(before + 1);
    expect((await keySet()).keys).toEqual(["issuer-2", "issuer-1", "issuer-rsa"]);
  });

  test("tokens of a removed key are refused everywhere once the set was fetched again, others are not", async () => {
    const old = tokens.access_token;
    issuer.publish("issuer-2");
    tokens = await exchange(issuer.issuer, audience, await authorized());
    await expect
      .poll(
        async () => {
          await everywhere(forged());
          return everywhere(old);
        },
        { timeout: 20_000 },
      )
      .toEqual([401, 401, 401]);
    expect(await everywhere(tokens.access_token)).toEqual([200, 200, 200]);
  });
});

async function revoke(what: object): Promise<number> {
  const response = await fetch(`${urlAt(0)}/_mesh/v1/revocations?ack=everywhere`, {
    method: "POST",
    headers: { authorization: `Bearer ${await mesh.adminToken()}`, "content-type": "application/json" },
    body: JSON.stringify({ ...what, issuer: issuer.issuer }),
  });
  await response.arrayBuffer();
  return response.status;
}

describe("T3 revocation", () => {
  test("at the provider does not reach its access tokens; a revocation of the mesh by jti does", async () => {
    const { access_token: token, refresh_token: refreshToken } = await exchange(
      issuer.issuer,
      audience,
      await authorized(),
    );
    const body = new URLSearchParams({ client_id: app.id, token: refreshToken });
    expect((await fetch(`${issuer.issuer}/token/revocation`, { method: "POST", body })).status).toBe(200);
    await expect(refresh(issuer.issuer, audience, refreshToken)).rejects.toThrow("invalid_grant");
    expect(await everywhere(token)).toEqual([200, 200, 200]);
    expect(await revoke({ jti: decodeJwt(token).jti })).toBe(200);
    expect(await everywhere(token)).toEqual([401, 401, 401]);
    expect(await everywhere(tokens.access_token)).toEqual([200, 200, 200]);
  });

  test("by subject ends all of the person's tokens, and no program's", async () => {
    const program = await issuer.token();
    expect(await revoke({ subject: "ada" })).toBe(200);
    expect(await everywhere(tokens.access_token)).toEqual([401, 401, 401]);
    expect(await everywhere(program)).toEqual([200, 200, 200]);
  });
});

describe("T5 an issuer that is down", () => {
  let good: string;

  test("is asked at most once a cooldown under random key ids on all ports, and no good token is refused", async () => {
    good = await issuer.token();
    expect(await everywhere(good)).toEqual([200, 200, 200]);
    issuer.isUp = false;
    const before = fetchesBegun();
    const from = Date.now();
    let forgeries = 0;
    while (forgeries < 1_000 || fetchesBegun() < before + 2) {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => ask(index, forged())));
      expect(new Set(answers)).toEqual(new Set([401]));
      expect(await everywhere(good)).toEqual([200, 200, 200]);
      forgeries += answers.length;
    }
    const [fetches, inMs] = [fetchesBegun() - before, Date.now() - from];
    console.info(`${forgeries} random key ids on 3 ports in ${inMs} ms: ${fetches} fetches, all of which failed`);
    expect(fetches).toBeLessThanOrEqual(1 + Math.ceil(inMs / cooldownMs));
  });

  test("is shown so in the status, with the reason", async () => {
    expect(await keySet()).toMatchObject({
      state: "fresh",
      keys: ["issuer-2", "issuer-rsa"],
      lastFailure: "status_unexpected",
    });
    expect((await keySet()).failures).toBeGreaterThan(0);
  });

  test("has its tokens accepted by isolates that begin while it is down: its set is in the Log", async () => {
    const before = fetchesBegun();
    await mesh.stop();
    mesh = await start();
    expect(await everywhere(good)).toEqual([200, 200, 200]);
    expect(fetchesBegun()).toBe(before);
  });
});
