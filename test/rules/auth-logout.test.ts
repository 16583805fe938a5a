/** Logging out: every token that came is ended, and the cookie goes with its token or stays with it. */
import { describe, expect, test } from "vitest";
import { app, listed, logOut, site } from "./logout-world.ts";

const foreign = "https://evil.example";
const bearer = { authorization: "Bearer good-b" };
const cookie = { cookie: "__Host-mesh=good-c" };

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
  ])("%s, and clears the cookie", async (_what, field, expected) => {
    expect(await logOut({ cookie: field, origin: site })).toEqual({ status: 204, ended: expected, isCleared: true });
  });

  test("says so when not every region has said so of each", async () => {
    const doubled = { cookie: "__Host-mesh=good; __Host-mesh=good-too", origin: site };
    expect(await logOut(doubled, { acknowledged: false })).toMatchObject({
      status: 202,
      ended: ["good", "good-too"],
      isCleared: true,
    });
  });

  test.each([
    { origin: foreign },
    { origin: "null" },
    { origin: app },
    {},
    { origin: foreign, authorization: "Basic eA==" },
  ])("comes from this site alone: %j", async (more) => {
    expect(await logOut({ ...cookie, ...more })).toEqual({ status: 403, ended: [], isCleared: false });
  });

  test("comes from a page that is listed with credentials, too", async () => {
    const asked = { ...cookie, origin: app };
    expect(await logOut(asked, { cors: listed })).toEqual({ status: 204, ended: ["good-c"], isCleared: true });
    const uncredited = { ...listed, credentials: false };
    expect(await logOut(asked, { cors: uncredited })).toEqual({ status: 403, ended: [], isCleared: false });
  });

  test("ends its token whatever credentials the browser adds", async () => {
    const asked = { ...cookie, origin: site, authorization: "Basic YWRhOng=" };
    expect(await logOut(asked)).toEqual({ status: 204, ended: ["good-c"], isCleared: true });
  });
});

describe("a logout with a token in the field and one in the cookie", () => {
  test("ends both, and clears the cookie", async () => {
    const asked = { ...bearer, ...cookie, origin: site };
    expect(await logOut(asked)).toEqual({ status: 204, ended: ["good-b", "good-c"], isCleared: true });
    expect(await logOut({ ...asked, origin: app }, { cors: listed })).toEqual({
      status: 204,
      ended: ["good-b", "good-c"],
      isCleared: true,
    });
  });

  test.each([foreign, "null", app])(
    "of a page at %s ends the one that it brings, and leaves the cookie alone",
    async (origin) => {
      const asked = { ...bearer, ...cookie, origin };
      expect(await logOut(asked)).toEqual({ status: 204, ended: ["good-b"], isCleared: false });
    },
  );

  test("that says no origin leaves the cookie alone", async () => {
    expect(await logOut({ ...bearer, ...cookie })).toEqual({ status: 204, ended: ["good-b"], isCleared: false });
  });

  test("ends the cookie's when the other has expired, and the other way round", async () => {
    const old = { authorization: "Bearer old", origin: site };
    expect(await logOut({ ...old, ...cookie })).toEqual({ status: 204, ended: ["good-c"], isCleared: true });
    const oldCookie = { ...bearer, cookie: "__Host-mesh=old", origin: site };
    expect(await logOut(oldCookie)).toEqual({ status: 204, ended: ["good-b"], isCleared: true });
  });

  test("ends each of a cookie that came more than once, and a token that is in both places once", async () => {
    const doubled = { ...bearer, cookie: "__Host-mesh=good-c; __Host-mesh=good-d", origin: site };
    expect((await logOut(doubled)).ended).toEqual(["good-b", "good-c", "good-d"]);
    expect((await logOut({ ...bearer, cookie: "__Host-mesh=good-b", origin: site })).ended).toEqual(["good-b"]);
  });

  test("again is done at once", async () => {
    const asked = { ...bearer, ...cookie, origin: site };
    const ended = new Set(["good-b", "good-c"]);
    expect(await logOut(asked, { ended })).toEqual({ status: 204, ended: [], isCleared: true });
    expect(await logOut({ origin: site })).toEqual({ status: 204, ended: [], isCleared: true });
  });
});

describe("a logout without a cookie", () => {
  test("of a program, or of a page of this site, clears what there may be", async () => {
    for (const from of [{}, { origin: site }]) {
      expect(await logOut({ ...bearer, ...from })).toEqual({ status: 204, ended: ["good-b"], isCleared: true });
      expect(await logOut(from)).toEqual({ status: 204, ended: [], isCleared: true });
    }
  });

  // A form of another site posts without the cookie (SameSite=Strict), and browsers would take what its answer sets.
  test("of another site's page takes no reader's cookie away", async () => {
    expect(await logOut({ origin: foreign })).toEqual({ status: 403, ended: [], isCleared: false });
    expect(await logOut({ ...bearer, origin: foreign })).toEqual({ status: 204, ended: ["good-b"], isCleared: false });
  });
});
