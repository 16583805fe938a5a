/** Logging out with a cookie: it is cleared and its token ended, whatever a neighbouring host has set beside it. */
import { describe, expect, test } from "vitest";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { compile } from "../../workers/config/compile.ts";
import type { Isolate } from "../../workers/isolate.ts";
import { createReserved } from "../../workers/reserved.ts";
import { withTop } from "../support/configurations.ts";

const site = "https://mesh.example";
const mesh = compile(withTop({}));
const { issuer } = mesh.tokens;

/** Every text that begins with `good` is somebody's token, and names itself. */
async function logOut(cookie: string, { origin = site, acknowledged = true } = {}) {
  const ended: unknown[] = [];
  const isolate = {
    mesh,
    tokens: {
      verify: async (token: string) =>
        token.startsWith("good")
          ? { kind: "accepted", identity: { issuer, subject: token, claims: { jti: token }, expiresAt: 1 } }
          : { kind: "refused", code: "token_invalid" },
    },
    publisher: {
      publish: async (_context: unknown, { id, data }: NewEvent) => {
        ended.push((data as { readonly jti?: string }).jti);
        return { kind: "published", id, seq: ended.length, acknowledged, receipts: [] };
      },
    },
  } as unknown as Isolate;
  const request = new Request(`${site}/_mesh/v1/auth/logout`, { method: "POST", headers: { cookie, origin } });
  const context = { waitUntil: () => undefined } as unknown as ExecutionContext;
  const { status, headers } = await createReserved().fetch(request, isolate, "a-request", context);
  return { status, ended, isCleared: headers.get("set-cookie")?.startsWith("__Host-mesh=; Max-Age=0;") ?? false };
}

describe("a logout with the cookie", () => {
  test.each<readonly [string, string, readonly string[]]>([
    ["ends its token", "__Host-mesh=good", ["good"]],
    [
      "ends every token of one that came more than once",
      "__Host-mesh=good; __Host-mesh=good-too",
      ["good", "good-too"],
    ],
    ["is not kept from it by what is no token beside it", "__Host-mesh=tossed; __Host-mesh=good", ["good"]],
    ["is not kept from it by another cookie's value", "a=1, __Host-mesh=good-too; __Host-mesh=good", ["good"]],
    ["needs no good token", "__Host-mesh=over", []],
  ])("%s, and clears the cookie", async (_what, cookie, expected) => {
    expect(await logOut(cookie)).toEqual({ status: 204, ended: expected, isCleared: true });
  });

  test("says so when not every region has said so of each", async () => {
    expect(await logOut("__Host-mesh=good; __Host-mesh=good-too", { acknowledged: false })).toMatchObject({
      status: 202,
      ended: ["good", "good-too"],
      isCleared: true,
    });
  });

  test("comes from this site alone", async () => {
    const answered = await logOut("__Host-mesh=good; __Host-mesh=good-too", { origin: "https://evil.example" });
    expect(answered).toEqual({ status: 403, ended: [], isCleared: false });
  });
});
