/** Logins, refreshes and renewals that are under way while their account changes or is logged out. */
import { beforeEach, describe, expect, test } from "vitest";
import { giveCode, type Proof } from "../../workers/auth/codes.ts";
import { challengeOf } from "../../workers/auth/pkce.ts";
import { renew } from "../../workers/auth/renew.ts";
import { AuthWorld, client, issuer, person, settings } from "./auth-world.ts";

const verifier = "v".repeat(43);
const redirectUri = "https://app.example.com/";
const basic = (name: string, secret: string) => `Basic ${btoa(`${name}:${secret}`)}`;
const password = { grant_type: "password", username: "alice", password: "alicealice" };
const credentials = { grant_type: "client_credentials" };
const robot = () => world.ask(credentials, basic("robot", "robotrobot"));

let world: AuthWorld;

beforeEach(() => {
  world = new AuthWorld();
  world.people.set("alice", person("alice"));
  world.clients.set("app", client("app", { scopes: ["read"], isPublic: true }));
  world.clients.set("robot", client("robot", { scopes: ["read"] }));
});

/** As an account's object does it, by the same clock. */
function changePassword(name = "alice", { isHeardOf = true } = {}): void {
  world.people.set(name, person(name, { proofChangedAt: world.now }));
  if (isHeardOf) world.cutOffs.set(name, world.now);
}

/** Once, however often it is waited. */
function once(happens: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) happens();
    isDone = true;
  };
}

const refused = { kind: "not_given", code: "token_invalid", error: "invalid_grant" };
const refreshWith = (refreshToken: string | null, more: Readonly<Record<string, string>> = {}) =>
  world.ask({ grant_type: "refresh_token", refresh_token: refreshToken ?? "", ...more });

describe("T3 a login that waits for a cut-off to pass", () => {
  beforeEach(() => {
    world.cutOffs.set("alice", world.now);
    world.cutOffs.set("robot", world.now);
  });

  test.each<readonly [string, () => void]>([
    ["is given another password", () => changePassword()],
    ["is given another password, and no Region has heard of it", () => changePassword("alice", { isHeardOf: false })],
    ["is removed or disabled", () => world.people.delete("alice")],
    ["is logged out everywhere once more", () => world.cutOffs.set("alice", world.now - 500)],
  ])("is none when its account %s meanwhile", async (_what, happens) => {
    world.meanwhile = { waited: once(happens) };
    expect(await world.ask(password)).toMatchObject(refused);
    expect(world.signed).toEqual([]);
    expect(world.ledger.rows.size).toBe(0);
  });

  test("is told 503 when its account cannot be read again", async () => {
    world.meanwhile = { waited: () => (world.down = "accounts") };
    expect(await world.ask(password)).toMatchObject({ code: "overloaded" });
  });

  test("gives what its account may after the wait", async () => {
    world.meanwhile = {
      waited: () => world.people.set("alice", person("alice", { roles: ["viewer"], scopes: ["read"], tenant: "acme" })),
    };
    expect(await world.ask(password)).toMatchObject({ kind: "given" });
    expect(world.signed).toMatchObject([{ roles: ["viewer"], scope: "read", tenant: "acme" }]);
  });

  test("gives no code either", async () => {
    world.meanwhile = { waited: once(changePassword) };
    expect(await codeBy({ by: "password", at: world.now })).toMatchObject(refused);
  });

  test.each<readonly [string, () => void]>([
    ["has another secret", () => world.clients.set("robot", client("robot", { proofChangedAt: world.now }))],
    ["is gone", () => world.clients.delete("robot")],
    ["was logged out once more", () => world.cutOffs.set("robot", world.now - 500)],
  ])("is none of a client that %s by then", async (_what, happens) => {
    world.meanwhile = { waited: once(happens) };
    expect(await robot()).toMatchObject({ kind: "not_given", code: "token_invalid" });
    expect(world.signed).toEqual([]);
  });

  test("gives a client what it may after the wait", async () => {
    world.clients.set("robot", client("robot", { scopes: ["read", "write"] }));
    world.meanwhile = { waited: () => world.clients.set("robot", client("robot", { scopes: ["read"] })) };
    expect(await robot()).toMatchObject({ kind: "given", subject: { scopes: ["read"] } });
  });
});

describe("T3 a login counts from before its password is looked at", () => {
  /** As long as it takes until the place in the login guard was given back. */
  const change = (happens: () => void) => {
    world.meanwhile = {
      checked: once(() => {
        world.now += 10;
        happens();
        world.now += 150;
      }),
    };
  };

  test("one password change while its answer is under way ends it", async () => {
    change(changePassword);
    expect(await world.ask(password)).toMatchObject(refused);
    expect(world.signed).toEqual([]);
  });

  test("and if no Region has heard of the change yet, nothing more comes of it", async () => {
    change(() => changePassword("alice", { isHeardOf: false }));
    const login = await world.ask(password);
    expect(login).toMatchObject({ kind: "given" });
    expect(await refreshWith(login.kind === "given" ? login.refreshToken : null)).toMatchObject({
      error: "invalid_grant",
    });
  });

  test("also where a service has the accounts, and the mesh hears of the change by a revocation alone", async () => {
    change(() => world.cutOffs.set("alice", world.now));
    expect(await world.ask(password)).toMatchObject(refused);
    expect(world.signed).toEqual([]);
  });

  test("with a client: from before the client's secret is looked at, too", async () => {
    change(() => world.cutOffs.set("alice", world.now));
    const answer = await world.ask({ ...password, client_id: "robot", client_secret: "robotrobot" });
    expect(answer).toMatchObject(refused);
  });

  test("a client's own: a revocation while its answer is under way is not waited for", async () => {
    change(() => world.cutOffs.set("robot", world.now));
    expect(await robot()).toMatchObject({ kind: "not_given" });
    expect(world.signed).toEqual([]);
  });
});

describe("T3 a token that is signed late", () => {
  const late = (happens: () => void = () => undefined) => {
    world.meanwhile = {
      signed: () => {
        world.now += 300;
        happens();
        world.now += 2_300;
      },
    };
  };
  const tokenOf = () => {
    const iat = Math.floor(world.now / 1_000);
    const said = { tenant: null, roles: [], scopes: ["read"], claims: { iat, sid: "the-login" }, expiresAt: iat + 900 };
    return { issuer, subject: "alice", client: "mesh", ...said };
  };
  const ways: readonly (readonly [string, () => Promise<() => Promise<{ readonly kind: string }>>])[] = [
    ["a login", async () => () => world.ask(password)],
    [
      "a login without refresh tokens",
      async () => {
        world.settings = { ...settings, refresh: null };
        return () => world.ask(password);
      },
    ],
    [
      "a refresh",
      async () => {
        const login = await world.ask(password);
        return () => refreshWith(login.kind === "given" ? login.refreshToken : null);
      },
    ],
    [
      "a code",
      async () => {
        const code = await codeBy({ by: "password", at: world.now });
        return () => redeem(code.kind === "code" ? code.text : "");
      },
    ],
    ["a renewal", async () => () => renew(world.parts, tokenOf())],
    ["a client's credentials", async () => robot],
  ];

  test.each(ways)("by %s is not given when its subject was logged out meanwhile", async (_what, begin) => {
    const ask = await begin();
    late(() => ["alice", "robot"].forEach((name) => world.cutOffs.set(name, world.now)));
    expect(await ask()).toMatchObject({ kind: "not_given" });
  });

  test.each(ways)("by %s is given when nothing happened", async (_what, begin) => {
    const ask = await begin();
    late();
    expect(await ask()).toMatchObject({ kind: "given" });
  });

  test.each(ways)("by %s is not given when nobody can say what happened", async (_what, begin) => {
    const ask = await begin();
    late(() => (world.down = "accounts"));
    expect(await ask()).toMatchObject({ kind: "not_given", error: "temporarily_unavailable" });
  });
});

describe("a code got with a token", () => {
  test("counts from when the token was issued", async () => {
    const issuedAt = world.now;
    world.now += 60_000;
    const code = await codeBy({ by: "token", at: issuedAt });
    world.cutOffs.set("alice", issuedAt + 30_000);
    expect(await redeem(code.kind === "code" ? code.text : "")).toMatchObject({ code: "grant_invalid" });
    world.cutOffs.clear();
    expect(await redeem(code.kind === "code" ? code.text : "")).toMatchObject({ kind: "given" });
  });

  test("is good for a minute, however old the token", async () => {
    const code = await codeBy({ by: "token", at: world.now - 600_000 });
    world.now += 59_000;
    expect(await redeem(code.kind === "code" ? code.text : "")).toMatchObject({ kind: "given" });
  });

  test("is none, and waits for nothing, when sessions were ended since", async () => {
    const before = world.now;
    world.cutOffs.set("alice", before);
    expect(await codeBy({ by: "token", at: before })).toMatchObject({ error: "access_denied" });
    expect(world.now).toBe(before);
  });

  test("ends with what a login of the token's time may last, and is none after it", async () => {
    world.settings = { ...settings, ttlSeconds: 3_600, refresh: { ttlSeconds: 600, graceMs: 0 } };
    const code = await codeBy({ by: "token", at: world.now - 590_000 });
    const given = await redeem(code.kind === "code" ? code.text : "");
    const next = given.kind === "given" ? given.refreshToken : null;
    world.now += 9_000;
    const again = await refreshWith(next, { client_id: "app" });
    expect(again).toMatchObject({ kind: "given" });
    world.now += 2_000;
    const last = again.kind === "given" ? again.refreshToken : null;
    expect(await refreshWith(last, { client_id: "app" })).toMatchObject({ code: "grant_invalid" });
    expect(await codeBy({ by: "token", at: world.now - 600_000 })).toMatchObject({ error: "access_denied" });
  });

  test("is none when its account has another password since", async () => {
    world.people.set("alice", person("alice", { proofChangedAt: world.now + 1 }));
    expect(await codeBy({ by: "token", at: world.now })).toMatchObject({ error: "access_denied" });
  });
});

async function codeBy(proof: Proof) {
  const codeChallenge = await challengeOf(verifier);
  const who = world.people.get("alice") ?? person("alice");
  const target = { resources: null, isChosen: false };
  const app = world.clients.get("app") ?? client("app");
  return giveCode(world.parts, {
    person: who,
    proof,
    client: app,
    redirectUri,
    codeChallenge,
    scopes: ["read"],
    target,
  });
}

function redeem(code: string) {
  const form = { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirectUri };
  return world.ask({ ...form, client_id: "app" });
}
