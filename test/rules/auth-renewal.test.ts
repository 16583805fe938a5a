/** A token in place of one that is good still: what the account says by now, and nothing for an account that has changed. */
import { beforeEach, expect, test } from "vitest";
import { renew } from "../../workers/auth/renew.ts";
import type { Identity } from "../../workers/token/identity.ts";
import { AuthWorld, issuer, person } from "./auth-world.ts";

let world: AuthWorld;

beforeEach(() => {
  world = new AuthWorld();
  world.people.set("alice", person("alice", { roles: ["viewer"], scopes: ["read"] }));
});

function tokenOf(changed: Partial<Identity> = {}): Identity {
  const iat = Math.floor(world.now / 1_000);
  return {
    issuer,
    subject: "alice",
    client: "mesh",
    tenant: null,
    roles: ["editor"],
    scopes: ["read", "write"],
    claims: { iat, sid: "the-login" },
    expiresAt: iat + 900,
    ...changed,
  };
}

test("a renewed token says what the account says by now, and has no scope more than the one before", async () => {
  expect(await renew(world.parts, tokenOf())).toMatchObject({ kind: "given", refreshToken: null });
  expect(world.signed).toMatchObject([{ sub: "alice", roles: ["viewer"], scope: "read", sid: "the-login" }]);
  await renew(world.parts, tokenOf({ scopes: ["write"] }));
  expect(world.signed.at(-1)).toMatchObject({ scope: "" });
});

test("a password that is as old as the token, to the second that the token says, does not end it", async () => {
  world.people.set("alice", person("alice", { proofChangedAt: Math.floor(world.now / 1_000) * 1_000 + 900 }));
  expect(await renew(world.parts, tokenOf())).toMatchObject({ kind: "given" });
});

test.each<readonly [string, () => void]>([
  [
    "was given another password",
    () => world.people.set("alice", person("alice", { proofChangedAt: world.now + 2_000 })),
  ],
  ["is gone", () => world.people.delete("alice")],
  ["was logged out everywhere", () => world.cutOffs.set("alice", world.now + 2_000)],
])("an account that %s gets none", async (_what, change) => {
  change();
  expect(await renew(world.parts, tokenOf())).toMatchObject({ kind: "not_given", error: "invalid_grant" });
  expect(world.signed).toEqual([]);
});

test("a client's token is not renewed: it has its secret", async () => {
  expect(await renew(world.parts, tokenOf({ subject: "robot", client: "robot" }))).toMatchObject({ code: "forbidden" });
});
