/** What the operator is told of refused tokens: why, of which issuer, and never so often that a flood fills the log. */
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { RefusedLog } from "../../workers/token/refused-log.ts";
import { mintKey, TokenMint, type MintedKey } from "../support/token-mint.ts";
import { audience, outside, startedAt, TokenWire } from "./token-wire.ts";

const seconds = startedAt / 1_000;
let key: MintedKey;
let mint: TokenMint;

beforeAll(async () => {
  key = await mintKey("k1");
  mint = await TokenMint.open({ issuer: outside, audience, now: startedAt, key });
});

afterEach(() => {
  vi.restoreAllMocks();
});

function wireWithKey(): TokenWire {
  const wire = new TokenWire();
  wire.publish(outside, [key.publicJwk]);
  return wire;
}

describe("a token that names a configured issuer", () => {
  test.each<readonly [string, () => Promise<string>]>([
    ["audience_wrong", () => mint.token({ claims: { aud: "billing" } })],
    ["type_not_accepted", () => mint.token({ header: { typ: "dpop+jwt" } })],
    ["algorithm_not_accepted", () => mint.token({ header: { alg: "HS256" } })],
    ["lifetime_too_long", () => mint.token({ claims: { iat: seconds, exp: seconds + 86_400 } })],
    ["expired", () => mint.token({ claims: { iat: seconds - 600, exp: seconds - 300 } })],
    ["key_unknown", () => mint.token({ header: { kid: "k9" } })],
    ["signature_wrong", () => mint.token({ signature: () => new Uint8Array(64).fill(1) })],
  ])("and is refused is told with its reason: %s", async (reason, make) => {
    const wire = wireWithKey();
    expect(await wire.outcome(await make())).toBe(reason);
    expect(wire.told).toEqual([{ issuer: outside, reason }]);
  });

  test("and is accepted is told nothing of, fresh or known; nor is one that was revoked", async () => {
    const wire = wireWithKey();
    const token = await mint.token();
    expect([await wire.outcome(token), await wire.outcome(token)]).toEqual(["accepted", "accepted"]);
    const data = { jti: "j-1", endsAt: startedAt + 1_000, by: "test", since: startedAt };
    wire.revocations.learn({ v: 1, seq: 1, id: "r", type: "revocation", data, at: startedAt });
    expect(await wire.outcome(await mint.token({ claims: { jti: "j-1" } }))).toBe("revoked");
    expect(wire.told).toEqual([]);
  });
});

test("of what names no configured issuer nothing is told", async () => {
  const wire = wireWithKey();
  for (const token of ["x", "a.b.c", await mint.token({ claims: { iss: "https://evil.example" } })]) {
    expect(await wire.outcome(token)).not.toBe("accepted");
  }
  expect(wire.told).toEqual([]);
});

describe("the log line token_refused", () => {
  test("is written once in ten seconds for each reason and issuer, however many tokens come", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    let now = startedAt;
    const log = new RefusedLog(() => now);
    for (let turn = 0; turn < 10_000; turn += 1) {
      log.tell(outside, "audience_wrong");
      log.tell(outside, "expired");
      log.tell("https://other.example", "expired");
    }
    expect(warn.mock.calls.flat()).toEqual([
      { event: "token_refused", issuer: outside, reason: "audience_wrong" },
      { event: "token_refused", issuer: outside, reason: "expired" },
      { event: "token_refused", issuer: "https://other.example", reason: "expired" },
    ]);
    now += 9_999;
    log.tell(outside, "expired");
    expect(warn).toHaveBeenCalledTimes(3);
    now += 1;
    log.tell(outside, "expired");
    expect(warn).toHaveBeenCalledTimes(4);
  });

  test("is not silenced by a clock that was set back", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    let now = startedAt;
    const log = new RefusedLog(() => now);
    log.tell(outside, "expired");
    now -= 3_600_000;
    log.tell(outside, "expired");
    expect(warn).toHaveBeenCalledTimes(2);
  });
});
