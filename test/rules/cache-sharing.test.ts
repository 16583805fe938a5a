/** Who shares an entry with whom: RFC 9111 section 4.1, the key, and a search for leaks. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CacheRule } from "../../workers/config/mesh.ts";
import type { Identity } from "../../workers/token/identity.ts";
import { answer, clock, person, World, type Wanted } from "./cache-world.ts";
import { isLongRun } from "../support/long-run.ts";

beforeEach(clock.start);
afterEach(clock.stop);

const hour = { "Cache-Control": "max-age=3600" };

/** What Cache-Status says of `second`, once `first` was answered. */
async function saidOf(first: Wanted, second: Wanted, head: Readonly<Record<string, string>> = hour): Promise<string> {
  const world = new World(() => answer(head));
  await world.get(first);
  return (await world.get(second)).said;
}

const accepts = (value: string): Wanted => ({ headers: { Accept: value } });

describe("RFC 9111 section 4.1", () => {
  const varied = { ...hour, Vary: "Accept" };

  it.each([
    ["the same value", accepts("a"), accepts("a"), "hit"],
    ["another value", accepts("a"), accepts("b"), "fwd=vary-miss"],
    ["another value of a field that is not named", accepts("a"), { headers: { Accept: "a", From: "b" } }, "hit"],
    ["absent, and absent", {}, {}, "hit"],
    ["absent, and empty", {}, accepts(""), "fwd=vary-miss"],
    ["present, and absent", accepts("a"), {}, "fwd=vary-miss"],
  ])("%s", async (_title, first, second, said) => {
    expect(await saidOf(first, second, varied)).toContain(said);
  });

  it("names are compared without their letter case, values with it", async () => {
    expect(await saidOf(accepts("a"), accepts("a"), { ...hour, Vary: "ACCEPT" })).toContain("hit");
    expect(await saidOf(accepts("a"), accepts("A"), varied)).toContain("vary-miss");
  });

  it("variants are kept side by side", async () => {
    const world = new World(({ headers }) => answer(varied, { body: headers.get("accept") ?? "" }));
    for (const value of ["a", "b", "a", "b"]) expect((await world.get(accepts(value))).body).toBe(value);
    expect(world.asked).toHaveLength(2);
  });

  it("all names that the answers of a URL have varied by choose together", async () => {
    const names = ["Accept", "Accept-Language"];
    let turn = 0;
    const world = new World(() => answer({ ...hour, Vary: names[turn++ % 2] ?? "" }));
    for (const value of ["a", "b", "c"]) await world.get(accepts(value));
    const kept = await Promise.all(["b", "c"].map((value) => world.get(accepts(value))));
    expect(kept.map(({ said }) => said.includes("hit"))).toEqual([true, true]);
    expect((await world.get({ headers: { Accept: "c", "Accept-Language": "en" } })).said).toContain("vary-miss");
  });

  it("a field that Connection lists did not reach the upstream: it does not choose", async () => {
    const hidden = { headers: { Accept: "a", Connection: "close, Accept" } };
    expect(await saidOf(hidden, accepts("a"), varied)).toContain("vary-miss");
    expect(await saidOf(hidden, {}, varied)).toContain("hit");
  });

  it.each(["Mesh-Request-Id", "traceparent"])("%s differs for each request: nothing is kept", async (name) => {
    expect(await saidOf({}, {}, { ...hour, Vary: name })).toContain("fwd=uri-miss");
  });

  it.each([
    ["Mesh-Subject", { identity: person("ann") }, { identity: person("bob") }],
    ["Mesh-Subject", { identity: person("ann") }, { identity: person("ann", { issuer: "https://other.example" }) }],
    ["Mesh-Tenant", { identity: person("ann", { tenant: "a" }) }, { identity: person("ann", { tenant: "b" }) }],
    ["Mesh-Roles", { identity: person("ann", { roles: ["a"] }) }, { identity: person("ann", { roles: ["b"] }) }],
    ["Mesh-Issuer", { identity: person("ann") }, { identity: person("ann", { issuer: "https://other.example" }) }],
    ["Mesh-Client-Address", { address: "192.0.2.1" }, { address: "192.0.2.2" }],
    ["X-Forwarded-For", { address: "192.0.2.1" }, { address: "192.0.2.2" }],
  ])("%s is the gate's word, not the client's", async (name, one, other) => {
    const head = { "Cache-Control": "public, max-age=3600", Vary: name };
    const forged = { headers: { [name]: "the same" } };
    expect(await saidOf({ ...one, ...forged }, { ...other, ...forged }, head)).toContain("vary-miss");
    expect(await saidOf({ ...one, ...forged }, one, head)).toContain("hit");
    const listed = { headers: { Connection: name } };
    expect(await saidOf({ ...one, ...listed }, { ...other, ...listed }, head)).toContain("vary-miss");
  });

  it.each([
    ["the cookie", { Cookie: "__Host-mesh=one" }, { Cookie: "__Host-mesh=other" }],
    ["an API key", { "X-API-Key": "slv_one" }, { "X-API-Key": "slv_other" }],
    ["the cookie, beside an empty field", { Authorization: "", Cookie: "a" }, { Authorization: "", Cookie: "b" }],
  ])("Authorization is the gate's word where %s showed who asks", async (_title, one, other) => {
    const head = { "Cache-Control": "public, max-age=3600", Vary: "Authorization" };
    const by = (headers: Wanted["headers"], name = "ann"): Wanted => ({
      identity: person(name),
      headers: headers ?? {},
    });
    expect(await saidOf(by(one), by(other), head)).toContain("vary-miss");
    expect(await saidOf(by(one), by(one, "bob"), head)).toContain("vary-miss");
    expect(await saidOf(by(one), {}, head)).toContain("vary-miss");
    expect(await saidOf(by(one), by(one), head)).toContain("hit");
  });
});

describe("the key", () => {
  it.each<[string, Wanted, Wanted]>([
    ["host", {}, { host: "www.example.com" }],
    ["port", { host: "api.example.com:8787" }, { host: "api.example.com:8788" }],
    ["scheme", { scheme: "http" }, { scheme: "https" }],
    ["path", { path: "/a" }, { path: "/a/" }],
    ["letter case of the path", { path: "/a" }, { path: "/A" }],
    ["query", { path: "/a?b" }, { path: "/a?b=" }],
    ["an empty query", { path: "/a" }, { path: "/a?" }],
    ["order of the query", { path: "/a?b&c" }, { path: "/a?c&b" }],
    ["route", { route: "one" }, { route: "two" }],
  ])("tells apart by %s", async (_title, one, other) => {
    expect(await saidOf(one, other)).toContain("fwd=uri-miss");
    expect(await saidOf(one, one)).toContain("hit");
  });

  it.each<[string, CacheRule["partition"], Partial<Identity>, Partial<Identity>]>([
    ["subject", ["subject"], { subject: "ann" }, { subject: "bob" }],
    ["subject, of the same name under another issuer", ["subject"], {}, { issuer: "https://other.example" }],
    ["tenant", ["tenant"], { tenant: "a" }, { tenant: "b" }],
    ["tenant, of the same name under another issuer", ["tenant"], { tenant: "a" }, { tenant: "a", issuer: "x" }],
    ["client", ["client"], { client: "a" }, { client: "b" }],
    ["roles", ["roles"], { roles: ["a", "b"] }, { roles: ["a"] }],
    ["roles that look alike when joined", ["roles"], { roles: ["a,b"] }, { roles: ["a", "b"] }],
    [
      "parts that look alike when joined",
      ["tenant", "client"],
      { tenant: "a", client: "b" },
      { tenant: 'a","b', client: "" },
    ],
    ["a tenant named null, and none", ["tenant"], { tenant: "null" }, { tenant: null }],
  ])("a partition tells apart by %s", async (_title, partition, one, other) => {
    const asking = (more: Partial<Identity>): Wanted => ({ identity: person("ann", more), rule: { partition } });
    const head = { "Cache-Control": "public, max-age=3600" };
    expect(await saidOf(asking(one), asking(other), head)).toContain("fwd=uri-miss");
    expect(await saidOf(asking(one), asking(one), head)).toContain("hit");
  });

  it("nobody shares with somebody under a partition", async () => {
    const rule = { partition: ["tenant"] } as const;
    const head = { "Cache-Control": "public, max-age=3600" };
    expect(await saidOf({ rule }, { rule, identity: person("ann") }, head)).toContain("fwd=uri-miss");
    expect(await saidOf({ rule, identity: person("ann") }, { rule }, head)).toContain("fwd=uri-miss");
  });
});

/** Requests to one route, in order, at two isolates of one region. */
interface History {
  readonly rule: { readonly partition: CacheRule["partition"] };
  readonly cacheControl: string;
  readonly vary: string;
  readonly requests: readonly (Wanted & { readonly isolate: number })[];
}

const few = fc.constantFrom("a", "b", '","');
const identities = fc.option(
  fc
    .record({
      issuer: few,
      subject: few,
      client: fc.option(few),
      tenant: fc.option(few),
      roles: fc.array(few, { maxLength: 2 }),
    })
    .map((parts) => person(parts.subject, parts)),
  { freq: 2 },
);
const requests = fc.record({
  path: fc.constantFrom("/a", "/a", "/a", "/b", "/a?x"),
  method: fc.constantFrom("GET", "GET", "GET", "HEAD"),
  host: fc.constantFrom("one.example", "one.example", "two.example", "one.example:81"),
  identity: identities,
  address: fc.constantFrom("192.0.2.1", "192.0.2.2"),
  headers: fc.record(
    {
      accept: few,
      cookie: few,
      authorization: few,
      "mesh-subject": few,
      connection: fc.constantFrom("accept", "close", "mesh-subject"),
    },
    { requiredKeys: [] },
  ),
});
const perHistory = 12;
const parts = fc.constantFrom("path", "host", "identity", "address", "headers");
/** Most differ from one common request in a part or two: requests at random would hardly ever share an answer. */
const histories: fc.Arbitrary<History> = fc
  .record({
    rule: fc.record({ partition: fc.subarray(["tenant", "subject", "client", "roles"] as const) }),
    cacheControl: fc.constantFrom("max-age=60", "public, max-age=60", "max-age=60, must-revalidate"),
    vary: fc.subarray(["accept", "Cookie", "mesh-subject", "Mesh-Client-Address", "authorization"]).map(String),
    common: requests,
    changes: fc.array(
      fc.record({ isolate: fc.constantFrom(0, 1), own: fc.array(parts, { maxLength: 2 }), other: requests }),
      { minLength: perHistory, maxLength: perHistory },
    ),
  })
  .map(({ changes, common, ...rest }) => ({
    ...rest,
    requests: changes.map(({ isolate, other, own }) => {
      const changed = Object.fromEntries(own.map((part) => [part, other[part]]));
      return { ...common, ...changed, method: other.method, isolate };
    }),
  }));

/** The slow reference: all that an origin may make its answer of, as it sees it. It tells apart everyone whom it may. */
function mayDependOn({ cacheControl, rule, vary }: History, request: Wanted): string {
  const { address, headers = {}, host, identity = null, path } = request;
  const seen = new Map(Object.entries(headers));
  for (const name of (headers["connection"] ?? "").split(",")) seen.delete(name);
  seen
    .set("mesh-client-address", address ?? "")
    .set("mesh-subject", JSON.stringify([identity?.issuer, identity?.subject]));
  const named = vary.split(",").map((name) => seen.get(name.toLowerCase()) ?? null);
  const parted = rule.partition.map((part) => [identity?.issuer, identity?.[part]]);
  const isCovered = rule.partition.length > 0 && rule.partition.every((part) => (identity?.[part] ?? null) !== null);
  const hasCredentials = identity !== null || "authorization" in headers;
  // Credentials that neither the key nor the origin's own word covers make an answer nobody else's.
  const isPersonal = hasCredentials && !isCovered && cacheControl === "max-age=60";
  return JSON.stringify([host, path, named, parted, isPersonal ? [identity, headers["authorization"]] : null]);
}

describe("E6 the search for leaks", () => {
  const pairs = isLongRun ? 100_000 : 10_000;
  const numRuns = Math.ceil(pairs / ((perHistory * (perHistory - 1)) / 2));

  it(`no two of ${pairs} pairs of requests that the origin may answer differently share an entry`, async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const world = new World(() => answer({}));
        const isolates = [world, world.neighbour()];
        for (const { isolate, ...request } of history.requests) {
          const mine = encodeURIComponent(mayDependOn(history, request));
          world.answerWith(({ method }) =>
            answer(
              { "Cache-Control": history.cacheControl, Vary: history.vary, "X-Made-Of": mine },
              { body: method === "HEAD" ? null : "a body" },
            ),
          );
          const { headers, said } = (await isolates[isolate]?.get({ ...request, rule: history.rule })) ?? unreachable();
          expect(headers.get("x-made-of")).toBe(mine);
          if (said.includes("hit")) hits += 1;
        }
      }),
      { numRuns },
    );
    // The search must have found answers that are shared: otherwise it would show nothing.
    expect(hits).toBeGreaterThan(numRuns * 2);
  }, 120_000);
});

function unreachable(): never {
  throw new Error("there are two isolates");
}
