/** A Keyring that cannot sign: what becomes of those who come for a token meanwhile. */
import { beforeEach, describe, expect, test } from "vitest";
import { writeCode } from "../../workers/auth/grant-text.ts";
import { challengeOf } from "../../workers/auth/pkce.ts";
import { AuthWorld, client, person } from "./auth-world.ts";

const verifier = "v".repeat(43);
const basic = (name: string, secret: string) => `Basic ${btoa(`${name}:${secret}`)}`;
const password = { grant_type: "password", username: "alice", password: "alicealice" };

let world: AuthWorld;

beforeEach(() => {
  world = new AuthWorld();
  world.people.set("alice", person("alice"));
  world.clients.set("app", client("app", { scopes: ["read"], isPublic: true }));
  world.clients.set("robot", client("robot", { scopes: ["read"] }));
});

async function given(form: Readonly<Record<string, string>>) {
  const outcome = await world.ask(form);
  if (outcome.kind !== "given") throw new Error(`expected tokens: received ${outcome.error}`);
  return outcome;
}

async function codeFor(redirectUri: string): Promise<string> {
  const family = "f".repeat(22);
  const [startedAt, codeChallenge] = [world.now, await challengeOf(verifier)];
  const grant = { family, subject: "alice", client: "app", scopes: ["read"], startedAt, endsAt: startedAt + 900_000 };
  const code = { ...grant, redirectUri, codeChallenge, codeEndsAt: startedAt + 60_000 };
  await world.parts.grants(family).keepCode({ v: 1, code });
  return writeCode(family, world.parts.key);
}

describe("while the Keyring cannot sign", () => {
  const refused = { kind: "not_given", code: "overloaded", error: "temporarily_unavailable", retryAfterMs: 10_000 };

  test("nobody gets a token, and nobody is asked for anything", async () => {
    world.keyring = "refusing";
    const forms: readonly (readonly [Readonly<Record<string, string>>, string | null])[] = [
      [password, null],
      [{ ...password, password: "wrong" }, null],
      [{}, basic("alice", "alicealice")],
      [{ grant_type: "client_credentials" }, basic("robot", "robotrobot")],
      [{ grant_type: "refresh_token", refresh_token: "made up, or written under another secret" }, null],
    ];
    for (const [form, authorization] of forms) expect(await world.ask(form, authorization)).toMatchObject(refused);
    expect(world.calls).toBe(0);
  });

  test("T7 a refresh token and a code stay good for when it can again", async () => {
    const { refreshToken } = await given({ ...password, client_id: "app" });
    const [code, redirectUri] = [await codeFor("https://app.example.com/"), "https://app.example.com/"];
    const redeem = { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirectUri };
    const uses = [{ grant_type: "refresh_token", refresh_token: refreshToken ?? "" }, redeem];
    world.keyring = "refusing";
    for (const use of uses) expect(await world.ask({ ...use, client_id: "app" })).toMatchObject(refused);
    world.keyring = "signing";
    for (const use of uses) expect(await world.ask({ ...use, client_id: "app" })).toMatchObject({ kind: "given" });
  });

  test("whoever comes before it has said so is told the same", async () => {
    world.keyring = "unsaid";
    expect(await world.ask(password)).toMatchObject(refused);
  });
});
