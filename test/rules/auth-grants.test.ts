/** Which tokens come of a login, a code, or a refresh token (RFC 6749, RFC 7636, RFC 9700). */
import { beforeEach, describe, expect, test } from "vitest";
import { giveCode } from "../../workers/auth/codes.ts";
import { writeCode, writeRefresh } from "../../workers/auth/grant-text.ts";
import { MeshKey } from "../../workers/auth/mesh-key.ts";
import { challengeOf } from "../../workers/auth/pkce.ts";
import { AuthWorld, client, hourMs, person, settings } from "./auth-world.ts";

const verifier = "v".repeat(43);
const basic = (name: string, secret: string) => `Basic ${btoa(`${name}:${secret}`)}`;
const anything = { resources: null, isChosen: false };
const password = { grant_type: "password", username: "alice", password: "alicealice" };

let world: AuthWorld;

beforeEach(() => {
  world = new AuthWorld();
  world.people.set(
    "alice",
    person("alice", { tenant: "acme", claims: { plan: "pro", iss: "elsewhere", sub: "root" } }),
  );
  world.clients.set(
    "app",
    client("app", { scopes: ["read"], redirectUris: ["https://app.example.com/"], isPublic: true }),
  );
  world.clients.set("robot", client("robot", { scopes: ["read", "mesh:locks"], resources: ["lock:inventory.*"] }));
});

async function given(form: Readonly<Record<string, string>>, authorization: string | null = null) {
  const outcome = await world.ask(form, authorization);
  if (outcome.kind !== "given") throw new Error(`expected tokens: received ${outcome.error}`);
  return outcome;
}

const refreshWith = (token: string | null, more: Readonly<Record<string, string>> = {}) =>
  world.ask({ grant_type: "refresh_token", refresh_token: token ?? "", ...more });

describe("a password", () => {
  test("gives the account's claims, and none that stands in for the mesh's own", async () => {
    await given(password);
    expect(world.signed.at(-1)).toMatchObject({
      aud: "inventory",
      sub: "alice",
      client_id: "mesh",
      roles: ["editor"],
      scope: "read write",
      tenant: "acme",
      plan: "pro",
    });
    expect(world.signed.at(-1)).not.toHaveProperty("iss");
  });

  test("with a client gives what both may", async () => {
    await given({ ...password, client_id: "app" });
    expect(world.signed.at(-1)).toMatchObject({ client_id: "app", scope: "read" });
  });

  test("by Basic credentials alone gives the same (RESTHeart)", async () => {
    const { subject } = await given({}, basic("alice", "alicealice"));
    expect(subject).toMatchObject({ name: "alice", client: null, roles: ["editor"] });
  });

  test.each([
    ["wrong", { ...password, password: "no" }],
    ["of nobody", { ...password, username: "bob" }],
    ["with a client that has a secret and does not show it", { ...password, client_id: "robot" }],
    ["with an unknown client", { ...password, client_id: "nobody" }],
  ])("that is %s is 401", async (_what, form) => {
    expect(await world.ask(form)).toMatchObject({ kind: "not_given", code: "token_invalid" });
    expect(world.signed).toEqual([]);
  });

  test("with a scope that the account has not gives nothing", async () => {
    expect(await world.ask({ ...password, scope: "read admin" })).toMatchObject({ error: "invalid_scope" });
  });

  test("right after all sessions were ended waits for the cut-off, and is good then", async () => {
    world.cutOffs.set("alice", world.now);
    const before = world.now;
    await given(password);
    expect(world.now - before).toBeGreaterThan(1_000);
    expect(world.now - before).toBeLessThanOrEqual(3_000);
  });

  test("right after all sessions were ended begins a login that goes on", async () => {
    world.cutOffs.set("alice", world.now);
    const { refreshToken } = await given(password);
    expect(await refreshWith(refreshToken)).toMatchObject({ kind: "given" });
  });

  test("that was set a moment ago by a clock that runs ahead begins a login that goes on", async () => {
    world.people.set("alice", person("alice", { proofChangedAt: world.now + 250 }));
    const { refreshToken } = await given(password);
    expect(await refreshWith(refreshToken)).toMatchObject({ kind: "given" });
  });

  test("before a cut-off that lies far ahead gives nothing", async () => {
    world.cutOffs.set("alice", world.now + hourMs);
    expect(await world.ask(password)).toMatchObject({ kind: "not_given", error: "invalid_grant" });
  });

  test.each(["accounts", "grants", "keyring"] as const)("with the %s unreachable is 503, not 401", async (down) => {
    world.down = down;
    expect(await world.ask(password)).toMatchObject({ code: "overloaded", error: "temporarily_unavailable" });
  });
});

test("a login that a service does not answer is 503, and names the service", async () => {
  world.down = "accounts";
  expect(await world.ask(password)).toMatchObject({ detail: "who decides about logins could not be asked" });
  world.whose = { service: "shop" };
  const detail = "shop, which decides about logins, gave no answer that says it";
  expect(await world.ask(password)).toMatchObject({ code: "overloaded", detail });
});

describe("a client's credentials", () => {
  test("give a token for itself, without a refresh token, bound to its resources", async () => {
    const outcome = await given({ grant_type: "client_credentials" }, basic("robot", "robotrobot"));
    expect(outcome.refreshToken).toBeNull();
    expect(world.signed.at(-1)).toMatchObject({ sub: "robot", client_id: "robot", resources: ["lock:inventory.*"] });
    expect(world.signed.at(-1)).not.toHaveProperty("sid");
  });

  test("give no scope that it has not", async () => {
    const form = { grant_type: "client_credentials", scope: "mesh:admin" };
    expect(await world.ask(form, basic("robot", "robotrobot"))).toMatchObject({ error: "invalid_scope" });
  });
});

describe("T7 a refresh token", () => {
  test("gives the next one, with the account read again", async () => {
    const first = await given(password);
    world.people.set("alice", person("alice", { roles: ["viewer"], scopes: ["read"] }));
    const next = await refreshWith(first.refreshToken);
    expect(next).toMatchObject({ kind: "given", subject: { roles: ["viewer"], scopes: ["read"] } });
    expect(world.signed.at(-1)?.["sid"]).toBe(world.signed.at(-2)?.["sid"]);
  });

  test("that comes again ends the family, and the mesh is told", async () => {
    const first = await given(password);
    const second = await refreshWith(first.refreshToken);
    expect(await refreshWith(first.refreshToken)).toMatchObject({ code: "grant_invalid", error: "invalid_grant" });
    expect(world.told).toMatchObject([{ type: "revocation", data: { family: world.signed[0]?.["sid"] } }]);
    expect(await refreshWith(second.kind === "given" ? second.refreshToken : null)).toMatchObject({
      code: "grant_invalid",
    });
  });

  test("within the grace gives the same successor to a client whose answer was lost", async () => {
    world.settings = { ...settings, refresh: { ttlSeconds: 86_400, graceMs: 5_000 } };
    const first = await given(password);
    const [one, two] = [await refreshWith(first.refreshToken), await refreshWith(first.refreshToken)];
    expect(one).toMatchObject({ kind: "given" });
    expect(two.kind === "given" && one.kind === "given" && two.refreshToken === one.refreshToken).toBe(true);
  });

  test.each([
    ["the account is gone", () => world.people.delete("alice")],
    ["its password was changed", () => world.people.set("alice", person("alice", { proofChangedAt: world.now + 1 }))],
  ])("is refused once %s, and stays refused", async (_what, change) => {
    const first = await given(password);
    const known = world.people.get("alice");
    change();
    expect(await refreshWith(first.refreshToken)).toMatchObject({ code: "grant_invalid" });
    if (known !== undefined) world.people.set("alice", known);
    expect(await refreshWith(first.refreshToken)).toMatchObject({ code: "grant_invalid" });
    expect(world.told).toHaveLength(1);
  });

  test("is refused while its subject is revoked, and good again once that is lifted", async () => {
    const first = await given(password);
    world.cutOffs.set("alice", world.now);
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await refreshWith(first.refreshToken)).toMatchObject({ code: "grant_invalid", error: "invalid_grant" });
    }
    expect(world.told).toEqual([]);
    world.cutOffs.clear();
    expect(await refreshWith(first.refreshToken)).toMatchObject({ kind: "given" });
  });

  test("is not used up by a call that could not read the account", async () => {
    const first = await given(password);
    world.down = "accounts";
    expect(await refreshWith(first.refreshToken)).toMatchObject({ code: "overloaded" });
    world.down = null;
    expect(await refreshWith(first.refreshToken)).toMatchObject({ kind: "given" });
  });

  test("of one client is nothing for another, and none for nobody", async () => {
    world.clients.set("other", client("other", { isPublic: true }));
    const first = await given({ ...password, client_id: "app" });
    expect(await refreshWith(first.refreshToken, { client_id: "other" })).toMatchObject({ code: "grant_invalid" });
    expect(await refreshWith(first.refreshToken)).toMatchObject({
      error: "invalid_request",
      detail: "client_id: expected",
    });
    expect(await refreshWith(first.refreshToken, { client_id: "app" })).toMatchObject({ kind: "given" });
  });

  test("may give less than before, and never more", async () => {
    const first = await given({ ...password, scope: "read" });
    expect(await refreshWith(first.refreshToken, { scope: "read write" })).toMatchObject({ error: "invalid_scope" });
    expect(await refreshWith(first.refreshToken, { scope: "read" })).toMatchObject({ kind: "given" });
  });

  test("that the mesh did not write costs no call", async () => {
    const first = await given(password);
    const text = first.refreshToken ?? "";
    const foreign = new MeshKey({ MESH_KEY_SECRET: "another secret of at least thirty-two chars" }, "grants");
    const forged = [
      "x",
      "slr_",
      text.replace(".1.", ".2."),
      text.replace("slr_", "slc_"),
      `${text}=`,
      ` ${text}`,
      text.slice(0, -1) + (text.endsWith("A") ? "B" : "A"),
      await writeRefresh({ family: "f".repeat(22), generation: 1 }, foreign),
      await writeCode("f".repeat(22), world.key),
    ];
    const before = world.calls;
    for (const token of forged) expect(await refreshWith(token)).toMatchObject({ code: "grant_invalid" });
    expect(world.calls).toBe(before);
  });

  test("is given only where the configuration says so", async () => {
    const before = await given(password);
    world.settings = { ...settings, refresh: null };
    expect((await given(password)).refreshToken).toBeNull();
    expect(await refreshWith(before.refreshToken)).toMatchObject({ code: "grant_invalid" });
  });

  test("of a rotated secret is good while the previous one is known", async () => {
    const old = { MESH_KEY_SECRET: "a secret of at least thirty-two characters" };
    const both = {
      MESH_KEY_SECRET: "another secret of at least thirty-two chars",
      MESH_KEY_SECRET_PREVIOUS: old.MESH_KEY_SECRET,
    };
    const mac = await new MeshKey(old, "grants").sign("text");
    expect(await new MeshKey(both, "grants").verifies("text", mac)).toBe(true);
    expect(await new MeshKey(old, "other").verifies("text", mac)).toBe(false);
  });
});

describe("T7 an authorization code", () => {
  const redirectUri = "https://app.example.com/";

  async function codeFor(changed: Partial<Parameters<typeof giveCode>[1]> = {}): Promise<string> {
    const codeChallenge = await challengeOf(verifier);
    const app = world.clients.get("app") ?? client("app");
    const proof = { by: "password", at: world.now } as const;
    const ask = {
      person: person("alice"),
      proof,
      client: app,
      redirectUri,
      codeChallenge,
      scopes: ["read"],
      target: anything,
      ...changed,
    };
    const kept = await giveCode(world.parts, ask);
    return kept.kind === "code" ? kept.text : "";
  }

  const redeem = (code: string, more: Readonly<Record<string, string>> = {}) =>
    world.ask({
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
      client_id: "app",
      ...more,
    });

  test("got right after all sessions were ended is good", async () => {
    world.cutOffs.set("alice", world.now);
    expect(await redeem(await codeFor())).toMatchObject({ kind: "given" });
  });

  test("gives the tokens once; used again it ends them", async () => {
    const code = await codeFor();
    const first = await redeem(code);
    expect(first).toMatchObject({ kind: "given", subject: { name: "alice", client: "app", scopes: ["read"] } });
    expect(await redeem(code)).toMatchObject({ code: "grant_invalid" });
    expect(world.told).toMatchObject([{ type: "revocation" }]);
    const token = first.kind === "given" ? first.refreshToken : null;
    expect(await refreshWith(token, { client_id: "app" })).toMatchObject({ code: "grant_invalid" });
  });

  test.each([
    ["another verifier", { code_verifier: "w".repeat(43) }],
    ["another redirect", { redirect_uri: "https://app.example.com/other" }],
    ["a redirect in another spelling", { redirect_uri: "https://app.example.com" }],
  ])("with %s gives nothing, and is good for its owner still", async (_what, more) => {
    const code = await codeFor();
    expect(await redeem(code, more)).toMatchObject({ code: "grant_invalid" });
    expect(await redeem(code)).toMatchObject({ kind: "given" });
  });

  test("of one client gives another nothing", async () => {
    world.clients.set("other", client("other", { isPublic: true }));
    expect(await redeem(await codeFor(), { client_id: "other" })).toMatchObject({ code: "grant_invalid" });
  });

  test("ends after a minute", async () => {
    const code = await codeFor();
    world.now += 60_000;
    expect(await redeem(code)).toMatchObject({ code: "grant_invalid" });
  });

  test("is not used up by a call that could not read the account", async () => {
    const code = await codeFor();
    world.down = "accounts";
    const app = await world.ask({
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
      client_id: "app",
    });
    expect(app).toMatchObject({ code: "overloaded" });
    world.down = null;
    expect(await redeem(code)).toMatchObject({ kind: "given" });
  });

  test("without refresh tokens in the configuration gives an access token alone", async () => {
    world.settings = { ...settings, refresh: null };
    expect(await redeem(await codeFor())).toMatchObject({ kind: "given", refreshToken: null });
  });
});
