import { describe, expect, expectTypeOf, it } from "vitest";
import type * as v from "valibot";
import demo from "../../mesh.config.ts";
import { compile } from "../../workers/config/compile.ts";
import type { MeshConfig } from "../../workers/config/define.ts";
import { objectSettings } from "../../workers/config/object-settings.ts";
import type { partSchemas } from "../../workers/config/schema.ts";
import { limit, mistakesOf, route, service, withService, withTop, type Settings } from "../support/configurations.ts";

describe("a configuration with mistakes", () => {
  it("all mistakes are told at once", () => {
    const config = withTop({
      viewLeaseMs: 1,
      limits: { reads: { ...limit, quota: -1 } },
      routes: [{ ...route, service: "x" }, 7],
    });
    expect(mistakesOf(config).map((line) => line.split(":")[0])).toEqual([
      "viewLeaseMs",
      "limits.reads.quota",
      "routes[0].service",
      "routes[1]",
    ]);
  });

  it("the message has every mistake on a line of its own", () => {
    expect(() => compile(withTop({ environment: 1, regions: 2 }))).toThrow(
      /2 mistakes\n {2}environment: expected a name .*: received 1\n {2}regions: expected .*: received 2$/,
    );
  });
});

describe("a configuration without a mistake", () => {
  it("is small: services and routes are enough, and the defaults are the careful ones", () => {
    const mesh = compile({ services: { inventory: service }, routes: [{ match: "/*", service: "inventory" }] });
    expect(mesh).toMatchObject({ environment: "production", viewLeaseMs: 1_000, regionLeaseMs: 10_000 });
    expect(mesh.regions).toHaveLength(9);
    expect(mesh.routes[0]).toMatchObject({
      identity: { need: "required", forward: "token" },
      cache: null,
      cors: null,
      limits: [],
    });
    expect(mesh.tokens).toEqual({
      issuer: "urn:selvedge:production",
      audience: "urn:selvedge:production",
      algorithm: "ES256",
      sharedSecret: null,
      ttlSeconds: 900,
      rotateAfterMs: 7_776_000_000,
      refresh: null,
      cookie: "__Host-mesh",
      loginUrl: null,
      redirectUrl: null,
    });
    expect(mesh.addresses).toEqual({ from: { kind: "platform" }, only: null, exempt: null, block: null });
  });

  it("accepts what later versions switch on, while it is off", () => {
    const off = withTop({
      mount: { auth: undefined, health: true, kuzzleStatus: false },
      services: { inventory: { ...service, minimumNodes: 0, via: undefined } },
      limits: { reads: { ...limit, algorithm: "fixed-window", onError: "closed" } },
    });
    expect(compile(off).mount).toEqual({ auth: null, health: true });
  });

  it("may have insecure origins locally, or where it lists them", () => {
    const origins = ["http://127.0.0.1:3000"];
    expect(compile({ ...withService({ origins }), environment: "local" }).services.get("inventory")?.origins).toEqual(
      origins,
    );
    expect(compile(withService({ origins, allowInsecureOrigins: origins })).services.get("inventory")?.origins).toEqual(
      origins,
    );
  });

  it("keeps routes apart that only look alike", () => {
    const variants = [
      "/a/:id",
      { host: "x.example.com", path: "/b" },
      { host: "y.example.com", path: "/b" },
      "/b",
      "/a/:id/c",
      "/*",
    ];
    const routes = variants.map((match) => ({ ...route, match }));
    const reads = { ...route, match: "/c", methods: ["GET"] };
    const compiled = compile(withTop({ routes: [reads, { ...reads, methods: ["POST"] }, ...routes] })).routes;
    expect(new Set(compiled.map(({ name }) => name)).size).toBe(8);
  });

  it("is frozen through and through", () => {
    const mesh = compile(withTop({ limits: { reads: limit } }));
    expect(Object.isFrozen(mesh.routes[0]?.identity)).toBe(true);
    expect(() => (mesh.limits as Map<string, unknown>).clear()).toThrow(TypeError);
    expect(() => (mesh.regions as string[]).push("me")).toThrow(TypeError);
    expect(mesh.limits.get("reads")?.quota).toBe(10);
  });

  it("has a version that follows its content, not its spelling", () => {
    const version = (config: Settings): string => compile(config).version;
    const spelled = withTop({ viewLeaseMs: 500, regionLeaseMs: 5_000 });
    expect(version(withTop({ regionLeaseMs: 5_000, viewLeaseMs: 500 }))).toBe(version(spelled));
    expect(version(withTop({ viewLeaseMs: 501, regionLeaseMs: 5_000 }))).not.toBe(version(spelled));
    expect(version(spelled)).toMatch(/^[0-9a-f]{16}$/);
  });

  it.each(["restheart.org", "my mesh", "http://api.example.com", "urn:example:mesh", "tag:example.com,2026:mesh"])(
    "may call the issuer %s where a shared secret verifies: nobody looks for its keys",
    (issuer) => {
      const tokens = { issuer, algorithm: "HS256", secret: "SHARED_SECRET" };
      expect(compile(withTop({ tokens })).tokens).toMatchObject({ issuer, audience: issuer });
    },
  );

  it("is what the demo has, and it reaches the single writers", () => {
    const mesh = compile(demo);
    expect([...mesh.limits.keys()]).toEqual(["reads", "writes", "demo"]);
    expect(objectSettings(mesh)).toMatchObject({
      log: { environment: "production", regionLeaseMs: 10_000, retentionMs: 604_800_000 },
      keyring: { issuer: mesh.tokens.issuer, algorithm: "ES256" },
      lock: { environment: "production" },
    });
  });

  it("is typed for its writer as it is checked", () => {
    type Read = { readonly [Name in keyof typeof partSchemas]?: v.InferInput<(typeof partSchemas)[Name]> | undefined };
    expectTypeOf<keyof MeshConfig>().toExtend<keyof Read>();
    expectTypeOf<NonNullable<MeshConfig["tokens"]>>().toExtend<NonNullable<Read["tokens"]>>();
    expectTypeOf<NonNullable<MeshConfig["mount"]>>().toExtend<NonNullable<Read["mount"]>>();
  });
});
