/** Nobody locks everybody out: what would end the next token of whoever could lift it is refused, or comes to nothing. */
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import type { SignAnswer } from "../../durable-objects/keyring/contract.ts";
import type { RevocationData } from "../../durable-objects/revocations/contract.ts";
import { KeyFilter } from "../../durable-objects/revocations/key-filter.ts";
import { fits } from "../../durable-objects/revocations/naming.ts";
import { revocationBody } from "../../workers/api/revocation-body.ts";
import { OwnSigner } from "../../workers/token/own-signer.ts";
import { SharedSecretKeys } from "../../workers/token/shared-secret.ts";
import { Revocations } from "../../workers/view/revocations.ts";
import { encode } from "../support/token-mint.ts";
import { AccountApiWorld } from "./account-api-world.ts";

const outside = "https://id.example.com";
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

describe("a revocation", () => {
  test.each(["now", "later", "before"])("of the mesh's own key %s is 409, and says how to remove one", async (kid) => {
    const world = new AccountApiWorld();
    for (const more of [{}, { issuer: "us" }, { subject: "ada" }, { issuedBefore: inMs(-1_000) }]) {
      const answer = await world.call("POST /revocations", { kid, ...more });
      expect(answer).toMatchObject({ status: 409, body: { code: "conflict" } });
      expect(answer.body["detail"]).toContain(`remove it by DELETE /signing-keys/${kid}`);
    }
    expect(world.published).toEqual([]);
  });

  test.each([{ kid: "now", issuer: outside }, { kid: "another" }, { kid: "another", issuer: "us" }])(
    "of the key of somebody else is taken: %j",
    async (target) => {
      const world = new AccountApiWorld();
      expect(await world.call("POST /revocations", target)).toMatchObject({ status: 200 });
      expect(world.published.map(({ event }) => event.data)).toMatchObject([target]);
    },
  );

  test("of a key is 503 when nobody can say whose it is, and of anything else it is not", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const world = new AccountApiWorld();
    world.describeKeys = () => Promise.reject(new Error("away"));
    expect(await world.call("POST /revocations", { kid: "now" })).toMatchObject({ status: 503 });
    expect(world.published).toEqual([]);
    expect(await world.call("POST /revocations", { kid: "now", issuer: outside })).toMatchObject({ status: 200 });
    expect(await world.call("POST /revocations", { subject: "ada" })).toMatchObject({ status: 200 });
  });

  test.each([{ client: "admin" }, { subject: "admin" }, { issuer: "us" }, { issuer: "us", client: "admin" }])(
    "that would keep the built-in client out for a while is refused, and one up to now is not: %j",
    async (target) => {
      const world = new AccountApiWorld();
      const ahead = await world.call("POST /revocations", { ...target, issuedBefore: inMs(60_000) });
      expect(ahead).toMatchObject({ status: 400 });
      expect(ahead.body["detail"]).toMatch(/^issuedBefore: expected no later than now/);
      expect(world.published).toEqual([]);
      expect(await world.call("POST /revocations", target)).toMatchObject({ status: 200 });
    },
  );

  test.each([{ client: "loom" }, { subject: "ada" }, { issuer: outside }, { client: "admin", tenant: "acme" }])(
    "may reach ahead for everybody else: %j",
    async (target) => {
      const ahead = { ...target, issuedBefore: inMs(60_000) };
      expect(await new AccountApiWorld().call("POST /revocations", ahead)).toMatchObject({ status: 200 });
    },
  );
});

/** Of a client whose only scope is the tokens. */
function byTokens(): AccountApiWorld {
  const world = new AccountApiWorld();
  world.identity = { ...world.identity, scopes: ["mesh:tokens"] };
  return world;
}

describe("what ends the built-in client's tokens", () => {
  const all = [
    { client: "admin" },
    { subject: "admin" },
    { issuer: "us" },
    { issuer: "us", client: "admin" },
    { issuer: "us", subject: "admin", client: "admin" },
  ];

  test.each(all)("is 403 with mesh:tokens alone, whatever the cut-off: %j", async (target) => {
    const world = byTokens();
    for (const cutOff of [
      {},
      { issuedBefore: inMs(-3_600_000) },
      { issuedBefore: inMs(0) },
      { issuedBefore: inMs(60_000) },
    ]) {
      const answer = await world.call("POST /revocations", { ...target, ...cutOff });
      expect(answer).toMatchObject({ status: 403, body: { code: "forbidden" } });
      expect(answer.body["detail"]).toBe("expected the scope mesh:admin: it names the built-in client, too");
    }
    expect(world.published).toEqual([]);
    expect(await new AccountApiWorld().call("POST /revocations", target)).toMatchObject({ status: 200 });
  });

  test.each([
    { client: "mesh" },
    { subject: "ada" },
    { tenant: "acme" },
    { jti: "j" },
    { family: "f" },
    { issuer: outside },
    { issuer: outside, subject: "admin" },
    { client: "admin", tenant: "acme" },
  ])("is nothing of what mesh:tokens may end: %j", async (target) => {
    expect(await byTokens().call("POST /revocations", target)).toMatchObject({ status: 200 });
  });

  test("is never what somebody with mesh:tokens got through", async () => {
    const fields = [
      ["subject", "admin"],
      ["client", "admin"],
      ["issuer", "us"],
      ["issuer", outside],
      ["client", "loom"],
      ["tenant", "acme"],
      ["jti", "j"],
      ["family", "f"],
      ["kid", "now"],
      ["kid", "another"],
      ["issuedBefore", inMs(-1_000)],
      ["issuedBefore", inMs(600_000)],
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.subarray([...fields], { minLength: 1, maxLength: 4 }), async (some) => {
        const target = Object.fromEntries(some);
        const world = byTokens();
        await world.call("POST /revocations", target);
        const next = {
          issuer: "us",
          subject: "admin",
          client: "admin",
          jti: crypto.randomUUID(),
          issuedFrom: null,
        };
        const ending = world.published.filter(({ event }) =>
          ["now", "later"].some((kid) => fits(event.data as RevocationData, { ...next, kid })),
        );
        expect(ending).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("comes back by mesh:admin only", async () => {
    const world = byTokens();
    const more = { endsAt: Date.now() + 60_000, by: "operator", since: 0 };
    world.held.set("r", { id: "r", data: { client: "admin", ...more } });
    world.held.set("s", { id: "s", data: { client: "loom", ...more } });
    expect(await world.call("DELETE /revocations/r")).toMatchObject({ status: 403 });
    expect(await world.call("DELETE /revocations/s")).toMatchObject({ status: 200 });
    world.identity = { ...world.identity, scopes: ["mesh:admin"] };
    expect(await world.call("DELETE /revocations/r")).toMatchObject({ status: 200 });
  });

  test.each(["admin", "%61dmin"])("is no user of DELETE /tokens/%s for mesh:tokens", async (user) => {
    const world = byTokens();
    expect(await world.call(`DELETE /auth/tokens/${user}`)).toMatchObject({ status: 403 });
    // A token of its own with less than all is somebody's who was to have less.
    world.identity = { ...world.identity, subject: "admin", client: "admin" };
    expect(await world.call(`DELETE /auth/tokens/${user}`)).toMatchObject({ status: 403 });
    expect(world.published).toEqual([]);
    world.identity = { ...world.identity, scopes: ["mesh:admin"] };
    expect(await world.call(`DELETE /auth/tokens/${user}`)).toMatchObject({ status: 204 });
    expect(await byTokens().call("DELETE /auth/tokens/ada")).toMatchObject({ status: 204 });
  });
});

class Ring {
  readonly keys = ["k1", "k2", "k3"];
  readonly revocations = new Revocations();
  /** What the isolate does before it knows what came while nobody asked it. */
  renewal = async () => true;
  /** Calls of the Keyring that it answers before it falls silent. */
  answersLeft = Infinity;
  delayMs = 0;
  readonly #signer = new OwnSigner({
    issuer: "us",
    current: () => this.renewal(),
    keyring: () => ({
      sign: () => this.#answer(() => this.#sign()),
      remove: ({ kid }) => this.#answer(() => this.#remove(kid)),
    }),
    revocations: {
      check: (names) => {
        const found = this.revocations.verdictOn(names);
        return found.kind === "ask" ? null : found;
      },
    },
  });

  constructor(...revoked: readonly Partial<RevocationData>[]) {
    this.revocations.reset(0);
    this.revocations.takeFilter(0, KeyFilter.forKeys(0).data());
    this.learn(revoked);
  }

  learn(revoked: readonly Partial<RevocationData>[]): void {
    for (const [at, target] of revoked.entries()) {
      const data = { endsAt: Number.MAX_SAFE_INTEGER, by: "operator", since: 0, ...target };
      const event: MeshEvent = { v: 1, seq: at + 1, id: `r${at}`, type: "revocation", data, at: 0 };
      this.revocations.learn(event);
    }
  }

  async signedWith(): Promise<string> {
    const answer = await this.#signer.sign(
      { v: 1, type: "at+jwt", claims: {}, ttlSeconds: 1 },
      { waitUntil: () => {} },
    );
    if (answer.kind === "refused") return answer.reason;
    return String((JSON.parse(atob(answer.token.split(".")[0] ?? "")) as Record<string, unknown>)["kid"]);
  }

  async #answer<Answer>(decide: () => Answer): Promise<Answer> {
    this.answersLeft -= 1;
    if (this.answersLeft < 0) return new Promise(() => undefined);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    return decide();
  }

  #sign(): SignAnswer {
    const token = `${encode(JSON.stringify({ kid: this.keys[0] }))}.${encode("{}")}.AAAA`;
    return { v: 1, kind: "signed", token, expiresAt: 0, jti: "j" };
  }

  #remove(kid: string) {
    this.keys.splice(this.keys.indexOf(kid), 1);
    return { v: 1, kind: "removed", events: [] } as const;
  }
}

test("no revocation names a shared secret, which signs what its lifting needs", () => {
  const found = new SharedSecretKeys("us", ["a secret of at least thirty-two characters"]).find(null, "HS256");
  if (found.kind !== "found") throw new Error("expected the secret");
  expect(v.is(revocationBody, { kid: "k1" })).toBe(true);
  expect(v.is(revocationBody, { kid: found.key.id })).toBe(false);
});

describe("T4 the mesh's own signer", () => {
  test("removes a key that was revoked for good, and signs with the next one", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const ring = new Ring({ kid: "k1" }, { kid: "k2", issuer: "us" });
    expect(await ring.signedWith()).toBe("k3");
    expect(ring.keys).toEqual(["k3"]);
    expect(warn.mock.calls.flat()).toEqual([
      { event: "signing_key_revoked", kid: "k1" },
      { event: "signing_key_revoked", kid: "k2" },
    ]);
  });

  test.each([
    ["nobody's", {}],
    ["another issuer's", { kid: "k1", issuer: outside }],
    ["one person's by this key", { kid: "k1", subject: "ada" }],
    ["all up to an instant", { kid: "k1", issuedBefore: Date.now() + 3_600_000 }],
    ["another key's", { kid: "k9" }],
  ])("keeps its key where a revocation ends %s tokens", async (_whose, target) => {
    const ring = new Ring(...(Object.keys(target).length === 0 ? [] : [target]));
    expect([await ring.signedWith(), ring.keys.length]).toEqual(["k1", 3]);
  });

  test("hears first what came while its isolate was idle, and removes nothing by an old view", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const ring = new Ring();
    ring.renewal = async () => {
      ring.learn([{ kid: "k1" }]);
      return true;
    };
    expect(await ring.signedWith()).toBe("k2");
    const old = new Ring({ kid: "k1" });
    old.renewal = async () => false;
    expect([await old.signedWith(), old.keys.length]).toEqual(["k1", 3]);
  });

  test("keeps its key when nobody can say what is revoked", async () => {
    const ring = new Ring({ kid: "k1" });
    ring.revocations.reset(9);
    expect([await ring.signedWith(), ring.keys.length]).toEqual(["k1", 3]);
  });

  test.each([0, 1, 2])(
    "waits for a Keyring that is silent after %i answers for three seconds in all",
    async (answers) => {
      vi.spyOn(console, "warn").mockImplementation(() => undefined);
      vi.useFakeTimers();
      onTestFinished(() => void vi.useRealTimers());
      const ring = new Ring({ kid: "k1" });
      ring.answersLeft = answers;
      // Each answer it gives takes a second, which comes off the time of the next.
      ring.delayMs = 1_000;
      let ended: unknown = null;
      void ring.signedWith().catch((error: unknown) => (ended = error));
      await vi.advanceTimersByTimeAsync(2_999);
      expect(ended).toBeNull();
      await vi.advanceTimersByTimeAsync(1);
      expect(ended).toBeInstanceOf(Error);
    },
  );
});
