import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import type { Limit, LimitPart } from "../../workers/config/mesh.ts";
import { budgetOf, type Asker } from "../../workers/limit/budget.ts";
import { canonicalAddress } from "../../workers/gate/address-set.ts";
import type { Identity } from "../../workers/token/identity.ts";

const usual: Limit["prefix"] = { ipv4: 32, ipv6: 64 };

function by(...parts: LimitPart[]): Limit {
  return {
    name: "l",
    by: parts,
    algorithm: "fixed-window",
    quota: 1,
    windowMs: 1_000,
    burst: 0,
    mode: "enforce",
    onError: "closed",
    timeoutMs: 1_000,
    methods: null,
    prefix: usual,
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

function networkFor(prefix: Partial<Limit["prefix"]>, text: string): string | Promise<string> {
  return budgetOf({ ...address, prefix: { ...usual, ...prefix } }, asker({ address: text }));
}

test("an IPv4 address is its own budget, an IPv6 address that of its /64", () => {
  expect(budgetOf(address, asker({}))).toBe("192.0.2.7");
  expect(budgetOf(address, asker({ address: "2001:db8:0:1:2:3:4:5" }))).toBe("2001:db8:0:1::/64");
  expect(budgetOf(address, asker({ address: "2001:db8::1" }))).toBe("2001:db8::/64");
  expect(budgetOf(address, asker({ address: "::1" }))).toBe("::/64");
});

describe("a limit's prefix says which addresses share a budget", () => {
  test.each([
    [{ ipv4: 24 }, "192.0.2.7", "192.0.2.0/24"],
    [{ ipv4: 25 }, "192.0.2.200", "192.0.2.128/25"],
    [{ ipv4: 31 }, "192.0.2.7", "192.0.2.6/31"],
    [{ ipv4: 8 }, "255.1.2.3", "255.0.0.0/8"],
    [{ ipv4: 32 }, "192.0.2.7", "192.0.2.7"],
    [{ ipv6: 16 }, "2001:db8::1", "2001::/16"],
    [{ ipv6: 56 }, "2001:db8:1:2ff:3::", "2001:db8:1:200::/56"],
    [{ ipv6: 127 }, "2001:db8::f", "2001:db8::e/127"],
    [{ ipv6: 128 }, "2001:db8::1", "2001:db8::1"],
    [{ ipv6: 128 }, "2001:DB8:0:0:1:0:0:01", "2001:db8::1:0:0:1"],
    [{ ipv6: 16 }, "::ffff:192.0.2.7", "192.0.2.7"],
    [{ ipv4: 24 }, "::ffff:c000:207", "192.0.2.0/24"],
    [{ ipv6: 96 }, "64:ff9b::192.0.2.7", "64:ff9b::/96"],
  ] as const)("%o of %s is %s", (prefix, text, budget) => {
    expect(networkFor(prefix, text)).toBe(budget);
  });

  test("it holds wherever a limit falls back on the address, and inside a list", () => {
    const prefix = { ipv4: 24, ipv6: 48 };
    expect(budgetOf({ ...subject, prefix }, asker({}))).toBe("192.0.2.0/24");
    const listed = { ...by({ kind: "address" }, { kind: "route" }), prefix };
    expect(budgetOf(listed, asker({ address: "2001:db8::1", route: "GET /a" }))).toBe('["2001:db8::/48","GET /a"]');
    expect(budgetOf({ ...subject, prefix }, asker({ identity: {} }))).toBe('["https://i","s"]');
  });

  test("every network is the one that an independent library finds", () => {
    const octet = fc.nat(255);
    const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff));
    const four = fc.array(octet, { minLength: 4, maxLength: 4 }).map((octets) => octets.join("."));
    const six = fc
      .array(group, { minLength: 8, maxLength: 8 })
      .map((groups) => canonicalAddress(groups.map((one) => one.toString(16)).join(":")) ?? "");
    fc.assert(
      fc.property(four, fc.integer({ min: 8, max: 31 }), (text, bits) => {
        const first = ipaddr.IPv4.networkAddressFromCIDR(`${text}/${bits}`).toString();
        expect(networkFor({ ipv4: bits }, text)).toBe(`${first}/${bits}`);
      }),
    );
    fc.assert(
      fc.property(six, fc.integer({ min: 16, max: 128 }), (text, bits) => {
        fc.pre(text.includes(":"));
        const first = ipaddr.IPv6.networkAddressFromCIDR(`${text}/${bits}`).toString();
        expect(networkFor({ ipv6: bits }, text)).toBe(bits === 128 ? text : `${first}/${bits}`);
      }),
      { numRuns: 1_000 },
    );
  });

  test("more addresses than are remembered change no answer, and each limit has its own", () => {
    const sites = Array.from({ length: 3_000 }, (_, index) => `2001:db8:${(index + 1).toString(16)}`);
    for (const site of [...sites, ...sites]) {
      expect(networkFor({ ipv6: 128 }, `${site}::7`)).toBe(`${site}::7`);
      expect(networkFor({ ipv6: 64 }, `${site}::7`)).toBe(`${site}::/64`);
    }
    expect(networkFor({ ipv4: 24 }, "::ffff:192.0.2.7")).toBe("192.0.2.0/24");
    expect(networkFor({ ipv4: 16 }, "::ffff:192.0.2.7")).toBe("192.0.0.0/16");
  });

  test("two addresses share a budget exactly when they share the prefix", () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
    const textOf = (parts: readonly number[]) =>
      canonicalAddress(parts.map((part) => part.toString(16)).join(":")) ?? "";
    const bitsOf = (parts: readonly number[]) => parts.map((part) => part.toString(2).padStart(16, "0")).join("");
    fc.assert(
      fc.property(groups, groups, fc.nat(8), fc.integer({ min: 16, max: 128 }), (one, other, shared, bits) => {
        const second = [...one.slice(0, shared), ...other.slice(shared)];
        fc.pre(textOf(one).includes(":") && textOf(second).includes(":"));
        const isShared = bitsOf(one).slice(0, bits) === bitsOf(second).slice(0, bits);
        const [first, last] = [networkFor({ ipv6: bits }, textOf(one)), networkFor({ ipv6: bits }, textOf(second))];
        expect(first === last).toBe(isShared);
      }),
      { numRuns: 1_000 },
    );
  });
});

test("who has no address at all counts as unknown, and no address does", () => {
  expect(budgetOf(address, asker({ address: null }))).toBe("unknown");
  expect(budgetOf(subject, asker({ address: null }))).toBe("unknown");
  expect(budgetOf(subject, asker({ address: null, identity: {} }))).toBe('["https://i","s"]');
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
