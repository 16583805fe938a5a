/** HS256: tokens signed with a secret that is shared with those who verify, and nothing published. */
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { isSigned } from "../../workers/token/signature.ts";
import { SharedSecretKeys } from "../../workers/token/shared-secret.ts";

const secret = "a secret that is shared with every node";
const previous = "the secret from before, shared with all, too";

const sign = (with_: string, kid?: string) =>
  new SignJWT({ sub: "ada" })
    .setProtectedHeader({ alg: "HS256", typ: "at+jwt", ...(kid === undefined ? {} : { kid }) })
    .sign(new TextEncoder().encode(with_));

async function verifies(keys: SharedSecretKeys, token: string): Promise<boolean> {
  const found = keys.find(null, "HS256");
  if (found.kind === "refused") throw new Error(found.reason);
  return isSigned(token, found.key, "HS256");
}

describe("a shared secret", () => {
  test("verifies what it signed, and while it is rotated what the previous one did", async () => {
    const keys = new SharedSecretKeys("https://mesh.example.com", [secret, previous]);
    expect(await verifies(keys, await sign(secret))).toBe(true);
    expect(await verifies(keys, await sign(previous))).toBe(true);
    expect(await verifies(new SharedSecretKeys("https://mesh.example.com", [secret]), await sign(previous))).toBe(
      false,
    );
  });

  test("is no key of another algorithm, and has no name", () => {
    const keys = new SharedSecretKeys("https://mesh.example.com", [secret]);
    expect(keys.find(null, "ES256")).toEqual({ kind: "refused", reason: "key_unknown" });
    expect(keys.find("k1", "HS256")).toEqual({ kind: "refused", reason: "key_unknown" });
  });

  test("is not published", () => {
    expect(JSON.stringify(new SharedSecretKeys("https://mesh.example.com", [secret]).data())).not.toContain(secret);
  });
});
