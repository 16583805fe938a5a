/** What a token is for (RFC 8707): the resources of its client, or those of them that were asked for. */
import { beforeEach, describe, expect, test } from "vitest";
import { giveCode } from "../../workers/auth/codes.ts";
import { challengeOf } from "../../workers/auth/pkce.ts";
import { renew } from "../../workers/auth/renew.ts";
import { targetOf, type Target } from "../../workers/auth/target.ts";
import type { Identity } from "../../workers/token/identity.ts";
import { AuthWorld, client, issuer, person } from "./auth-world.ts";

const basic = (name: string) => `Basic ${btoa(`${name}:${name}${name}`)}`;
const password = { grant_type: "password", username: "alice", password: "alicealice" };
const byClient = { grant_type: "client_credentials" };
const verifier = "v".repeat(43);

let world: AuthWorld;

beforeEach(() => {
  world = new AuthWorld();
  world.people.set("alice", person("alice"));
  world.clients.set("free", client("free", { scopes: ["read"], isPublic: true, redirectUris: ["https://a.example/"] }));
  const resources = ["service:inventory", "lock:stock.*", "depot:north"];
  world.clients.set("bound", client("bound", { resources, isPublic: true, redirectUris: ["https://a.example/"] }));
});

/** What was signed last. */
const said = () => {
  const { aud, resources } = world.signed.at(-1) ?? {};
  return { aud, resources };
};

async function refreshed(token: string | null, more: Readonly<Record<string, string>>) {
  return world.ask({ grant_type: "refresh_token", refresh_token: token ?? "", ...more });
}

async function given(form: Readonly<Record<string, string>>, authorization: string | null = null) {
  const outcome = await world.ask(form, authorization);
  if (outcome.kind !== "given") throw new Error(`expected tokens: received ${outcome.error}`);
  return outcome;
}

describe("without a resource asked for", () => {
  test("a token is for the usual audience, and bound to what its client is bound to", async () => {
    await given(byClient, basic("bound"));
    const bound = { aud: "inventory", resources: ["service:inventory", "lock:stock.*", "depot:north"] };
    expect(said()).toEqual(bound);
    await given({ ...password, client_id: "bound" });
    expect(said()).toEqual(bound);
    await given({ ...password, client_id: "free" });
    expect(said()).toEqual({ aud: "inventory", resources: undefined });
  });

  test("the mesh's own audience, asked for by its name, is the same", async () => {
    await given({ ...byClient, resource: "inventory" }, basic("bound"));
    expect(said()).toMatchObject({ aud: "inventory", resources: { length: 3 } });
  });
});

describe("with a resource asked for", () => {
  test.each([
    ["bound", "service:inventory"],
    ["bound", "lock:stock.*"],
    ["bound", "lock:stock.shelf-7"],
    ["bound", "lock:stock.shelf*"],
    ["bound", "depot:north"],
    ["free", "service:billing"],
    ["free", "service:*"],
    ["free", "lock:anything"],
    ["free", "limit:reads"],
  ])("a token of the client %s is for %s alone", async (id, resource) => {
    await given({ ...byClient, resource }, basic(id));
    expect(said()).toEqual({ aud: [resource], resources: [resource] });
  });

  test.each([
    ["bound", "service:billing"],
    ["bound", "service:*"],
    ["bound", "lock:*"],
    ["bound", "lock:stocks"],
    ["bound", "lock:stock*"],
    ["bound", "limit:reads"],
    ["bound", "depot:south"],
    ["free", "service:nowhere"],
    ["free", "depot:north"],
    ["free", "https://api.example.com"],
    ["free", "inventory2"],
    ["free", "lock:"],
    ["free", "lock:a#b"],
    ["free", "LOCK:a"],
  ])("%s gets none for %s, and is told invalid_target", async (id, resource) => {
    const answer = await world.ask({ ...byClient, resource }, basic(id));
    expect(answer).toMatchObject({ kind: "not_given", code: "malformed_request", error: "invalid_target" });
    expect(world.signed).toEqual([]);
  });

  test("several are all of them or none", () => {
    const around = { client: { resources: ["service:inventory", "lock:a"] }, granted: null };
    const asked = (...resources: string[]) => targetOf(resources, around, world.parts);
    expect(asked("lock:a", "service:inventory", "lock:a")).toEqual({
      resources: ["lock:a", "service:inventory"],
      isChosen: true,
    });
    expect(asked("lock:a", "lock:b")).toBeNull();
    expect(asked("inventory", "lock:b")).toBeNull();
    expect(asked(...Array.from({ length: 21 }, () => "lock:a"))).toBeNull();
  });
});

describe("what comes of a token that is for less", () => {
  test("is for no more: a refresh may ask for part of it, and then for the rest again", async () => {
    const form = { ...password, client_id: "bound", resource: "lock:stock.*" };
    const first = await given(form);
    const as = { client_id: "bound" };
    const second = await refreshed(first.refreshToken, { ...as, resource: "lock:stock.a" });
    expect(said()).toEqual({ aud: ["lock:stock.a"], resources: ["lock:stock.a"] });
    const next = second.kind === "given" ? second.refreshToken : null;
    for (const resource of ["service:inventory", "inventory", "lock:*"]) {
      expect(await refreshed(next, { ...as, resource })).toMatchObject({ error: "invalid_target" });
    }
    expect(await refreshed(next, as)).toMatchObject({ kind: "given" });
    expect(said()).toEqual({ aud: ["lock:stock.*"], resources: ["lock:stock.*"] });
  });

  test("is what its client may by then", async () => {
    const first = await given({ ...password, client_id: "bound", resource: "lock:stock.*" });
    world.clients.set("bound", client("bound", { resources: ["service:inventory"], isPublic: true }));
    expect(await refreshed(first.refreshToken, { client_id: "bound" })).toMatchObject({ error: "invalid_target" });
  });

  test.each<readonly [string, Readonly<Record<string, string>>, readonly string[] | null]>([
    ["as it was asked for", {}, ["service:inventory", "lock:stock.*"]],
    ["for part of it", { resource: "service:inventory" }, ["service:inventory"]],
    ["never for more", { resource: "depot:north" }, null],
  ])("a code gives a token %s", async (_what, more, resources) => {
    const target: Target = { resources: ["service:inventory", "lock:stock.*"], isChosen: true };
    const bound = world.clients.get("bound") ?? client("bound");
    const codeChallenge = await challengeOf(verifier);
    const redirectUri = "https://a.example/";
    const proof = { by: "password", at: world.now } as const;
    const ask = { person: person("alice"), proof, client: bound, redirectUri, codeChallenge, scopes: [], target };
    const code = await giveCode(world.parts, ask);
    const answer = await world.ask({
      grant_type: "authorization_code",
      code: code.kind === "code" ? code.text : "",
      code_verifier: verifier,
      redirect_uri: redirectUri,
      client_id: "bound",
      ...more,
    });
    if (resources === null) expect(answer).toMatchObject({ error: "invalid_target" });
    else expect(said()).toEqual({ aud: resources, resources });
  });

  test("a renewed token is for what the one before was for", async () => {
    const iat = Math.floor(world.now / 1_000);
    const tokenFor = (claims: Identity["claims"]): Identity => ({
      issuer,
      subject: "alice",
      client: "bound",
      tenant: null,
      roles: [],
      scopes: [],
      claims: { iat, ...claims },
      expiresAt: iat + 900,
    });
    await renew(world.parts, tokenFor({ aud: ["lock:a"], resources: ["lock:a"] }));
    expect(said()).toEqual({ aud: ["lock:a"], resources: ["lock:a"] });
    await renew(world.parts, tokenFor({ aud: "inventory", resources: ["lock:a"] }));
    expect(said()).toEqual({ aud: "inventory", resources: ["lock:a"] });
    await renew(world.parts, tokenFor({ aud: "inventory" }));
    expect(said()).toEqual({ aud: "inventory", resources: undefined });
  });
});

test("an account has no word in what a token is bound to", async () => {
  world.people.set("alice", person("alice", { claims: { resources: ["service:billing"] } }));
  await given({ ...password, client_id: "bound" });
  expect(said().resources).toHaveLength(3);
  await given(password);
  expect(said().resources).toBeUndefined();
});

test("a token that nobody would take for its length is not given", async () => {
  world.people.set("alice", person("alice", { claims: { note: "n".repeat(8_192) } }));
  expect(await world.ask(password)).toMatchObject({ kind: "not_given", error: "invalid_request" });
});
