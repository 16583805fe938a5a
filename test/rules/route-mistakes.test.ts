import { describe, expect, it } from "vitest";
import { limit, type MistakeRow, route, mistakesOf, service, withRoute, withTop } from "../support/configurations.ts";

const plans = { claim: "plan", of: { free: 10 }, else: 10 };

const slots = { by: "address", algorithm: "concurrency", quota: 10 };

const rows: readonly MistakeRow[] = [
  [
    "routes are needed",
    { services: { inventory: service } },
    "routes: expected a list of at least one route: received nothing",
  ],
  ["at least one route", withTop({ routes: [] }), "routes: expected a list of at least one route: received []"],
  [
    "an unknown field near to none names all",
    withRoute({ xyzzy: 1 }),
    'routes[0].xyzzy: expected a known field: "match", "methods", "service", "identity", "allow", "limits", "cors", "rewrite", "maxBodyBytes", "cache", "fence": received "xyzzy"',
  ],
  [
    "a match begins with a slash",
    withRoute({ match: "a" }),
    'routes[0].match: expected a slash at its beginning: received "a"',
  ],
  [
    "a star comes last",
    withRoute({ match: { path: "/a*/b" } }),
    'routes[0].match.path: expected `*` only as its last segment: received "/a*/b"',
  ],
  [
    "a match is canonical",
    withRoute({ match: "/a/../b" }),
    'routes[0].match: expected no dot segment: received "/a/../b"',
  ],
  [
    "a host has no port",
    withRoute({ match: { host: "API.example.com:80", path: "/" } }),
    'routes[0].match.host: expected a host name in lower case, without a port: received "API.example.com:80"',
  ],
  [
    "the mesh's own paths are its own",
    withRoute({ match: "/_mesh/*" }),
    'routes[0].match: expected a path outside of /_mesh, which the mesh answers itself: received "/_mesh/*"',
  ],
  [
    "methods are in capitals",
    withRoute({ methods: ["get"] }),
    'routes[0].methods[0]: expected a method in capitals, not CONNECT or TRACE: received "get"',
  ],
  [
    "a method that cannot be fetched is no method",
    withRoute({ methods: ["TRACE"] }),
    'routes[0].methods[0]: expected a method in capitals, not CONNECT or TRACE: received "TRACE"',
  ],
  [
    "a route's service exists",
    withRoute({ service: "inventry" }),
    'routes[0].service: expected the name of a service, perhaps "inventory": received "inventry"',
  ],
  [
    "a route's limit exists",
    withRoute({ limits: ["reeds"] }, { limits: { reads: limit } }),
    'routes[0].limits[0]: expected the name of a limit, perhaps "reads": received "reeds"',
  ],
  [
    "a route's limits are a list",
    withRoute({ limits: "reads" }, { limits: { reads: limit } }),
    'routes[0].limits: expected a list of limits: names, or { name, cost?, costHeader? }: received "reads"',
  ],
  [
    "a limit in a list is named",
    withRoute({ limits: [7] }, { limits: { reads: limit } }),
    "routes[0].limits[0]: expected the name of a limit, or { name, cost?, costHeader? }: received 7",
  ],
  [
    "a limit with a cost is named",
    withRoute({ limits: [{ cost: 2 }] }, { limits: { reads: limit } }),
    "routes[0].limits[0].name: expected the name of a limit: received nothing",
  ],
  [
    "a limit with a cost exists",
    withRoute({ limits: [{ name: "reeds", cost: 2 }] }, { limits: { reads: limit } }),
    'routes[0].limits[0].name: expected the name of a limit, perhaps "reads": received "reeds"',
  ],
  [
    "a route names a limit once",
    withRoute({ limits: ["reads", "reads"] }, { limits: { reads: limit } }),
    'routes[0].limits[1]: expected each limit once: received "reads"',
  ],
  [
    "a route names a limit once, however it is written",
    withRoute({ limits: ["reads", { name: "reads", cost: 2 }] }, { limits: { reads: limit } }),
    'routes[0].limits[1].name: expected each limit once: received "reads"',
  ],
  [
    "a limit in a route has no other fields",
    withRoute({ limits: [{ name: "reads", costs: 2 }] }, { limits: { reads: limit } }),
    'routes[0].limits[0].costs: expected a known field, perhaps "cost": received "costs"',
  ],
  [
    "a cost is not negative",
    withRoute({ limits: [{ name: "reads", cost: -1 }] }, { limits: { reads: limit } }),
    "routes[0].limits[0].cost: expected a whole number from 0 to 1000000000: received -1",
  ],
  [
    "a cost is whole",
    withRoute({ limits: [{ name: "reads", cost: 0.5 }] }, { limits: { reads: limit } }),
    "routes[0].limits[0].cost: expected a whole number from 0 to 1000000000: received 0.5",
  ],
  [
    "a cost is a number",
    withRoute({ limits: [{ name: "reads", cost: "2" }] }, { limits: { reads: limit } }),
    'routes[0].limits[0].cost: expected a whole number from 0 to 1000000000: received "2"',
  ],
  [
    "a cost can be counted",
    withRoute({ limits: [{ name: "reads", cost: 1e10 }] }, { limits: { reads: limit } }),
    "routes[0].limits[0].cost: expected a whole number from 0 to 1000000000: received 10000000000",
  ],
  [
    "a cost is within the quota",
    withRoute({ limits: [{ name: "reads", cost: 11 }] }, { limits: { reads: limit } }),
    "routes[0].limits[0].cost: expected at most 10, the quota of reads: more could never pass: received 11",
  ],
  [
    "a cost is within what some plan has",
    withRoute(
      { limits: [{ name: "reads", cost: 101 }] },
      { limits: { reads: { ...limit, quota: { claim: "plan", of: { pro: 100 }, else: 10 } } } },
    ),
    "routes[0].limits[0].cost: expected at most 100, the quota of reads: more could never pass: received 101",
  ],
  [
    "a cost is within what a bucket holds",
    withRoute(
      { limits: [{ name: "reads", cost: 6 }] },
      { limits: { reads: { ...limit, algorithm: "token-bucket", burst: 5 } } },
    ),
    "routes[0].limits[0].cost: expected at most 5, the burst of reads: more could never pass: received 6",
  ],
  [
    "a cost that is known at the end takes something before",
    withRoute({ limits: [{ name: "reads", cost: 0, costHeader: "x-cost" }] }, { limits: { reads: limit } }),
    "routes[0].limits[0].cost: expected at least 1 beside costHeader: received 0",
  ],
  [
    "a cost is in a header",
    withRoute({ limits: [{ name: "reads", costHeader: "x cost" }] }, { limits: { reads: limit } }),
    `routes[0].limits[0].costHeader: expected a header's name: received "x cost"`,
  ],
  [
    "a request holds one permit",
    withRoute({ limits: [{ name: "slots", cost: 2 }] }, { limits: { slots } }),
    "routes[0].limits[0].cost: expected 1: a request holds one permit while it runs: received 2",
  ],
  [
    "a permit is never free of charge",
    withRoute({ limits: [{ name: "slots", cost: 0 }] }, { limits: { slots } }),
    "routes[0].limits[0].cost: expected 1: a request holds one permit while it runs: received 0",
  ],
  [
    "a permit has no cost to tell afterwards",
    withRoute({ limits: [{ name: "slots", costHeader: "x-cost" }] }, { limits: { slots } }),
    'routes[0].limits[0].costHeader: expected no such setting: a limit of requests at once has no cost: received "x-cost"',
  ],
  [
    "a limit counts at least one of the route's methods",
    withRoute({ methods: ["POST"], limits: ["reads"] }, { limits: { reads: { ...limit, methods: "read" } } }),
    'routes[0].limits[0]: expected a limit that counts a method of the route (this one counts GET, HEAD, OPTIONS, PROPFIND, QUERY, REPORT, SEARCH): received "reads"',
  ],
  [
    "a limit of writes counts a method of the route",
    withRoute({ methods: ["GET", "QUERY"], limits: ["reads"] }, { limits: { reads: { ...limit, methods: "write" } } }),
    'routes[0].limits[0]: expected a limit that counts a method of the route (this one counts writes): received "reads"',
  ],
  [
    "a limit that is written as an object does, too",
    withRoute(
      { methods: ["GET"], limits: [{ name: "reads", cost: 2 }] },
      { limits: { reads: { ...limit, methods: ["PUT"] } } },
    ),
    'routes[0].limits[0].name: expected a limit that counts a method of the route (this one counts PUT): received "reads"',
  ],
  [
    "identity is one of three",
    withRoute({ identity: "maybe" }),
    'routes[0].identity: expected "none" or "optional" or "required" or { need, forward }: received "maybe"',
  ],
  [
    "what is not read is asserted to nobody",
    withRoute({ identity: { need: "none", forward: "assertion" } }),
    'routes[0].identity.forward: expected "token" (with need "none" nothing is read, and what came is passed on): received "assertion"',
  ],
  [
    "what is not read is passed on",
    withRoute({ identity: { need: "none", forward: "none" } }),
    'routes[0].identity.forward: expected "token" (with need "none" nothing is read, and what came is passed on): received "none"',
  ],
  [
    "scopes need an identity",
    withRoute({ identity: "optional", allow: { scopes: ["read"] } }),
    'routes[0].allow: expected identity "required" beside it: received "optional"',
  ],
  [
    "an allowance allows something",
    withRoute({ allow: {} }),
    "routes[0].allow: expected at least one scope, role or claim, or the tenant: received nothing",
  ],
  [
    "a scope has no space",
    withRoute({ allow: { scopes: ["a b"] } }),
    'routes[0].allow.scopes[0]: expected a scope (RFC 6749 section 3.3): received "a b"',
  ],
  [
    "a claim is held against values",
    withRoute({ allow: { claims: { plan: {} } } }),
    "routes[0].allow.claims.plan: expected a text, a number, true or false, or a list of at least one of these: received {}",
  ],
  [
    "a claim without a value would let nobody pass",
    withRoute({ allow: { claims: { plan: [] } } }),
    "routes[0].allow.claims.plan: expected a text, a number, true or false, or a list of at least one of these: received []",
  ],
  [
    "the tenant is in the path",
    withRoute({ allow: { tenant: ":tenant" } }),
    'routes[0].allow.tenant: expected a parameter of the route\'s path (/a/:id): received ":tenant"',
  ],
  [
    "an issuer of the allowed ones is known",
    withRoute({ allow: { issuers: ["urn:selvedge:prodcution"] } }),
    'routes[0].allow.issuers: expected issuers of this mesh, perhaps "urn:selvedge:production": received "urn:selvedge:prodcution"',
  ],
  [
    "a limit by subject needs an identity",
    withRoute({ identity: "none", limits: ["l"] }, { limits: { l: { ...limit, by: "subject" } } }),
    'routes[0].limits[0]: expected a limit that needs no identity, which this route does not read (it counts by subject): received "l"',
  ],
  [
    "a limit by tenant needs an identity",
    withRoute({ identity: "none", limits: ["l"] }, { limits: { l: { ...limit, by: ["address", "tenant"] } } }),
    'routes[0].limits[0]: expected a limit that needs no identity, which this route does not read (it counts by tenant): received "l"',
  ],
  [
    "a quota by claim needs an identity",
    withRoute({ identity: "none", limits: ["l"] }, { limits: { l: { ...limit, quota: plans } } }),
    'routes[0].limits[0]: expected a limit that needs no identity, which this route does not read (its quota is by claim): received "l"',
  ],
  [
    "a limit by key is for the API only",
    withRoute({ limits: ["l"] }, { limits: { l: { ...limit, by: "key" } } }),
    'routes[0].limits[0]: expected a limit whose key a request has: by "key" only POST /_mesh/v1/limits/NAME/take counts: received "l"',
  ],
  [
    "credentials are not for every site",
    withRoute({ cors: { origins: "*", credentials: true } }),
    'routes[0].cors.origins: expected a list of origins, because credentials are allowed: received "*"',
  ],
  [
    "a CORS origin is written as browsers do",
    withRoute({ cors: { origins: ["https://app.example.com/"] } }),
    'routes[0].cors.origins[0]: expected an origin as browsers write it, such as "https://app.example.com": received "https://app.example.com/"',
  ],
  [
    "what is stripped leads the path",
    withRoute({ rewrite: { strip: "/b" } }),
    `routes[0].rewrite.strip: expected the leading segments of the route's path (/a/:id): received "/b"`,
  ],
  [
    "what is stripped is no longer than the path",
    withRoute({ rewrite: { strip: "/a/:id/c" } }),
    `routes[0].rewrite.strip: expected the leading segments of the route's path (/a/:id): received "/a/:id/c"`,
  ],
  [
    "a prefix has no parameters",
    withRoute({ rewrite: { prefix: "/t/:x" } }),
    'routes[0].rewrite.prefix: expected a path without parameters: received "/t/:x"',
  ],
  ["a rewrite rewrites", withRoute({ rewrite: {} }), "routes[0].rewrite: expected strip, prefix, or both: received {}"],
  [
    "a partition needs an identity",
    withRoute({ identity: "none", cache: { partition: ["tenant"] } }),
    'routes[0].cache.partition: expected none, because identity "none" reads no identity to part by: received ["tenant"]',
  ],
  [
    "only reads are kept",
    withRoute({ methods: ["POST"], cache: {} }),
    'routes[0].cache: expected a route that takes GET or HEAD: nothing else is kept: received ["POST"]',
  ],
  [
    "a tag is short",
    withRoute({ cache: { tags: ["x".repeat(65)] } }),
    `routes[0].cache.tags[0]: expected a tag of 1 to 64 printable ASCII characters without spaces: received "${"x".repeat(65)}"`,
  ],
  [
    "a fence is for later",
    withRoute({ fence: "stock-take" }),
    'routes[0].fence: expected no such setting (not available in this version): received "stock-take"',
  ],
  [
    "the same route twice is never reached",
    withTop({ routes: [route, { ...route, match: "/a/:other" }] }),
    'routes[1].match: expected a request that routes[0] leaves: it takes all of these: received "* /a/:other"',
  ],
  [
    "a route under a wider one is never reached",
    withTop({
      routes: [
        { ...route, match: "/*" },
        { ...route, methods: ["GET"], match: { host: "h.example.com", path: "/a" } },
      ],
    }),
    'routes[1].match: expected a request that routes[0] leaves: it takes all of these: received "GET h.example.com/a"',
  ],
];

describe("a mistake in a route is told by its path, what was expected and what was received", () => {
  // One cause, one line: nothing is told that only follows from it.
  it.each(rows)("%s", (_rule, config, line) => {
    expect(mistakesOf(config)).toEqual([line]);
  });
});
