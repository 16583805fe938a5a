/** The token's cookie at the gate: what a browser sends along by itself is no proof that its user meant it. */
import { describe, expect, test } from "vitest";
import { cookieCredential } from "../../workers/gate/cookie-credential.ts";
import type { Passage } from "../../workers/gate/passage.ts";

const app = "https://app.example.com";

function credential(method: string, fields: Readonly<Record<string, string>>, cors: unknown = null): string {
  const passage = {
    fields: new Map(Object.entries(fields)),
    request: new Request("https://api.example.com/x", { method }),
    route: { cors },
    isolate: { mesh: { tokens: { cookie: "__Host-mesh" } } },
  } as unknown as Passage;
  return cookieCredential(passage).kind;
}

const cookie = "a=1; __Host-mesh=t";

describe("the token's cookie", () => {
  test.each([
    ["GET", { cookie }, "token"],
    ["HEAD", { cookie, origin: app }, "token"],
    ["GET", { cookie: "a=1" }, "none"],
    ["GET", {}, "none"],
    ["POST", {}, "none"],
    ["GET", { cookie: `${cookie}; __Host-mesh=u` }, "doubled"],
    ["POST", { cookie }, "foreign_origin"],
    ["POST", { cookie, origin: "null" }, "foreign_origin"],
    ["POST", { cookie, origin: app }, "foreign_origin"],
    ["DELETE", { cookie, origin: "http://api.example.com" }, "foreign_origin"],
    ["PUT", { cookie, origin: "https://api.example.com" }, "token"],
    ["PROPFIND", { cookie }, "foreign_origin"],
    ["GET", { cookie, upgrade: "websocket", connection: "Upgrade" }, "foreign_origin"],
    ["GET", { cookie, upgrade: "websocket", connection: "Upgrade", origin: "https://api.example.com" }, "token"],
  ])("%s with %j: %s", (method, fields, expected) => {
    expect(credential(method, fields)).toBe(expected);
  });

  test("counts for a page that the route lets in with credentials, and for no other", () => {
    const asked = { cookie, origin: app };
    expect(credential("POST", asked, { credentials: true, origins: new Set([app]) })).toBe("token");
    expect(credential("POST", asked, { credentials: false, origins: new Set([app]) })).toBe("foreign_origin");
    expect(credential("POST", asked, { credentials: true, origins: new Set(["https://b.example"]) })).toBe(
      "foreign_origin",
    );
    expect(credential("POST", asked, { credentials: false, origins: "*" })).toBe("foreign_origin");
  });
});
