import fc from "fast-check";
import { expect, test } from "vitest";
import type { Limit, LimitPart } from "../../workers/config/mesh.ts";
import { budgetOf, type Asker } from "../../workers/limit/budget.ts";
import { canonicalAddress } from "../../workers/gate/address-set.ts";
import type { Identity } from "../../workers/token/identity.ts";

function by(...parts: LimitPart[]): Limit {
  return {
    name: "l",
    by: parts,
    algorithm: "fixed-window",
    quota: 1,
    windowMs: 1_000,
    mode: "enforce",
    onError: "closed",
  };
}

interface Facts {
  readonly address?: string | null;
  readonly identity?: Partial<Identity> | null;
  readonly route?: string;
  readonly headers?: Record<string, string>;
}

function asker({ address = "192.0.2.7", identity = null, route = "GET /*", headers = {} }: Facts): Asker {
  const whole = {
    issuer: "https://i",
    subject: "s",
    client: null,
    tenant: null,
    roles: [],
    scopes: [],
    claims: {},
    expiresAt: 0,
  };
  return {
    address,
    identity: identity === null ? null : { ...whole, ...identity },
    route: { name: route },
    fields: new Map(Object.entries(headers)),
  };
}

const address = by({ kind: "address" });
const subject = by({ kind: "subject" });

test("an IPv4 address is its own budget, an IPv6 address that of its /64", () => {
  expect(budgetOf(address, asker({}))).toBe("192.0.2.7");
  expect(budgetOf(address, asker({ address: "2001:db8:0:1:2:3:4:5" }))).toBe("2001:db8:0:1::/64");
  expect(budgetOf(address, asker({ address: "2001:db8::1" }))).toBe("2001:db8::/64");
  expect(budgetOf(address, asker({ address: "::1" }))).toBe("::/64");
});

test("two IPv6 addresses share a budget exactly when they share a /64", () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });
  const text = (parts: readonly number[]) => canonicalAddress(parts.map((part) => part.toString(16)).join(":")) ?? "";
  fc.assert(
    fc.property(groups, groups, fc.boolean(), (one, other, isNear) => {
      const second = isNear ? [...one.slice(0, 4), ...other.slice(4)] : other;
      fc.pre(text(one).includes(":") && text(second).includes(":"));
      const same = one.slice(0, 4).join(":") === second.slice(0, 4).join(":");
      expect(
        budgetOf(address, asker({ address: text(one) })) === budgetOf(address, asker({ address: text(second) })),
      ).toBe(same);
    }),
  );
});

test("Workers of other zones are told apart by the zone that the platform names", () => {
  const from = (zone?: string) =>
    asker({ address: "2a06:98c0:3600::103", headers: zone === undefined ? {} : { "cf-worker": zone } });
  expect(budgetOf(address, from("a.example"))).toBe("worker:a.example");
  expect(budgetOf(address, from("b.example"))).toBe("worker:b.example");
  expect(budgetOf(address, from())).toBe("2a06:98c0:3600::/64");
  const elsewhere = asker({ address: "192.0.2.7", headers: { "cf-worker": "a.example" } });
  expect(budgetOf(address, elsewhere)).toBe("192.0.2.7");
});

test("who has no identity, claim or header counts by address, never in one budget with other strangers", () => {
  const parts: LimitPart[] = [
    { kind: "subject" },
    { kind: "tenant" },
    { kind: "client" },
    { kind: "claim", name: "plan" },
    { kind: "header", name: "x-key" },
  ];
  for (const part of parts) {
    expect(budgetOf(by(part), asker({ address: "192.0.2.1" }))).toBe("192.0.2.1");
    expect(budgetOf(by(part), asker({ address: "192.0.2.2" }))).toBe("192.0.2.2");
  }
  expect(budgetOf(by({ kind: "tenant" }), asker({ identity: { tenant: null } }))).toBe("192.0.2.7");
});

test("an identity is the pair of issuer and subject, a tenant and a claim count within their issuer", () => {
  expect(budgetOf(subject, asker({ identity: { issuer: "https://i", subject: "s" } }))).toBe('["https://i","s"]');
  expect(budgetOf(by({ kind: "tenant" }), asker({ identity: { tenant: "t" } }))).toBe('["https://i","t"]');
  const plan = by({ kind: "claim", name: "plan" });
  expect(budgetOf(plan, asker({ identity: { claims: { plan: 1 } } }))).not.toBe(
    budgetOf(plan, asker({ identity: { claims: { plan: "1" } } })),
  );
});

test("a composite is the JSON array of its parts", () => {
  const limit = by({ kind: "tenant" }, { kind: "route" });
  expect(budgetOf(limit, asker({ identity: { tenant: "t" }, route: "GET /a" }))).toBe('[["https://i","t"],"GET /a"]');
});

test("no two different identities share a budget: separators, case, Unicode forms, length, lone surrogates", async () => {
  const tricky = fc.constantFrom(
    "a",
    "A",
    "\u00e9",
    "e\u0301",
    '"',
    "\\",
    '","',
    "[",
    "]",
    "/",
    "\n",
    "\0",
    "\ud800",
    "\\ud800",
    "192.0.2.7",
    "",
  );
  const long = fc.string({ minLength: 500, maxLength: 700 });
  const name = fc.oneof(
    fc.array(tricky, { maxLength: 4 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary" }),
    long,
  );
  const who = fc.record({ issuer: name, subject: name, tenant: fc.option(name) });
  const limits = [subject, by({ kind: "subject" }, { kind: "tenant" }), by({ kind: "subject" }, { kind: "address" })];
  await fc.assert(
    fc.asyncProperty(who, who, fc.constantFrom(...limits), async (one, other, limit) => {
      const keys = [await budgetOf(limit, asker({ identity: one })), await budgetOf(limit, asker({ identity: other }))];
      const relevant = (each: typeof one) => JSON.stringify(limit === limits[1] ? each : { ...each, tenant: null });
      expect(keys[0] === keys[1]).toBe(relevant(one) === relevant(other));
      for (const key of keys) {
        expect(new TextEncoder().encode(key).length).toBeLessThanOrEqual(512);
        expect(key.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 600 },
  );
});

test("a text over 512 bytes is digested, not cut", async () => {
  const common = "x".repeat(600);
  const one = await budgetOf(subject, asker({ identity: { subject: `${common}1` } }));
  const other = await budgetOf(subject, asker({ identity: { subject: `${common}2` } }));
  expect(one).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(one).not.toBe(other);
});

test("a limit by key belongs to the mesh API: a route cannot count by it", () => {
  expect(() => budgetOf(by({ kind: "key" }), asker({}))).toThrow("through the mesh API only");
});
