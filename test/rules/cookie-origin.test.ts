/** Whose pages may act by the token's cookie: one rule, at the gate and at the auth paths alike. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cors } from "../../workers/config/mesh.ts";
import { cookieCredential } from "../../workers/gate/cookie-credential.ts";
import { isTrustedOrigin } from "../../workers/gate/cookie-origin.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import { app, listed as cors, logOut, site } from "./logout-world.ts";

describe("the token's cookie is trusted to", () => {
  test.each<readonly [string, string | undefined, string, Cors | null, boolean]>([
    ["a page of this origin", site, `${site}/x`, null, true],
    ["a page of this origin, its usual port written", site, `${site}:443/x`, null, true],
    ["a page of this origin on one machine", "http://127.0.0.1:8787", "http://127.0.0.1:8787/x", null, true],
    ["a page that is listed with credentials", app, `${site}/x`, cors, true],
    [
      "the site's own page behind a proxy, listed",
      site,
      "http://mesh.example/x",
      { ...cors, origins: new Set([site]) },
      true,
    ],
    ["no page of it behind a proxy that is not", site, "http://mesh.example/x", cors, false],
    ["no page of another port", `${site}:8443`, `${site}/x`, cors, false],
    ["no page in the clear", "http://mesh.example", `${site}/x`, cors, false],
    ["no page that is not listed", "https://evil.example", `${site}/x`, cors, false],
    ["no page whose origin only begins alike", `${app}.evil.example`, `${site}/x`, cors, false],
    ["no page that is listed without credentials", app, `${site}/x`, { ...cors, credentials: false }, false],
    ["no page where all are let in", app, `${site}/x`, { ...cors, credentials: false, origins: "*" }, false],
    [
      "no page where all are let in with credentials, should that ever be",
      app,
      `${site}/x`,
      { ...cors, origins: "*" },
      false,
    ],
    ["nobody's page", "null", `${site}/x`, cors, false],
    ["no page of two origins", `${app}, ${app}`, `${site}/x`, cors, false],
    ["nothing that says no origin", undefined, `${site}/x`, cors, false],
  ])("%s", (_whose, origin, url, of, isTrusted) => {
    expect(isTrustedOrigin(origin, url, of)).toBe(isTrusted);
  });

  test("the same pages at the gate and at the auth paths", async () => {
    const origins = [site, app, "https://evil.example", "null", "http://mesh.example"];
    const anyCors = fc.option(
      fc.record({
        ...Object.fromEntries(Object.entries(cors).map(([name, value]) => [name, fc.constant(value)])),
        credentials: fc.boolean(),
        origins: fc.oneof(
          fc.constant("*"),
          fc.subarray(origins.slice(1)).map((some) => new Set(some)),
        ),
      }),
    ) as fc.Arbitrary<Cors | null>;
    const seen = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...origins), anyCors, async (origin, of) => {
        const headers = { cookie: "__Host-mesh=good", origin };
        const passage = {
          fields: new Map(Object.entries(headers)),
          request: new Request(`${site}/x`, { method: "POST" }),
          route: { cors: of },
          isolate: { mesh: { tokens: { cookie: "__Host-mesh" } } },
        } as unknown as Passage;
        const isIn = cookieCredential(passage).kind === "token";
        seen.add(isIn);
        const { status, isCleared } = await logOut(headers, { cors: of });
        expect([status, isCleared]).toEqual(isIn ? [204, true] : [403, false]);
      }),
      { numRuns: 200 },
    );
    expect(seen).toEqual(new Set([true, false]));
  });
});
