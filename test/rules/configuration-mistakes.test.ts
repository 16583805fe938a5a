import { describe, expect, it } from "vitest";
import { issuer, type MistakeRow, route, mistakesOf, withIssuer, withTop } from "../support/configurations.ts";

const rows: readonly MistakeRow[] = [
  [
    "a configuration is an object",
    7,
    "configuration: expected what defineMesh returns, as the default export: received 7",
  ],
  [
    "services are needed",
    { routes: [route] },
    "services: expected an object with at least one service by its name: received nothing",
  ],
  [
    "at least one service",
    withTop({ services: {} }),
    "services: expected an object with at least one service by its name: received {}",
  ],
  [
    "an unknown field at the top names the nearest",
    withTop({ limit: {} }),
    'limit: expected a known field, perhaps "limits": received "limit"',
  ],
  [
    "an environment is a name",
    withTop({ environment: "Prod/1" }),
    'environment: expected a name ([a-z0-9][a-z0-9._-]{0,63}): received "Prod/1"',
  ],
  [
    "regions are the platform's",
    withTop({ regions: ["weur", "mars"] }),
    'regions[1]: expected "wnam" or "enam" or "sam" or "weur" or "eeur" or "apac" or "oc" or "afr" or "me": received "mars"',
  ],
  [
    "a region counts once",
    withTop({ regions: ["weur", "weur"] }),
    'regions[1]: expected each item once: received "weur"',
  ],
  ["some region is needed", withTop({ regions: [] }), "regions: expected a list of at least one region: received []"],
  [
    "a lease has whole milliseconds",
    withTop({ viewLeaseMs: 100.5 }),
    "viewLeaseMs: expected a whole number from 100 to 300000: received 100.5",
  ],
  [
    "a lease is finite",
    withTop({ regionLeaseMs: Infinity }),
    "regionLeaseMs: expected a whole number from 100 to 300000: received Infinity",
  ],
  [
    "a view lease fits in a region lease",
    withTop({ viewLeaseMs: 20_000 }),
    "viewLeaseMs: expected at most regionLeaseMs (10000): received 20000",
  ],
  [
    "an address is an address",
    withTop({ addresses: { block: ["300.1.1.1"] } }),
    'addresses.block[0]: expected an IPv4 or IPv6 address, with /bits or without: received "300.1.1.1"',
  ],
  [
    "a network has no bits beyond its length",
    withTop({ addresses: { only: ["10.0.0.1/8"] } }),
    'addresses.only[0]: expected no bits set beyond the first 8, so 10.0.0.0/8: received "10.0.0.1/8"',
  ],
  [
    "a header needs proxies that wrote it",
    withTop({ addresses: { from: { header: "x-forwarded-for" } } }),
    "addresses.from.trustedProxies: expected a list of at least one network of your own proxies: received nothing",
  ],
  [
    "not everyone is a trusted proxy",
    withTop({ addresses: { from: { header: "x-forwarded-for", trustedProxies: ["0.0.0.0/0"] } } }),
    'addresses.from.trustedProxies[0]: expected a network of your own proxies, not everyone: received "0.0.0.0/0"',
  ],
  [
    "own tokens are signed by an algorithm that the mesh knows",
    withTop({ tokens: { algorithm: "none" } }),
    'tokens.algorithm: expected "ES256" or "EdDSA" or "Ed25519" or "RS256" or "HS256": received "none"',
  ],
  [
    "a shared secret has a name",
    withTop({ tokens: { algorithm: "HS256" } }),
    "tokens.secret: expected the name of the binding with the shared secret: received nothing",
  ],
  [
    "a secret is shared for HS256 alone",
    withTop({ tokens: { secret: "NODES_SECRET" } }),
    'tokens.secret: expected no such setting beside an algorithm other than "HS256": received a text of 12 characters',
  ],
  [
    "a secret of the mesh's own is shared with nobody",
    withTop({ tokens: { algorithm: "HS256", secret: "MESH_KEY_SECRET" } }),
    "tokens.secret: expected the name of a secret's binding, in capitals, not one of the mesh's own (MESH_…): received a text of 15 characters",
  ],
  [
    "refresh tokens end",
    withTop({ tokens: { refresh: { ttlSeconds: null } } }),
    "tokens.refresh.ttlSeconds: expected a whole number from 60 to 31536000: received null",
  ],
  [
    "the grace of a refresh token is short",
    withTop({ tokens: { refresh: { graceMs: 60_001 } } }),
    "tokens.refresh.graceMs: expected a whole number from 0 to 60000: received 60001",
  ],
  [
    "keys are not replaced every hour",
    withTop({ tokens: { rotateAfterSeconds: 3_600 } }),
    "tokens.rotateAfterSeconds: expected a whole number from 86400 to 315360000: received 3600",
  ],
  [
    "a cookie has one of two names",
    withTop({ tokens: { cookie: "session" } }),
    'tokens.cookie: expected "__Host-mesh" or "rh_auth": received "session"',
  ],
  [
    "a token is delivered over https",
    withTop({ tokens: { redirectUrl: "http://app.example.com/" } }),
    'tokens.redirectUrl: expected an https URL without a fragment (http with environment "local" only): received "http://app.example.com/"',
  ],
  [
    "a login page is a URL",
    withTop({ tokens: { loginUrl: "/login" } }),
    'tokens.loginUrl: expected an https URL without a fragment (http with environment "local" only): received "/login"',
  ],
  [
    "the mesh's issuer is https or a URN",
    withTop({ tokens: { issuer: "http://api.example.com" } }),
    'tokens.issuer: expected an https URL without query and fragment (RFC 8414 section 2), or a URN: received "http://api.example.com"',
  ],
  [
    "an issuer whose keys are looked for is no mere name",
    withTop({ tokens: { issuer: "restheart.org" } }),
    'tokens.issuer: expected an https URL without query and fragment (RFC 8414 section 2), or a URN: received "restheart.org"',
  ],
  [
    "an issuer with a colon is a URI (RFC 7519 section 2)",
    withTop({ tokens: { issuer: "my mesh: 7", algorithm: "HS256", secret: "SHARED_SECRET" } }),
    'tokens.issuer: expected a name, or a URI where it has a colon (RFC 7519 section 2): received "my mesh: 7"',
  ],
  [
    "an outside issuer does not share its key",
    withIssuer({ algorithms: ["HS256"] }),
    'issuers[0].algorithms[0]: expected asymmetric algorithms: "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512": received "HS256"',
  ],
  [
    "an issuer's audience is said",
    withIssuer({ audience: undefined }),
    "issuers[0].audience: expected a text of 1 to 256 printable ASCII characters: received nothing",
  ],
  [
    "keys come over https",
    withIssuer({ jwksUri: "http://id.example.com/jwks" }),
    'issuers[0].jwksUri: expected an https URL with a public host name (others only with environment "local" or allowInsecureKeys): received "http://id.example.com/jwks"',
  ],
  [
    "keys do not come from an address",
    withIssuer({ jwksUri: "https://10.0.0.1/jwks" }),
    'issuers[0].jwksUri: expected an https URL with a public host name (others only with environment "local" or allowInsecureKeys): received "https://10.0.0.1/jwks"',
  ],
  [
    "discovery needs a URL",
    withIssuer({ issuer: "accounts" }),
    'issuers[0].issuer: expected an https URL without query and fragment, or a jwksUri beside it: received "accounts"',
  ],
  [
    "an issuer counts once",
    withTop({ issuers: [issuer, issuer] }),
    'issuers[1].issuer: expected each issuer once: received "https://id.example.com"',
  ],
  [
    "no outside issuer is the mesh",
    withTop({ tokens: { issuer: issuer.issuer }, issuers: [issuer] }),
    'issuers[0].issuer: expected an issuer other than the mesh itself (tokens.issuer): received "https://id.example.com"',
  ],
  [
    "auth paths are put below a path",
    withTop({ mount: { auth: "auth/" } }),
    'mount.auth: expected a path such as "/" or "/auth": received "auth/"',
  ],
  [
    "Kuzzle's status is for later",
    withTop({ mount: { kuzzleStatus: true } }),
    "mount.kuzzleStatus: expected false (others are not available in this version): received true",
  ],
  ["a login guard is an object", withTop({ loginGuard: 5 }), "loginGuard: expected an object: received 5"],
  [
    "a login guard lets somebody try",
    withTop({ loginGuard: { failures: 0 } }),
    "loginGuard.failures: expected a whole number from 1 to 1000: received 0",
  ],
  [
    "a login guard guards",
    withTop({ loginGuard: { failures: 1_001 } }),
    "loginGuard.failures: expected a whole number from 1 to 1000: received 1001",
  ],
  [
    "failures are whole",
    withTop({ loginGuard: { failures: 2.5 } }),
    "loginGuard.failures: expected a whole number from 1 to 1000: received 2.5",
  ],
  [
    "failures are a number",
    withTop({ loginGuard: { failures: "5" } }),
    'loginGuard.failures: expected a whole number from 1 to 1000: received "5"',
  ],
  [
    "a guard remembers for a second at least",
    withTop({ loginGuard: { windowMs: 999 } }),
    "loginGuard.windowMs: expected a whole number from 1000 to 86400000: received 999",
  ],
  [
    "a guard remembers forward",
    withTop({ loginGuard: { windowMs: -10_000 } }),
    "loginGuard.windowMs: expected a whole number from 1000 to 86400000: received -10000",
  ],
  [
    "and for a day at most",
    withTop({ loginGuard: { windowMs: 86_400_001 } }),
    "loginGuard.windowMs: expected a whole number from 1000 to 86400000: received 86400001",
  ],
  [
    "a guard has two settings",
    withTop({ loginGuard: { failure: 5 } }),
    'loginGuard.failure: expected a known field, perhaps "failures": received "failure"',
  ],
  [
    "a cap says its number",
    withTop({ costCap: {} }),
    "costCap.callsPerDay: expected a whole number from 1 to 1000000000000: received nothing",
  ],
  [
    "a cap is not below one call",
    withTop({ costCap: { callsPerDay: 0 } }),
    "costCap.callsPerDay: expected a whole number from 1 to 1000000000000: received 0",
  ],
  [
    "a cap is whole",
    withTop({ costCap: { callsPerDay: 0.5 } }),
    "costCap.callsPerDay: expected a whole number from 1 to 1000000000000: received 0.5",
  ],
  [
    "a cap is positive",
    withTop({ costCap: { callsPerDay: -1 } }),
    "costCap.callsPerDay: expected a whole number from 1 to 1000000000000: received -1",
  ],
  [
    "a cap is not beyond counting",
    withTop({ costCap: { callsPerDay: 1e13 } }),
    "costCap.callsPerDay: expected a whole number from 1 to 1000000000000: received 10000000000000",
  ],
  [
    "a cap is finite: none is said by leaving it out",
    withTop({ costCap: { callsPerDay: Infinity } }),
    "costCap.callsPerDay: expected a whole number from 1 to 1000000000000: received Infinity",
  ],
  [
    "a cap is by the day",
    withTop({ costCap: { callsPerDay: 1, callsPerHour: 1 } }),
    'costCap.callsPerHour: expected a known field, perhaps "callsPerDay": received "callsPerHour"',
  ],
  ["a cap is an object", withTop({ costCap: 1_000 }), "costCap: expected an object: received 1000"],
];

describe("a mistake in a configuration is told by its path, what was expected and what was received", () => {
  // One cause, one line: nothing is told that only follows from it.
  it.each(rows)("%s", (_rule, config, line) => {
    expect(mistakesOf(config)).toEqual([line]);
  });
});
