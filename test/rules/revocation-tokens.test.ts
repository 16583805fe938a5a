/** T2, T3, T6 at the verifier: when a token is refused as revoked, what that costs, and what happens when nobody can say. */
import { beforeAll, describe, expect, test } from "vitest";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import type { RevokedAnswer } from "../../durable-objects/region/contract.ts";
import type { RevocationData } from "../../durable-objects/revocations/contract.ts";
import { RevocationDesk } from "../../workers/token/revocation-desk.ts";
import { encodeBase64url } from "../../workers/token/base64url.ts";
import { mintKey, TokenMint, type MintedKey } from "../support/token-mint.ts";
import { audience, outside, own, startedAt, TokenWire } from "./token-wire.ts";

const seconds = startedAt / 1_000;
let key: MintedKey;
let mint: TokenMint;
let token: string;
let nameless: string;

beforeAll(async () => {
  key = await mintKey("k1");
  mint = await TokenMint.open({ issuer: outside, audience, now: startedAt, key });
  token = await mint.token({ claims: { sid: "f-1", tenant: "t-1" } });
  nameless = await mint.token({ claims: { jti: undefined } });
});

function wireWithKey(): TokenWire {
  const wire = new TokenWire();
  wire.publish(outside, [key.publicJwk]);
  return wire;
}

let published = 0;
function event(target: Partial<RevocationData>): MeshEvent {
  published += 1;
  const data = { endsAt: startedAt + 3_600_000, by: "test", since: startedAt, ...target };
  return { v: 1, seq: published, id: `r${published}`, type: "revocation", data, at: startedAt };
}

/** As its holder knows it: SHA-256 of the token's text. */
async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return encodeBase64url(new Uint8Array(digest));
}

const classes: readonly (readonly [what: string, target: Partial<RevocationData>])[] = [
  ["its jti", { jti: "j-1" }],
  ["its jti at its issuer", { jti: "j-1", issuer: outside }],
  ["its family", { family: "f-1" }],
  ["its subject until now", { subject: "ada", issuedBefore: startedAt }],
  ["its client", { client: "console" }],
  ["its tenant", { tenant: "t-1" }],
  ["its key", { kid: "k1" }],
  ["its issuer until now", { issuer: outside, issuedBefore: startedAt }],
];
const others: readonly (readonly [what: string, target: Partial<RevocationData>])[] = [
  ["another jti", { jti: "j-2" }],
  ["its jti at another issuer", { jti: "j-1", issuer: own }],
  ["its subject and another client", { subject: "ada", client: "other" }],
  ["its subject as a family", { family: "ada" }],
  ["its subject, long before it was issued", { subject: "ada", issuedBefore: startedAt - 60_000 }],
  ["another key", { kid: "k2" }],
];

describe("T3 a token that a revocation names", () => {
  test.each(classes)("by %s is refused from then on, fresh or known", async (_what, target) => {
    const wire = wireWithKey();
    expect(await wire.outcome(token)).toBe("accepted");
    wire.revocations.learn(event(target));
    const known = wire.tokens.verify(token, wire.context, wire.now);
    expect(known).toMatchObject({ kind: "refused", code: "token_revoked", reason: "revoked" });
    const fresh = wireWithKey();
    fresh.revocations.learn(event(target));
    expect(await fresh.verify(token)).toMatchObject({ code: "token_revoked" });
  });

  test.each(classes)("by %s, of which the view hears at its renewal, is refused", async (_what, target) => {
    const wire = wireWithKey();
    expect(await wire.outcome(token)).toBe("accepted");
    wire.renewal = () => wire.revocations.learn(event(target));
    expect(await wire.outcome(token)).toBe("revoked");
  });

  test("without a jti is refused by its digest, and one with a jti is not", async () => {
    const wire = wireWithKey();
    wire.revocations.learn(event({ token: await digestOf(nameless) }));
    wire.revocations.learn(event({ token: await digestOf(token) }));
    expect(await wire.outcome(nameless)).toBe("revoked");
    expect(await wire.outcome(token)).toBe("accepted");
  });

  test.each(others)("by %s is accepted, fresh or known", async (_what, target) => {
    const wire = wireWithKey();
    wire.revocations.learn(event(target));
    expect(await wire.outcome(token)).toBe("accepted");
    wire.revocations.learn(event(target));
    expect(wire.tokens.verify(token, wire.context, wire.now)).toMatchObject({ kind: "accepted" });
  });

  // The issuer's tolerance is 5 seconds here.
  test.each([
    [seconds - 6, "accepted"],
    [seconds - 5, "revoked"],
  ])("a cut-off at %i refuses what was issued up to its issuer's tolerance later: %s", async (cutOff, outcome) => {
    const wire = wireWithKey();
    wire.revocations.learn(event({ subject: "ada", issuedBefore: cutOff * 1_000 }));
    expect(await wire.outcome(await mint.token({ claims: { iat: seconds } }))).toBe(outcome);
  });

  test("is refused by any cut-off when it does not say when it was issued", async () => {
    const wire = wireWithKey();
    wire.revocations.learn(event({ subject: "ada", issuedBefore: 0 }));
    expect(await wire.outcome(await mint.token({ claims: { iat: undefined } }))).toBe("revoked");
  });

  test("T1 is told so only when all else about it is right", async () => {
    const wire = wireWithKey();
    for (const [, target] of classes) wire.revocations.learn(event(target));
    const wrong = [
      mint.token({ claims: { exp: seconds - 60, iat: seconds - 100 } }),
      mint.token({ claims: { aud: "billing" } }),
      mint.token({ signature: () => new Uint8Array(64).fill(1) }),
    ];
    for (const made of wrong) expect(await wire.verify(await made)).toMatchObject({ code: "token_invalid" });
  });
});

describe("T2 a revoked token", () => {
  test("is known as such: a flood of it asks nobody", async () => {
    const wire = wireWithKey();
    let asked = 0;
    wire.revocations.reset(0);
    wire.revokedAnswer = () => {
      asked += 1;
      return Promise.resolve({ v: 1, kind: "revoked", through: { epoch: "e1", seq: 0 }, issuedBefore: null });
    };
    expect(await wire.outcome(token)).toBe("revoked");
    for (let round = 0; round < 1_000; round += 1) {
      expect(wire.tokens.verify(token, wire.context, wire.now)).toMatchObject({ code: "token_revoked" });
    }
    expect(asked).toBe(1);
  });

  test("is good again once that is lifted, and only then", async () => {
    const wire = wireWithKey();
    const first = event({ jti: "j-1" });
    const second = event({ subject: "ada" });
    const lift = (id: string): MeshEvent => ({ ...event({}), type: "revocation_lifted", data: { id } });
    wire.revocations.learn(first);
    wire.revocations.learn(second);
    expect(await wire.outcome(token)).toBe("revoked");
    wire.revocations.learn(lift(first.id));
    expect(await wire.outcome(token)).toBe("revoked");
    wire.revocations.learn(lift("another"));
    expect(await wire.outcome(token)).toBe("revoked");
    wire.revocations.learn(lift(second.id));
    expect(await wire.outcome(token)).toBe("accepted");
  });

  test("a verification that began before the revocation ends in a refusal when it is heard of meanwhile", async () => {
    const wire = wireWithKey();
    const under = wire.verify(token);
    wire.revocations.learn(event({ jti: "j-1" }));
    expect(await under).toMatchObject({ code: "token_revoked" });
    expect(wire.tokens.verify(token, wire.context, wire.now)).toMatchObject({ code: "token_revoked" });
  });

  test("an answer of a Region that is older than what came meanwhile is not kept for good", async () => {
    const wire = wireWithKey();
    wire.revocations.reset(0);
    const { promise, resolve } = Promise.withResolvers<RevokedAnswer>();
    wire.revokedAnswer = () => promise;
    const under = wire.verify(token);
    await expect.poll(() => wire.work.length).toBeGreaterThan(0);
    wire.revocations.learn({ ...event({ jti: "j-1" }), seq: 1 });
    resolve({ v: 1, kind: "clear", through: { epoch: "e1", seq: 0 } });
    expect(await under).toMatchObject({ code: "token_revoked" });
  });
});

describe("T6 while there is no filter", () => {
  test("each token's Region is asked, and its word holds", async () => {
    const wire = wireWithKey();
    wire.revocations.reset(0);
    wire.revokedAnswer = () => Promise.resolve({ v: 1, kind: "clear", through: { epoch: "e1", seq: 0 } });
    expect(await wire.outcome(token)).toBe("accepted");
    wire.revokedAnswer = () => Promise.reject(new Error("gone"));
    expect(await wire.outcome(token)).toBe("accepted");
  });

  test.each<readonly [string, () => Promise<RevokedAnswer>]>([
    ["cannot prove that it is current", () => Promise.resolve({ v: 1, kind: "not_current" })],
    ["cannot be reached", () => Promise.reject(new Error("gone"))],
  ])("a Region that %s ends in not_current, never in an acceptance", async (_what, answer) => {
    const wire = wireWithKey();
    wire.revocations.reset(0);
    wire.revokedAnswer = answer;
    expect(await wire.verify(token)).toMatchObject({ code: "not_current", reason: "revocations_unknown" });
  });
});

describe("for who issues tokens", () => {
  const desk = (wire: TokenWire) => {
    const revocations = {
      ask: async (names: Parameters<typeof wire.revocations.verdictOn>[0]) => {
        const found = wire.revocations.verdictOn(names);
        return found.kind === "ask" ? null : found;
      },
    };
    const tokens = { issuer: own, ttlSeconds: 900, algorithm: "ES256" } as never;
    return new RevocationDesk({ mesh: { tokens, issuers: new Map() }, revocations });
  };
  const ada = { subject: "ada", client: null, tenant: null, family: "f-2" };

  test("a cut-off reaches to the first whole second at which a token is good, and no further", async () => {
    const wire = wireWithKey();
    const until = (at: number) => desk(wire).ownRevokedUntil(ada, at);
    expect(await until(startedAt)).toBeNull();
    wire.revocations.learn(event({ subject: "ada", issuedBefore: startedAt + 300 }));
    const good = await until(startedAt);
    expect(good).toBe(startedAt + 2_000);
    expect(await until(startedAt + 1_999)).toBe(good);
    expect(await until(startedAt + 2_000)).toBeNull();
  });

  test("what was revoked since a login began is told to the ms, also behind an earlier cut-off", async () => {
    const wire = wireWithKey();
    const since = (at: number) => desk(wire).ownRevokedSince(ada, at);
    wire.revocations.learn(event({ subject: "ada", issuedBefore: startedAt }));
    expect(await since(startedAt - 1)).toBe(true);
    expect(await since(startedAt)).toBe(false);
    wire.revocations.learn(event({ subject: "ada", issuedBefore: startedAt + 200 }));
    expect(await since(startedAt + 199)).toBe(true);
    expect(await since(startedAt + 200)).toBe(false);
    wire.revocations.reset(9);
    expect(await since(startedAt)).toBe("unknown");
  });

  test.each<Partial<RevocationData>>([{ jti: "j-9" }, { kid: "k-9", subject: "ada" }])(
    "a token's own names are asked about as they are: %j",
    async (target) => {
      const wire = wireWithKey();
      const names = { issuer: own, subject: "ada", jti: "j-9", kid: "k-9", issuedFrom: startedAt };
      expect(await desk(wire).isRevoked(names)).toBe(false);
      wire.revocations.learn(event(target));
      expect(await desk(wire).isRevoked(names)).toBe(true);
    },
  );

  test("what holds whenever it is issued has no end, and what nobody can say is unknown", async () => {
    const wire = wireWithKey();
    wire.revocations.learn(event({ family: "f-2" }));
    expect(await desk(wire).ownRevokedUntil(ada, startedAt)).toBe("ever");
    wire.revocations.reset(9);
    expect(await desk(wire).ownRevokedUntil(ada, startedAt)).toBe("unknown");
  });
});
