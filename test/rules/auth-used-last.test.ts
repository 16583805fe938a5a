/**
 * T7: a code and a refresh token are used up last of all. Whatever fails before leaves them as they were, and nothing is
 * signed for what was used before.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { giveCode } from "../../workers/auth/codes.ts";
import { challengeOf } from "../../workers/auth/pkce.ts";
import { AuthWorld, client, person, settings } from "./auth-world.ts";

const verifier = "v".repeat(43);
const redirectUri = "https://app.example.com/";
const password = { grant_type: "password", username: "alice", password: "alicealice", client_id: "app" };

let world: AuthWorld;

beforeEach(() => {
  world = new AuthWorld();
  world.people.set("alice", person("alice"));
  world.clients.set("app", client("app", { scopes: ["read"], isPublic: true }));
});

afterEach(() => void vi.useRealTimers());

type Form = Readonly<Record<string, string>>;
const refreshWith = (token: string | null): Form => ({
  grant_type: "refresh_token",
  refresh_token: token ?? "",
  client_id: "app",
});

async function given(form: Form) {
  const outcome = await world.ask(form);
  if (outcome.kind !== "given") throw new Error(`expected tokens: received ${outcome.error}`);
  return outcome;
}

async function codeForm(): Promise<Form> {
  const code = await giveCode(world.parts, {
    person: world.people.get("alice") ?? person("alice"),
    proof: { by: "password", at: world.now },
    client: world.clients.get("app") ?? client("app"),
    redirectUri,
    codeChallenge: await challengeOf(verifier),
    scopes: ["read"],
    target: { resources: null, isChosen: false },
  });
  if (code.kind !== "code") throw new Error("expected a code");
  const form = { grant_type: "authorization_code", code: code.text, code_verifier: verifier };
  return { ...form, redirect_uri: redirectUri, client_id: "app" };
}

/** What can be used once; each a form that does. */
const ways: Readonly<Record<string, () => Promise<Form>>> = {
  "a refresh token": async () => refreshWith((await given(password)).refreshToken),
  "an authorization code": codeForm,
};

/** A Keyring or account that fails for `times` calls. */
function failing(times: number, fail: () => void): void {
  let left = times;
  world.meanwhile = {
    signing: () => {
      left -= 1;
      if (left >= 0) fail();
    },
  };
}

const away = () => {
  throw new Error("away");
};
const hangs = () => {
  world.now += 3_000;
  throw new Error("the Keyring did not answer within 3000 ms");
};
const outages: readonly (readonly [string, string, () => void, () => void])[] = [
  ["the Keyring fails once", "overloaded", () => failing(1, away), () => undefined],
  ["the Keyring is away", "overloaded", () => (world.down = "keyring"), () => (world.down = null)],
  ["the Keyring hangs", "overloaded", () => failing(1, hangs), () => undefined],
  ["the Keyring refuses", "overloaded", () => (world.keyring = "unsaid"), () => (world.keyring = "signing")],
  [
    "the token is too long",
    "malformed_request",
    () => world.people.set("alice", person("alice", { claims: { plan: "x".repeat(9_000) } })),
    () => world.people.set("alice", person("alice")),
  ],
  [
    "the token is signed late and nobody can say what came meanwhile",
    "overloaded",
    () => (world.meanwhile = { signed: () => [(world.now += 1_000), (world.down = "accounts")] }),
    () => [(world.meanwhile = {}), (world.down = null)],
  ],
  [
    "the token is signed late and its subject was revoked meanwhile",
    "token_invalid",
    () => (world.meanwhile = { signed: () => [(world.now += 1_000), world.cutOffs.set("alice", world.now)] }),
    () => [(world.meanwhile = {}), world.cutOffs.clear()],
  ],
];

describe.each(Object.entries(ways))("T7 %s", (_what, begin) => {
  test.each([0, 5_000])("is good after every outage before its use, with a grace of %i ms", async (graceMs) => {
    world.settings = { ...settings, refresh: { ttlSeconds: 86_400, graceMs } };
    for (const [what, code, fail, mend] of outages) {
      const form = await begin();
      const rows = structuredClone(world.ledger.rows);
      fail();
      expect(await world.ask(form), what).toMatchObject({ kind: "not_given", code });
      expect(world.ledger.rows, what).toEqual(rows);
      mend();
      const { refreshToken } = await given(form);
      expect(world.told, what).toEqual([]);
      expect(await world.ask(refreshWith(refreshToken)), what).toMatchObject({ kind: "given" });
    }
  });

  test("is good however often the Keyring failed before", async () => {
    const form = await begin();
    failing(20, away);
    for (let turn = 0; turn < 20; turn += 1) expect(await world.ask(form)).toMatchObject({ code: "overloaded" });
    expect(await world.ask(form)).toMatchObject({ kind: "given" });
    expect(world.told).toEqual([]);
  });

  test("used twice at once gives tokens to one of both", async () => {
    const form = await begin();
    const both = await Promise.all([world.ask(form), world.ask(form)]);
    expect(both.map(({ kind }) => kind).toSorted()).toEqual(["given", "not_given"]);
    expect(world.told).toHaveLength(1);
  });

  test("that another one uses while a token is signed gives nothing of what was signed", async () => {
    const form = await begin();
    const codeChallenge = await challengeOf(verifier);
    world.signed.length = 0;
    world.meanwhile = {
      signed: () => {
        const [family = ""] = world.ledger.rows.keys();
        const grants = world.parts.grants(family);
        const own = { v: 1, family, client: "app" } as const;
        if (form["grant_type"] === "refresh_token") void grants.refresh({ ...own, generation: 1, graceMs: 0 });
        else void grants.redeemCode({ ...own, redirectUri, codeChallenge, keepsFamily: true });
      },
    };
    expect(await world.ask(form)).toMatchObject({ kind: "not_given", code: "grant_invalid" });
    expect(world.signed).toHaveLength(1);
    expect(world.told).toHaveLength(1);
  });

  test("that was used costs no signature, however often it comes again, and ends what came of it", async () => {
    const form = await begin();
    await given(form);
    world.signed.length = 0;
    world.down = "keyring";
    for (let turn = 0; turn < 50; turn += 1) expect(await world.ask(form)).toMatchObject({ code: "grant_invalid" });
    expect(world.signed).toEqual([]);
    expect(world.told).toHaveLength(1);
  });

  test("is good once by a Grants object of older code, too", async () => {
    const form = await begin();
    world.isGrantsOld = true;
    expect(await world.ask(form)).toMatchObject({ kind: "given" });
    expect(await world.ask(form)).toMatchObject({ code: "grant_invalid" });
    expect(world.told).toHaveLength(1);
  });

  test.each([
    ["was lost on its way", "before"],
    ["hangs", "hanging"],
  ] as const)("whose use %s and was not done is good still", async (_how, when) => {
    const form = await begin();
    expect(await losing(form, when)).toMatchObject({ code: "outcome_unknown" });
    expect(await world.ask(form)).toMatchObject({ kind: "given" });
  });

  test("whose use was done and not answered is of unknown outcome, and nobody is told to try again", async () => {
    const answer = await losing(await begin(), "after");
    expect(answer).toMatchObject({ kind: "not_given", code: "outcome_unknown", error: "temporarily_unavailable" });
    expect(answer).not.toHaveProperty("retryAfterMs");
  });
});

/** Asks, while the answer of the use gets lost. */
async function losing(form: Form, when: "before" | "after" | "hanging") {
  world.lost = { call: form["grant_type"] === "refresh_token" ? "refresh" : "redeemCode", when };
  if (when !== "hanging") return world.ask(form);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const answer = world.ask(form);
  await expect.poll(() => world.lost).toBeNull();
  await vi.advanceTimersByTimeAsync(3_000);
  vi.useRealTimers();
  return answer;
}

describe("T7 a refresh token whose use was done and not answered", () => {
  test("gives the same successor within the grace", async () => {
    world.settings = { ...settings, refresh: { ttlSeconds: 86_400, graceMs: 5_000 } };
    const form = refreshWith((await given(password)).refreshToken);
    await losing(form, "after");
    world.now += 4_999;
    const { refreshToken } = await given(form);
    expect(refreshToken).toMatch(/^slr_.{22}\.2\./);
    expect(await world.ask(refreshWith(refreshToken))).toMatchObject({ kind: "given" });
    expect(world.told).toEqual([]);
  });

  test("is one that comes again where there is no grace", async () => {
    const form = refreshWith((await given(password)).refreshToken);
    await losing(form, "after");
    expect(await world.ask(form)).toMatchObject({ code: "grant_invalid" });
    expect(world.told).toHaveLength(1);
  });

  test("is not too late by what its own signature takes", async () => {
    world.settings = { ...settings, refresh: { ttlSeconds: 86_400, graceMs: 1_000 } };
    const form = refreshWith((await given(password)).refreshToken);
    await losing(form, "after");
    world.now += 900;
    world.meanwhile = { signing: () => (world.now += 600) };
    expect(await world.ask(form)).toMatchObject({ kind: "given" });
    expect(await world.ask(form)).toMatchObject({ code: "grant_invalid" });
  });
});

describe("no signature is made for a code", () => {
  test.each<readonly [string, Form, number]>([
    ["with another verifier", { code_verifier: "w".repeat(43) }, 0],
    ["with another redirect", { redirect_uri: "https://app.example.com/other" }, 0],
    ["past its minute", {}, 60_000],
  ])("%s", async (_what, more, afterMs) => {
    const form = await codeForm();
    world.now += afterMs;
    expect(await world.ask({ ...form, ...more })).toMatchObject({ code: "grant_invalid" });
    expect(world.signed).toEqual([]);
  });
});

test("a login that no token can be signed for begins no family", async () => {
  world.down = "keyring";
  expect(await world.ask(password)).toMatchObject({ code: "overloaded" });
  expect(world.ledger.rows.size).toBe(0);
});

describe("a lifetime of refresh tokens that was shortened", () => {
  const hourMs = 3_600_000;

  test.each<readonly [string, () => Promise<Form>]>(Object.entries(ways))(
    "holds for families from before: by %s",
    async (_what, begin) => {
      const { refreshToken } = await given(await begin());
      world.settings = { ...settings, refresh: { ttlSeconds: 3_600, graceMs: 0 } };
      world.now += hourMs - 1;
      const { refreshToken: last } = await given(refreshWith(refreshToken));
      world.now += 1;
      world.signed.length = 0;
      expect(await world.ask(refreshWith(last))).toMatchObject({ code: "grant_invalid" });
      expect([world.signed, world.told]).toEqual([[], []]);
      world.settings = settings;
      expect(await world.ask(refreshWith(last))).toMatchObject({ kind: "given" });
    },
  );

  test("leaves no family that outlives a revocation which is known for the new lifetime", async () => {
    const { refreshToken } = await given(password);
    world.settings = { ...settings, refresh: { ttlSeconds: 3_600, graceMs: 0 } };
    world.now += 1_000;
    world.cutOffs.set("alice", world.now);
    expect(await world.ask(refreshWith(refreshToken))).toMatchObject({ code: "grant_invalid" });
    world.now += hourMs + 2_000;
    world.cutOffs.clear();
    expect(await world.ask(refreshWith(refreshToken))).toMatchObject({ code: "grant_invalid" });
  });
});
