/** What `revoke()` of `selvedge/tokens` names, publishes and refuses. */
import { expect, test } from "vitest";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { knownIssuer } from "../../library/known-issuer.ts";
import type { RevokeTarget } from "../../library/revoke-target.ts";
import { Revoker, type RevokeOptions } from "../../library/revoker.ts";
import type { Published } from "../../workers/broadcast/publisher.ts";
import type { NamedToken } from "../../workers/token/tokens.ts";

const issuer = "https://id.example.com";
const hourMs = 3_600_000;
const issuers = knownIssuer({ issuer, audience: "inventory", algorithms: ["ES256"] });
const context = { waitUntil: () => {} };
const notNamed: NamedToken = { kind: "refused", reason: "signature_wrong" };

function revoker(named = notNamed, outcome?: Published) {
  const sent: { readonly event: NewEvent; readonly ack: string; readonly timeoutMs: number }[] = [];
  const made = new Revoker(
    issuers,
    issuer,
    { nameOf: async () => named },
    {
      async publish(_context, event, ack, timeoutMs) {
        sent.push({ event, ack, timeoutMs });
        return outcome ?? { kind: "published", id: event.id, seq: 1, acknowledged: true, receipts: [] };
      },
    },
  );
  return { sent, revoke: (target: RevokeTarget, options: RevokeOptions = {}) => made.revoke(target, options, context) };
}

/** A program without types says anything. */
const untyped = (value: unknown) => value as RevokeTarget;

test("a revocation names its issuer, waits for the Regions, and is known for as long as such a token may live", async () => {
  const { sent, revoke } = revoker();
  const before = Date.now();
  const revoked = await revoke({ jti: "j", client: "c" });
  expect(sent).toHaveLength(1);
  const [{ event, ack, timeoutMs } = expect.unreachable()] = sent;
  expect({ type: event.type, ack, timeoutMs }).toEqual({ type: "revocation", ack: "regions", timeoutMs: 5_000 });
  expect(event.data).toMatchObject({ jti: "j", client: "c", issuer, by: "worker" });
  expect(event.data).not.toHaveProperty("issuedBefore");
  if (revoked.kind !== "revoked") throw new Error("expected it to be revoked");
  expect(revoked.id).toBe(event.id);
  expect(revoked.endsAt.getTime()).toBeGreaterThanOrEqual(before + hourMs);
});

test("what names logins ends what was issued up to now, or up to the date that is said", async () => {
  const { sent, revoke } = revoker();
  const before = Date.now();
  await revoke({ subject: "ada" });
  await revoke({ issuer }, { issuedBefore: new Date(5_000) });
  const cutOffs = sent.map(({ event }) => (event.data as { readonly issuedBefore: number }).issuedBefore);
  expect(cutOffs[0]).toBeGreaterThanOrEqual(before);
  expect(cutOffs[1]).toBe(5_000);
});

test("a token by its text is named as its issuer signed it, until it expires", async () => {
  const expiresAt = Date.now() + 60_000;
  const names = { issuer, subject: "ada", jti: "j", issuedFrom: null };
  const { sent, revoke } = revoker({ kind: "named", names, expiresAt });
  expect(await revoke({ token: "t" })).toMatchObject({ kind: "revoked" });
  const data = sent[0]?.event.data as { readonly endsAt: number };
  expect(data).toMatchObject({ jti: "j", issuer });
  expect(data).not.toHaveProperty("subject");
  expect(data.endsAt).toBeGreaterThanOrEqual(expiresAt);
  expect(data.endsAt).toBeLessThan(expiresAt + 60_000);
});

test("a token that nobody accepts is not revoked, and nothing is published", async () => {
  const names = { issuer, subject: "ada", jti: "j", issuedFrom: null };
  const cases: readonly (readonly [NamedToken, string])[] = [
    [notNamed, "token_invalid"],
    [{ kind: "refused", reason: "keys_unavailable" }, "not_current"],
    [{ kind: "refused", reason: "view_not_current" }, "not_current"],
    [{ kind: "named", names, expiresAt: Date.now() - 1 }, "token_expired"],
    [{ kind: "named", names, expiresAt: Date.now() + 2 * hourMs }, "token_invalid"],
  ];
  for (const [named, reason] of cases) {
    const { sent, revoke } = revoker(named);
    expect(await revoke({ token: "t" })).toEqual({ kind: "refused", reason });
    expect(sent).toEqual([]);
  }
});

test("what came of the publishing is told as it is", async () => {
  expect(await revoker(notNamed, { kind: "outcome_unknown" }).revoke({ jti: "j" })).toEqual({
    kind: "outcome_unknown",
  });
  const overloaded = revoker(notNamed, { kind: "overloaded", detail: "full" });
  expect(await overloaded.revoke({ jti: "j" })).toEqual({ kind: "refused", reason: "overloaded" });
});

test("a name that is not there is thrown back: it would end the tokens of many instead of one's", async () => {
  const { sent, revoke } = revoker();
  const targets = [
    {},
    { subject: undefined },
    { subject: undefined, tenant: "t" },
    { subject: "" },
    { subject: "s".repeat(8_193) },
    { subject: 5 },
    { subjet: "ada" },
    { jti: "j", issuer: "https://other.example.com" },
    { token: 5 },
    { token: "t", jti: "j" },
  ];
  for (const target of targets)
    await expect(revoke(untyped(target))).rejects.toThrow(/^cannot revoke: expected .+: received /);
  await expect(revoke({ jti: "j" }, { timeoutMs: 0.5 })).rejects.toThrow(TypeError);
  await expect(revoke({ jti: "j" }, { ack: "all" as "none" })).rejects.toThrow(TypeError);
  await expect(revoke({ jti: "j" }, { issuedBefore: new Date(Number.NaN) })).rejects.toThrow(TypeError);
  await expect(revoke({ token: "t" }, { issuedBefore: new Date(0) })).rejects.toThrow(TypeError);
  expect(sent).toEqual([]);
});

test("no message holds the text of a token", async () => {
  const { revoke } = revoker();
  const secret = "ey-secret";
  for (const target of [{ token: secret, jti: "j" }, { token: [secret] }, { jti: [secret] }]) {
    const said = await revoke(untyped(target)).then(String, String);
    expect(said).toMatch(/^TypeError: cannot revoke: /);
    expect(said).not.toContain(secret);
  }
});
