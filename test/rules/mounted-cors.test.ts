/** Which of the auth paths a page of another origin may call: those that its scripts need, as their route lets it. */
import { describe, expect, test } from "vitest";
import { compile } from "../../workers/config/compile.ts";
import { mountedCors } from "../../workers/mounted-cors.ts";
import { ownPath } from "../../workers/own-path.ts";

const anyone = { origins: "*" };
const app = { origins: ["https://app.example.com"] };
const service = "origin";

function corsAt(path: string, routes: readonly object[], auth?: string) {
  const mesh = compile({
    environment: "local",
    services: { origin: { origins: ["http://origin.invalid"] } },
    ...(auth === undefined ? {} : { mount: { auth } }),
    routes: routes.map((route) => ({ service, identity: "none", ...route })),
  });
  const own = ownPath(mesh.mount, path) ?? path;
  const target = { kind: "target", scheme: "https", host: "mesh.example", authority: "mesh.example", path, query: "" };
  const cors = mountedCors(mesh, { ...target, kind: "target", scheme: "https" }, own);
  return cors === null ? null : cors.origins;
}

describe("CORS of the auth paths", () => {
  test("is that of the route that the path would take otherwise: the first that matches", () => {
    const routes = [
      { match: "/token", cors: app },
      { match: "/*", cors: anyone },
    ];
    expect(corsAt("/token", routes, "/")).toEqual(new Set(app.origins));
    expect(corsAt("/revoke", routes, "/")).toBe("*");
    expect(corsAt("/auth/token", routes, "/auth")).toBe("*");
    expect(corsAt("/token", [{ match: "/*", methods: ["GET"] }, ...routes], "/")).toEqual(new Set(app.origins));
  });

  test("is none without a route, with one that leaves it to its service, and at another host", () => {
    expect(corsAt("/token", [{ match: "/api/*", cors: anyone }], "/")).toBeNull();
    expect(corsAt("/token", [{ match: "/*" }], "/")).toBeNull();
    expect(corsAt("/token", [{ match: { host: "other.example", path: "/*" }, cors: anyone }], "/")).toBeNull();
  });

  test.each(["/authorize", "/token/redirect", "/.well-known/jwks.json"])("is none for %s", (path) => {
    expect(corsAt(path, [{ match: "/*", cors: anyone }], "/")).toBeNull();
  });

  test.each(["/_mesh/v1/auth/token", "/_mesh/v1/accounts/ada"])("is none below /_mesh: %s", (path) => {
    expect(corsAt(path, [{ match: "/*", cors: anyone }], "/")).toBeNull();
  });
});
