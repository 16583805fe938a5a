/** Configurations without a mistake, of every kind of setting that is not kept as it was written. */
import fc from "fast-check";
import { issuer, service } from "../support/configurations.ts";

const optional = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
const whole = (min: number, max: number) => fc.integer({ min, max });

const serviceNames = ["inventory", "orders"] as const;
const limitNames = ["first", "second", "third"] as const;
const methods = fc.uniqueArray(fc.constantFrom("GET", "HEAD", "POST", "PUT"), { minLength: 1 });
const amount = fc.oneof(whole(1, 1_000), fc.constant("unlimited"));

const anyLimit = fc.record({
  by: fc.constantFrom("address", "tenant", ["subject", "claim:plan"], ["address", "header:X-Team"]),
  algorithm: fc.constantFrom("fixed-window", "sliding-window", "token-bucket"),
  quota: fc.oneof(
    amount,
    fc.record({
      claim: fc.constant("plan"),
      of: fc.dictionary(fc.string({ minLength: 1, maxLength: 9 }), amount, { minKeys: 1, maxKeys: 4 }),
      else: amount,
    }),
  ),
  windowMs: whole(100, 60_000),
  mode: fc.constantFrom("enforce", "shadow"),
  methods: optional(fc.constantFrom("read", "write")),
  prefix: optional(fc.record({ ipv6: whole(16, 128) })),
});

const anyRoute = fc.record({
  service: fc.constantFrom(...serviceNames),
  identity: fc.constantFrom("required", { need: "required", forward: "none" }),
  allow: optional(
    fc.record({
      roles: fc.constantFrom([], ["admin"]),
      claims: fc.dictionary(fc.constantFrom("plan", "team.name"), fc.oneof(fc.string(), fc.boolean(), whole(-9, 9)), {
        minKeys: 1,
      }),
      tenant: fc.constant(":tenant"),
    }),
  ),
  limits: fc.uniqueArray(fc.constantFrom(...limitNames)),
  cors: optional(
    fc.record({
      origins: fc.constantFrom("*", ["https://app.example.com", "https://www.example.com"]),
      methods: optional(methods),
    }),
  ),
  rewrite: optional(fc.constantFrom({ strip: "/t/:tenant" }, { prefix: "/v2" }, { strip: "/t", prefix: "/v2/" })),
  cache: optional(fc.record({ tags: fc.constantFrom([], ["parts"]), partition: fc.constantFrom([], ["tenant"]) })),
  maxBodyBytes: optional(whole(0, 1_000)),
});

const networks = fc.uniqueArray(
  fc.constantFrom("192.0.2.0/24", "2001:db8::/32", "::ffff:10.0.0.0/104", "198.51.100.7"),
);

const byName = <Value>(names: readonly string[], one: fc.Arbitrary<Value>) =>
  fc.record(Object.fromEntries(names.map((name) => [name, one])));

export const anyConfiguration = fc.record({
  environment: fc.constantFrom("production", "staging", "local"),
  regions: optional(fc.uniqueArray(fc.constantFrom("weur", "enam", "apac"), { minLength: 1 })),
  services: byName(
    serviceNames,
    fc.constantFrom(service, { ...service, timeoutMs: 100, proof: { header: "X-From", secret: "ORIGIN_SECRET" } }),
  ),
  routes: fc
    .array(anyRoute, { minLength: 1, maxLength: 4 })
    .map((routes) => routes.map((route, index) => ({ ...route, match: `/t/:tenant/${index}/*` }))),
  limits: byName(limitNames, anyLimit),
  addresses: fc.record({
    from: fc.constantFrom("platform", { header: "X-Forwarded-For", trustedProxies: ["192.0.2.0/24"] }),
    only: networks,
    block: networks,
  }),
  tokens: optional(
    fc.record({ rotateAfterSeconds: fc.constantFrom(null, 86_400), refresh: optional(fc.constant({})) }),
  ),
  issuers: fc.constantFrom([], [issuer, { ...issuer, issuer: "https://other.example.com", audience: ["a", "b"] }]),
  accounts: fc.constantFrom(
    undefined,
    { rounds: 7 },
    { service: "inventory", path: "/login", send: "json", name: "/user/~1name", claims: { plan: "/plan" } },
  ),
  costCap: optional(fc.record({ callsPerDay: whole(1, 1_000_000) })),
});
