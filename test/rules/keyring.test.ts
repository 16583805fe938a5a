/** The keyring's pure parts: sealing private keys, and writing tokens. */
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { signToken } from "../../durable-objects/keyring/access-token.ts";
import { keySecretsOf } from "../../durable-objects/keyring/key-secret.ts";
import { open, seal } from "../../durable-objects/keyring/sealed-key.ts";
import { mintKey } from "../support/token-mint.ts";

const secret = "a secret of at least thirty-two characters";
const other = "another secret of at least thirty-two chars";

describe("a sealed key", () => {
  test("opens with the secret it was sealed with, as current or as previous", async () => {
    const record = await seal("private", "here", secret);
    expect(await open(record, "here", { current: secret, previous: null })).toEqual({
      kind: "opened",
      text: "private",
      by: "current",
    });
    expect(await open(record, "here", { current: other, previous: secret })).toEqual({
      kind: "opened",
      text: "private",
      by: "previous",
    });
  });

  test("is locked to another secret, in another place, and when a bit has changed", async () => {
    const record = await seal("private", "here", secret);
    const secrets = { current: secret, previous: null };
    expect((await open(record, "here", { current: other, previous: null })).kind).toBe("locked");
    expect((await open(record, "there", secrets)).kind).toBe("locked");
    const changed = Uint8Array.from(record.sealed, (byte, index) => (index === 3 ? byte ^ 1 : byte));
    expect((await open({ ...record, sealed: changed }, "here", secrets)).kind).toBe("locked");
  });

  test("looks different each time, and never shows what is in it", async () => {
    const [one, two] = await Promise.all([seal("private", "here", secret), seal("private", "here", secret)]);
    expect(one.salt).not.toEqual(two.salt);
    expect(one.sealed).not.toEqual(two.sealed);
    expect(new TextDecoder().decode(one.sealed)).not.toContain("private");
  });

  test("a secret that is absent or short is none", () => {
    expect(keySecretsOf({})).toBeNull();
    expect(keySecretsOf({ MESH_KEY_SECRET: "short" })).toBeNull();
    expect(keySecretsOf({ MESH_KEY_SECRET: secret, MESH_KEY_SECRET_PREVIOUS: "" })).toEqual({
      current: secret,
      previous: null,
    });
  });
});

describe("an access token (RFC 9068)", () => {
  const issuer = "https://mesh.example.com";
  const request = { v: 1, type: "at+jwt", claims: { aud: "inventory", sub: "admin" }, ttlSeconds: 900 } as const;
  const now = 1_795_000_000_999;

  test("carries type, key id, whole seconds and its own id, and verifies", async () => {
    const key = await mintKey("k1");
    const signed = await signToken(request, issuer, { kid: "k1", algorithm: "ES256", key: key.privateKey }, now, "j-1");
    expect(decodeProtectedHeader(signed.token)).toEqual({ alg: "ES256", typ: "at+jwt", kid: "k1" });
    expect(decodeJwt(signed.token)).toEqual({
      iss: issuer,
      aud: "inventory",
      sub: "admin",
      iat: 1_795_000_000,
      exp: 1_795_000_900,
      jti: "j-1",
    });
    expect(signed.expiresAt).toBe(1_795_000_900_000);
    await jwtVerify(signed.token, key.publicJwk, { currentDate: new Date(now) });
  });

  test.each(["iss", "iat", "exp", "nbf", "jti"])("a caller cannot set %s", async (name) => {
    const key = { kid: "k1", algorithm: "ES256", key: (await mintKey("k1")).privateKey };
    await expect(signToken({ ...request, claims: { [name]: 1 } }, issuer, key, now, "j")).rejects.toThrow(name);
  });

  test.each([0, -1, 1.5, Number.NaN, Infinity, 86_401])("a life of %s seconds is refused", async (ttlSeconds) => {
    const key = { kid: "k1", algorithm: "ES256", key: (await mintKey("k1")).privateKey };
    await expect(signToken({ ...request, ttlSeconds }, issuer, key, now, "j")).rejects.toThrow("ttlSeconds");
  });
});
