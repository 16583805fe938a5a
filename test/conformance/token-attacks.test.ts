/**
 * T1: one list of attacks, and what three verifiers make of each in the same run: ours, jose's `jwtVerify` and hono's
 * `verifyWithJwks`, each told the same issuer, audience, algorithms and type. Ours must refuse them all; the others'
 * verdicts are shown, so that the difference stays visible as they and the list change.
 */
import { verifyWithJwks } from "hono/jwt";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { audience, issuerOf, outside, own, startedAt, TokenWire } from "../rules/token-wire.ts";
import { claims, headers, openAttackWorld, signatures, spellings, type Attack } from "../support/token-attacks.ts";

const world = await openAttackWorld({ issuer: outside, audience, own, now: startedAt });
const { mint, rsa, stranger } = world;
const keys = [mint.key.publicJwk, rsa.publicJwk];
const algorithms = ["ES256", "RS256"] as const;
const attacks: readonly (readonly [family: string, attack: Attack])[] = Object.entries({
  spellings,
  headers,
  signatures,
  claims,
}).flatMap(([family, list]) => list(world).map((attack) => [family, attack] as const));

type Verifier = (token: string) => Promise<boolean>;

function ours(): Verifier {
  const wire = new TokenWire([issuerOf({ algorithms })]);
  wire.publish(outside, keys);
  wire.publish(own, [{ ...stranger.publicJwk, kid: "own" }]);
  return async (token) => (await wire.verify(token)).kind === "accepted";
}

const jose: Verifier = async (token) => {
  const set = createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) });
  const how = { issuer: outside, audience, algorithms: [...algorithms], typ: "at+jwt", clockTolerance: 5 };
  return succeeds(jwtVerify(token, set, { ...how, currentDate: new Date(startedAt) }));
};

const hono: Verifier = async (token) => {
  const verification = { iss: outside, aud: audience, typ: "at+jwt" };
  const allowedAlgorithms = [...algorithms];
  return succeeds(verifyWithJwks(token, { keys: keys.map((key) => ({ ...key })), verification, allowedAlgorithms }));
};

async function succeeds(verdict: Promise<unknown>): Promise<boolean> {
  return verdict.then(
    () => true,
    () => false,
  );
}

const shown: string[] = [];
const accepted = { ours: 0, jose: 0, hono: 0 };

beforeAll(() => {
  // Theirs read the machine's clock.
  vi.useFakeTimers({ now: startedAt, toFake: ["Date"] });
});

afterAll(() => {
  vi.useRealTimers();
  const { length } = attacks;
  const summary = `${length} attacks; accepted by ours ${accepted.ours}, by jose ${accepted.jose}, by hono ${accepted.hono}`;
  console.info([summary, ...shown].join("\n"));
});

describe("T1 the attack list", () => {
  test("has sixty and more", () => {
    expect(attacks.length).toBeGreaterThanOrEqual(60);
  });

  test("is made of a token that all three accept", async () => {
    const good = await mint.token();
    expect([await ours()(good), await jose(good), await hono(good)]).toEqual([true, true, true]);
  });

  test.each(attacks)("%s: %o is refused by ours", async (family, [title, , make]) => {
    const token = await make(await mint.token());
    const verdicts = { ours: await ours()(token), jose: await jose(token), hono: await hono(token) };
    for (const [who, isAccepted] of Object.entries(verdicts))
      if (isAccepted) accepted[who as keyof typeof accepted] += 1;
    const others = [verdicts.jose ? "jose" : "", verdicts.hono ? "hono" : ""].filter((who) => who !== "").join(" and ");
    if (others !== "") shown.push(`  ${family}, ${title}: accepted by ${others}`);
    expect(verdicts.ours).toBe(false);
  });
});
