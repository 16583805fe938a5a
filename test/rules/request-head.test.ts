/** What a service is told of who asks, and that it was the mesh: every kind of `forward` and `proof`, for every kind of asker. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { SignRequest } from "../../durable-objects/keyring/contract.ts";
import { accountSourceOf } from "../../workers/account/configured-source.ts";
import { compile } from "../../workers/config/compile.ts";
import type { Service } from "../../workers/config/mesh.ts";
import type { Arrival } from "../../workers/gate/arrival.ts";
import { identify } from "../../workers/gate/identity.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import { requestHead } from "../../workers/gate/request-head.ts";
import { Assertions } from "../../workers/token/assertions.ts";
import type { Identity } from "../../workers/token/identity.ts";
import { withTop } from "../support/configurations.ts";

const ada: Identity = {
  issuer: "https://id.example.com",
  subject: "ada",
  client: null,
  tenant: null,
  roles: [],
  scopes: [],
  claims: {},
  expiresAt: 0,
};
const loom: Identity = { ...ada, subject: "loom", client: "loom", scopes: ["read"] };
const identities = new Map([
  ["ada", ada],
  ["loom", loom],
]);

class Signer {
  readonly asked: SignRequest[] = [];
  isSilent = false;
  readonly assertions = new Assertions(async (request) => {
    this.asked.push(request);
    if (this.isSilent) throw new Error("gone");
    return { v: 1, kind: "signed", token: `assertion-${this.asked.length}`, expiresAt: 0, jti: "j" };
  });
}

interface Asked {
  readonly headers: Readonly<Record<string, string>>;
  readonly forward?: "token" | "assertion" | "none";
  readonly need?: "none" | "optional" | "required";
  readonly proof?: Service["proof"];
  readonly signer?: Signer;
}

/** The head that goes to the service, through the identity step: every token is the name of who has it. */
async function sent({ headers, forward = "token", need = "optional", proof = { kind: "none" }, signer }: Asked) {
  const fields = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const verify = (token: string) => {
    const identity = identities.get(token);
    return identity === undefined ? { kind: "refused", code: "token_invalid" } : { kind: "accepted", identity };
  };
  const passage = {
    fields,
    request: { method: "GET", url: "https://api.example.com/" },
    route: { identity: { need, forward }, allow: null, service: { name: "stock", proof } },
    isolate: {
      tokens: { verify },
      apiKeys: { verify: () => ({ kind: "accepted", identity: ada }) },
      mesh: { tokens: { cookie: "__Host-mesh" } },
      env: { PROOF: "knock knock" },
      assertions: (signer ?? new Signer()).assertions,
    },
    now: 0,
    requestId: "r",
    address: null,
    identity: null,
    credential: null,
  } as unknown as Passage;
  expect(await identify(passage)).toBeNull();
  const target = { scheme: "https", authority: "api.example.com" };
  const arrival = { fields, target, correlation: { traceparent: "t", isContinued: false } } as unknown as Arrival;
  const head = await requestHead(passage, arrival, {});
  return typeof head === "string" ? head : new Headers(head);
}

async function authorizationOf(asked: Asked): Promise<string | null> {
  const head = await sent(asked);
  if (typeof head === "string") throw new Error(head);
  expect(head.get("cookie") ?? "").not.toContain("__Host-mesh");
  return head.get("authorization");
}

describe("a token that came in the cookie", () => {
  const headers = { Cookie: "a=1; __Host-mesh=ada" };

  test("goes on under forward: token where every service reads tokens, and its cookie does not", async () => {
    expect(await authorizationOf({ headers })).toBe("Bearer ada");
    const head = await sent({ headers });
    expect(head instanceof Headers && head.get("cookie")).toBe("a=1");
  });

  test("goes on alone, also beside an empty field of the client's", async () => {
    expect(await authorizationOf({ headers: { ...headers, Authorization: "" } })).toBe("Bearer ada");
  });

  test("goes on whatever Connection lists", async () => {
    expect(await authorizationOf({ headers: { ...headers, Connection: "authorization" } })).toBe("Bearer ada");
  });

  test("stays here under forward: none, and an assertion goes in its place under forward: assertion", async () => {
    expect(await authorizationOf({ headers, forward: "none" })).toBeNull();
    expect(await authorizationOf({ headers, forward: "assertion" })).toBe("Bearer assertion-1");
  });

  test("that nobody has read is not made a credential, and passes as it came", async () => {
    const head = await sent({ headers, need: "none" });
    expect(head instanceof Headers && [head.get("authorization"), head.get("cookie")]).toEqual([null, headers.Cookie]);
  });

  test("is not asked for where a field says who asks", async () => {
    const both = { ...headers, Authorization: "Bearer loom" };
    expect(await authorizationOf({ headers: both })).toBe("Bearer loom");
    expect(await authorizationOf({ headers: { ...headers, Authorization: "Basic YTpi" } })).toBe("Basic YTpi");
  });
});

describe("what else identifies", () => {
  test.each<readonly [Asked["forward"], Readonly<Record<string, string>>, string | null]>([
    ["token", { Authorization: "Bearer ada" }, "Bearer ada"],
    ["none", { Authorization: "Bearer ada" }, null],
    ["assertion", { Authorization: "Bearer ada" }, "Bearer assertion-1"],
    ["token", { Authorization: "Bearer slv_key" }, null],
    ["token", { "X-API-Key": "slv_key" }, null],
    ["assertion", { "X-API-Key": "slv_key" }, "Bearer assertion-1"],
    ["assertion", {}, null],
  ])("under forward: %s of %o the service gets %s", async (forward, headers, expected) => {
    expect(await authorizationOf({ headers, forward: forward ?? "token" })).toBe(expected);
  });
});

const askers: readonly (readonly [who: string, headers: Readonly<Record<string, string>>, claims: object])[] = [
  ["nobody", {}, { aud: "stock" }],
  ["a person", { Authorization: "Bearer ada" }, { aud: "stock", sub: "ada" }],
  ["a person with a cookie", { Cookie: "__Host-mesh=ada" }, { aud: "stock", sub: "ada" }],
  ["a client for itself", { Authorization: "Bearer loom" }, { aud: "stock", sub: "loom", client_id: "loom" }],
  ["an API key", { "X-API-Key": "slv_key" }, { aud: "stock", sub: "ada" }],
];

describe("the proof that it was the mesh", () => {
  test.each(askers)(
    "proof: assertion sends one for %s, over whatever the client sent",
    async (_who, headers, claims) => {
      const signer = new Signer();
      const forged = { ...headers, "Mesh-Assertion": "forged", mesh_assertion: "forged" };
      const head = await sent({ headers: forged, forward: "none", proof: { kind: "assertion" }, signer });
      if (typeof head === "string") throw new Error(head);
      expect([head.get("mesh-assertion"), head.get("mesh_assertion")]).toEqual(["assertion-1", null]);
      expect(signer.asked).toMatchObject([{ purpose: "assertion", claims }]);
    },
  );

  test.each(askers)("a secret in a header is sent for %s, over whatever the client sent", async (_who, headers) => {
    const proof = { kind: "header", header: "X-Proof", secret: "PROOF" } as const;
    const head = await sent({ headers: { ...headers, "x-proof": "forged" }, proof });
    expect(head instanceof Headers && head.get("x-proof")).toBe("knock knock");
  });

  test("what cannot be proved is not sent", async () => {
    const signer = new Signer();
    signer.isSilent = true;
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(await sent({ headers: {}, proof: { kind: "assertion" }, signer })).toBe("unproved");
  });
});

describe("a login at a service", () => {
  afterEach(() => vi.unstubAllGlobals());

  test.each([
    ["none", {}, []],
    ["assertion", { "mesh-assertion": "assertion-1" }, [{ purpose: "assertion", claims: { aud: "stock" } }]],
    [{ header: "x-proof", secret: "PROOF" }, { "x-proof": "knock knock" }, []],
  ])("carries the proof %o, for nobody: who it is shall be found out", async (proof, expected, signed) => {
    const signer = new Signer();
    const config = withTop({
      services: { stock: { origins: ["https://stock.example.com"], proof } },
      routes: [{ match: "/*", service: "stock" }],
      accounts: { service: "stock", path: "/login" },
    });
    const calls: Headers[] = [];
    vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
      calls.push(new Headers(init.headers));
      return new Response(null, { status: 401 });
    });
    const env = { PROOF: "knock knock" } as unknown as Env;
    const source = accountSourceOf({ env, mesh: compile(config), local: null, assertions: signer.assertions });
    expect(await source.login("ada", "shuttle", null)).toEqual({ kind: "wrong" });
    expect(calls.map((call) => Object.fromEntries(call))).toMatchObject([expected]);
    expect(signer.asked).toMatchObject(signed);
  });
});
