/** What a revocation says, until when it must be known, and that the Log tells of it for so long. */
import { describe, expect, test } from "vitest";
import { compile } from "../../workers/config/compile.ts";
import { objectSettings } from "../../workers/config/object-settings.ts";
import { liftedEvent, revocationEvent } from "../../workers/token/revoke.ts";

const now = 1_795_000_000_000;
const hour = 3_600_000;
const outside = "https://id.example.com";

function meshWith(more: object = {}) {
  return compile({
    environment: "test",
    services: { origin: { origins: ["https://origin.example.com"], proof: "none" } },
    routes: [{ match: "/*", service: "origin" }],
    issuers: [
      { issuer: outside, audience: "a", algorithms: ["ES256"], maxLifetimeSeconds: 3_600, toleranceSeconds: 10 },
    ],
    ...more,
  });
}

const mesh = meshWith();
const { issuer: own } = mesh.tokens;
const dataOf = (target: object, terms: object = {}) => revocationEvent(mesh, target, { by: "ops", now, ...terms }).data;

describe("a revocation", () => {
  test.each(["subject", "client", "tenant", "issuer"])("by %s names what was issued until now", (name) => {
    expect(dataOf({ [name]: "x" })).toMatchObject({ [name]: "x", issuedBefore: now, by: "ops", since: now });
  });

  test.each(["jti", "token", "family", "kid"])("by %s holds whenever the token was issued", (name) => {
    expect(dataOf({ [name]: "x", subject: "ada" })).not.toHaveProperty("issuedBefore");
    expect(dataOf({ [name]: "x" }, { issuedBefore: now - hour })).toHaveProperty("issuedBefore", now - hour);
  });

  test("ends when nothing that it names can be accepted any more", () => {
    // An hour of life, dated ahead by the tolerance, taken for the tolerance past its end.
    expect(dataOf({ jti: "x", issuer: outside }).endsAt).toBe(now + hour + 20_000 + 2_000);
    expect(dataOf({ jti: "x" }).endsAt).toBeGreaterThan(now + 24 * hour);
    expect(dataOf({ jti: "x", issuer: outside }, { endsAt: now + 60_000 }).endsAt).toBe(now + 60_000 + 10_000 + 2_000);
    expect(dataOf({ subject: "x" }, { issuedBefore: now + 60_000 }).endsAt).toBeGreaterThan(now + 24 * hour + 60_000);
  });

  test("of a login outlives its refresh tokens", () => {
    const refreshing = meshWith({ tokens: { refresh: { ttlSeconds: 2_592_000 } } });
    for (const target of [{ subject: "x" }, { family: "x" }, { tenant: "x", issuer: refreshing.tokens.issuer }]) {
      const { data } = revocationEvent(refreshing, target, { by: "ops", now });
      expect(data.endsAt).toBeGreaterThan(now + 720 * hour);
      expect(data.endsAt).toBeLessThan(now + objectSettings(refreshing).log.retentionMs);
    }
    // What a change of an account ends is ended for as long.
    expect(objectSettings(refreshing).accounts.longestTokenMs).toBeGreaterThanOrEqual(720 * hour);
    expect(revocationEvent(refreshing, { subject: "x", issuer: outside }, { by: "ops", now }).data.endsAt).toBeLessThan(
      now + 2 * hour,
    );
  });

  test("of a key never ends, and the Log keeps it and its end for whoever comes late", () => {
    const event = revocationEvent(mesh, { kid: "k", issuer: own }, { by: "ops", now, id: "r-1" });
    expect(event).toMatchObject({ id: "r-1", retain: "revocation/r-1" });
    expect(new Date(event.data.endsAt).getUTCFullYear()).toBe(9999);
    expect(liftedEvent("r-1", event.data)).toMatchObject({ retain: "revocation/r-1", data: { id: "r-1" } });
    expect(revocationEvent(mesh, { kid: "k" }, { by: "ops", now, issuedBefore: now })).not.toHaveProperty("retain");
    expect(liftedEvent("r-2", dataOf({ jti: "x" }))).not.toHaveProperty("retain");
  });

  test.each([
    [{}, 604_800_000],
    [
      { issuers: [{ issuer: outside, audience: "a", algorithms: ["ES256"], maxLifetimeSeconds: 2_678_400 }] },
      2_678_400_000,
    ],
  ])("is kept by the Log for at least a week and as long as it may hold: %j", (more, least) => {
    const made = meshWith(more);
    const { retentionMs } = objectSettings(made).log;
    expect(retentionMs).toBeGreaterThanOrEqual(least);
    const { data } = revocationEvent(made, { subject: "x" }, { by: "ops", now });
    expect(data.endsAt).toBeLessThan(now + retentionMs);
  });
});
