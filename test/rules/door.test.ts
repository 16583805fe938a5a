import { describe, expect, test } from "vitest";
import type { Mesh, Service } from "../../workers/config/mesh.ts";
import { originOf } from "../../workers/gate/origin.ts";
import { ownPath } from "../../workers/own-path.ts";
import { faultOfSettings } from "../../workers/settings.ts";

const service: Service = {
  name: "inventory",
  origins: ["https://origin.example.com", "https://second.example.com"],
  timeoutMs: 1_000,
  proof: { kind: "header", header: "x-proof", secret: "ORIGIN_SECRET" },
};
const mesh = { services: new Map([["inventory", service]]), tokens: { sharedSecret: null } } as unknown as Mesh;
const secrets = { MESH_ADMIN_SECRET: "a".repeat(32), MESH_KEY_SECRET: "ü".repeat(16), ORIGIN_SECRET: "knock knock" };
const local = { region: "weur", origins: {}, limits: "as_configured", likeProduction: false } as const;

describe("settings", () => {
  test("secrets of 32 bytes and a proof that a field can carry are enough", () => {
    expect(faultOfSettings(mesh, secrets)).toBeNull();
  });

  test.each([
    [{ MESH_ADMIN_SECRET: undefined }, "MESH_ADMIN_SECRET: expected a secret of at least 32 bytes: received none"],
    [{ MESH_ADMIN_SECRET: "a".repeat(31) }, "MESH_ADMIN_SECRET: expected a secret of at least 32 bytes: received 31"],
    [{ MESH_KEY_SECRET: "" }, "MESH_KEY_SECRET: expected a secret of at least 32 bytes: received 0"],
    [{ ORIGIN_SECRET: undefined }, "ORIGIN_SECRET: expected the secret that proves the mesh to service inventory"],
    [{ ORIGIN_SECRET: "" }, "ORIGIN_SECRET: expected"],
    [{ ORIGIN_SECRET: "line\nbreak" }, "ORIGIN_SECRET: expected"],
  ])("what is missing is named, and no value is told: %j", (change, fault) => {
    const found = faultOfSettings(mesh, { ...secrets, ...change });
    expect(found).toContain(fault);
    expect(found).not.toContain("line");
  });
});

describe("the mesh's own paths", () => {
  const unmounted = { auth: null, health: false };

  test.each([
    ["/_mesh", "/_mesh"],
    ["/_mesh/healthz", "/_mesh/healthz"],
    ["/_meshes", null],
    ["/_Mesh/healthz", null],
    ["/healthz", null],
    ["/token", null],
    ["/", null],
  ])("without a mount %s is %s", (path, own) => {
    expect(ownPath(unmounted, path)).toBe(own);
  });

  test("health is at the root where it is mounted", () => {
    expect(ownPath({ auth: null, health: true }, "/readyz")).toBe("/_mesh/readyz");
    expect(ownPath({ auth: null, health: true }, "/readyz/x")).toBeNull();
  });

  test.each([
    ["/", "/token", "/_mesh/v1/auth/token"],
    ["/auth", "/auth/token", "/_mesh/v1/auth/token"],
    ["/auth/", "/auth/.well-known/jwks.json", "/_mesh/v1/auth/.well-known/jwks.json"],
    ["/auth", "/.well-known/oauth-authorization-server/auth", "/_mesh/v1/auth/.well-known/oauth-authorization-server"],
    ["/auth", "/.well-known/oauth-authorization-server", null],
    ["/", "/.well-known/oauth-authorization-server/auth", null],
    ["/auth", "/token", null],
    ["/auth", "/authtoken", null],
    ["/", "/tokens", null],
  ])("mounted at %s, %s is %s", (auth, path, own) => {
    expect(ownPath({ auth, health: false }, path)).toBe(own);
  });
});

describe("origin", () => {
  test("deployed it is the first of the configuration, on one machine its own table wins", () => {
    expect(originOf(service, null)).toBe("https://origin.example.com");
    expect(originOf(service, local)).toBe("https://origin.example.com");
    expect(originOf(service, { ...local, origins: { "*": "http://127.0.0.1:1/" } })).toBe("http://127.0.0.1:1");
    expect(originOf(service, { ...local, origins: { "*": "http://a", inventory: "http://b" } })).toBe("http://b");
  });

  test.each(["http://127.0.0.1:3000", "http://127.0.0.1", "http://[::1]:3000"])(
    "like in production, an address cannot be reached, and the refusal says so: %s",
    (address) => {
      const refused = originOf(service, { ...local, likeProduction: true, origins: { "*": address } });
      expect(refused).toMatchObject({
        code: "upstream_failed",
        detail: expect.stringContaining("a host name") as unknown,
      });
    },
  );

  test("like in production, a name is reached as ever", () => {
    expect(originOf(service, { ...local, likeProduction: true, origins: { "*": "http://localhost:3000" } })).toBe(
      "http://localhost:3000",
    );
  });
});
