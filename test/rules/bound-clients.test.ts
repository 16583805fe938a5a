/** A client that is bound to resources acts on these, at the gate and at the mesh API, and does nothing else. */
import { beforeAll, describe, expect, test } from "vitest";
import type { LockContract } from "../../durable-objects/lock/contract.ts";
import type { Route } from "../../workers/config/mesh.ts";
import { identify } from "../../workers/gate/identity.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import type { Isolate } from "../../workers/isolate.ts";
import { createReserved } from "../../workers/reserved.ts";
import type { Identity } from "../../workers/token/identity.ts";
import { boundOf, isCovered } from "../../workers/token/resources.ts";
import { TokenMint } from "../support/token-mint.ts";
import { audience, issuerOf, own, outside, startedAt, TokenWire } from "./token-wire.ts";

function identityWith(claims: Identity["claims"], issuer = own): Identity {
  const scopes = ["mesh:admin"];
  return { issuer, subject: "robot", client: "robot", tenant: null, roles: [], scopes, claims, expiresAt: 0 };
}

describe("what is covered", () => {
  test.each([
    ["lock:a", ["lock:a"], true],
    ["lock:a", ["lock:b", "lock:a*"], true],
    ["lock:ab", ["lock:a"], false],
    ["lock:a", ["lock:ab"], false],
    ["lock:a", ["lock:*"], true],
    ["locks:a", ["lock:*"], false],
    ["lock:*", ["lock:a*"], false],
    ["lock:a*", ["lock:*"], true],
    ["lock:a", [], false],
  ])("%s by %j: %s", (resource, bound, expected) => {
    expect(isCovered(resource, bound)).toBe(expected);
  });

  test("who is bound by what cannot be read is bound to nothing at all", () => {
    expect(boundOf(identityWith({}), own)).toBeNull();
    for (const resources of ["lock:a", {}, null, 1, []]) expect(boundOf(identityWith({ resources }), own)).toEqual([]);
  });

  test("what another issuer says of resources binds nobody here", () => {
    expect(boundOf(identityWith({ resources: ["lock:a"] }, outside), own)).toBeNull();
  });
});

describe("T1 the audience of a token", () => {
  let [mint, foreign]: TokenMint[] = [];
  const wire = new TokenWire([issuerOf()]);

  beforeAll(async () => {
    mint = await TokenMint.open({ issuer: own, audience, now: startedAt });
    foreign = await TokenMint.open({ issuer: outside, audience, now: startedAt });
    wire.publish(own, [mint.key.publicJwk]);
    wire.publish(outside, [foreign.key.publicJwk]);
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>, string]>([
    ["what it is bound to", { aud: ["service:a", "lock:b"], resources: ["service:a", "lock:b"] }, "accepted"],
    ["one thing that it is bound to", { aud: "service:a", resources: ["service:a", "lock:b"] }, "accepted"],
    ["the mesh's own", { resources: ["service:a"] }, "accepted"],
    ["more than it is bound to", { aud: ["service:a", "lock:c"], resources: ["service:a"] }, "audience_wrong"],
    ["nothing that it is bound to", { aud: "service:a" }, "audience_wrong"],
    ["nothing at all", { aud: [], resources: ["service:a"] }, "audience_wrong"],
    ["a part of a text", { aud: "a", resources: "service:a" }, "audience_wrong"],
  ])("may be %s: %j", async (_what, claims, outcome) => {
    expect(await wire.outcome((await mint?.token({ claims })) ?? "")).toBe(outcome);
  });

  test("of another issuer is never chosen by the token", async () => {
    const claims = { aud: ["service:a"], resources: ["service:a"] };
    expect(await wire.outcome((await foreign?.token({ claims })) ?? "")).toBe("audience_wrong");
  });
});

describe("the gate", () => {
  async function codeFor(claims: Identity["claims"], need: Route["identity"]["need"], issuer = own) {
    const verify = () => ({ kind: "accepted", identity: identityWith(claims, issuer) });
    const passage = {
      fields: new Headers({ Authorization: "Bearer t" }),
      route: { identity: { need, forward: "token" }, allow: null, service: { name: "inventory" } },
      isolate: { tokens: { verify }, mesh: { tokens: { cookie: "__Host-mesh", issuer: own } } },
      now: 0,
    } as unknown as Passage;
    const result = await identify(passage);
    return result instanceof Response ? null : (result?.code ?? null);
  }

  test.each<readonly [readonly string[], "forbidden" | null]>([
    [["service:inventory"], null],
    [["lock:a", "service:in*"], null],
    [["service:billing"], "forbidden"],
    [["lock:inventory"], "forbidden"],
    [["inventory"], "forbidden"],
    [[], "forbidden"],
  ])("a token for %j on a route to the service inventory: %s", async (resources, code) => {
    expect(await codeFor({ resources }, "required")).toBe(code);
    expect(await codeFor({ resources }, "optional")).toBe(code);
    expect(await codeFor({ resources }, "none")).toBeNull();
    expect(await codeFor({ resources }, "required", outside)).toBeNull();
  });
});

/** Says to whatever it is asked that it is done. */
const lock = new Proxy({} as LockContract, {
  get: () => async () => ({ kind: "renewed", hold: {}, state: {} }),
});

async function statusOf(line: string, resources: readonly string[] | null, body?: object): Promise<number> {
  const [method = "", path = ""] = line.split(" ");
  const url = `https://mesh.example/_mesh/v1${path}`;
  const headers = { authorization: "Bearer t" };
  const request = new Request(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const identity = identityWith(resources === null ? {} : { resources });
  const isolate = {
    mesh: { environment: "test", tokens: { issuer: own } },
    env: { LOCK: { getByName: () => lock } },
    tokens: { verify: () => Promise.resolve({ kind: "accepted", identity }) },
    limits: { current: async () => undefined, find: () => undefined },
  } as unknown as Isolate;
  const context = { waitUntil: () => undefined } as unknown as ExecutionContext;
  return (await createReserved().fetch(request, isolate, "r", context)).status;
}

describe("the mesh API", () => {
  const hold = { holder: "h", token: 1 };
  const bound = ["lock:stock.*", "limit:reads"];

  test.each<readonly [string, object | undefined, number]>([
    ["POST /locks/stock.a/renew", hold, 200],
    ["GET /locks/stock.a", undefined, 200],
    ["DELETE /locks/stock.a", undefined, 200],
    ["POST /locks/renew", { holder: "h", holds: [{ lock: "stock.a", token: 1 }] }, 200],
    // Allowed, and not there.
    ["POST /limits/reads/take", { key: "k" }, 404],
    ["POST /limits/take", { takes: [{ limit: "reads", key: "k" }] }, 404],
  ])("%s %j on what the client is bound to is %i", async (line, body, status) => {
    expect(await statusOf(line, bound, body)).toBe(status);
    expect(await statusOf(line, null, body)).toBe(status);
  });

  test.each<readonly [string, object | null]>([
    ["POST /locks/other/acquire", { holder: "h", ttlMs: 1_000 }],
    ["POST /locks/other/renew", hold],
    ["POST /locks/other/release", hold],
    ["GET /locks/other", null],
    ["DELETE /locks/other", null],
    ["POST /locks/reads/renew", hold],
    ["POST /locks/renew", { holder: "h", holds: ["stock.a", "other"].map((name) => ({ lock: name, token: 1 })) }],
    ["GET /locks", null],
    ["POST /limits/other/take", { key: "k" }],
    ["POST /limits/take", { takes: [{ limit: "other", key: "k" }] }],
    ["PUT /limits/other", { quota: 1 }],
    ["GET /limits/other/budgets/k", null],
    ["GET /limits", null],
    ["GET /status", null],
    ["POST /invalidations", { everything: true }],
    ["GET /events/e1", null],
    ["POST /revocations", { subject: "ada" }],
    ["GET /accounts/stock.a", null],
    ["PUT /clients/robot", {}],
    ["POST /keys", {}],
    ["POST /signing-keys/rotate", null],
  ])("%s %j is forbidden, whatever its scopes", async (line, body) => {
    expect(await statusOf(line, bound, body ?? undefined)).toBe(403);
  });
});
