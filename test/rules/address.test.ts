import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressFromList, addressFromPlatform, isAdmitted } from "../../workers/gate/address.ts";
import { canonicalAddress, compileAddressSet } from "../../workers/gate/address-set.ts";

describe("address set", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["::1", "::1"],
    ["::", "::"],
    ["fe80::0001", "fe80::1"],
  ])("%s is written %s", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  test.each([
    "",
    "1",
    "1.2.3",
    "010.1.1.1",
    "0x7f.1",
    "0x7f.0.0.1",
    "256.1.1.1",
    "1.2.3.4.5",
    "1.2.3.4:80",
    "[::1]",
    "fe80::1%eth0",
    "::ffff:010.1.1.1",
    "::ffff:1.2.3",
    ":::",
    "1::2::3",
    "12345::",
    "localhost",
    " 1.2.3.4",
    "1.2.3.4 ",
    "unknown",
    "_hidden",
    "1.2.3.4\n",
  ])("%j is no address", (text) => {
    expect(canonicalAddress(text)).toBeNull();
  });

  test("a block holds its addresses, in every spelling, and no others", () => {
    const set = compileAddressSet(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
    for (const inside of ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:ffff::1", "::1", "::ffff:10.1.2.3"]) {
      expect([inside, set.has(inside)]).toEqual([inside, true]);
    }
    for (const outside of ["11.0.0.0", "9.255.255.255", "192.0.2.8", "2001:db9::1", "::2", "nobody"]) {
      expect([outside, set.has(outside)]).toEqual([outside, false]);
    }
  });

  test("an IPv4 block and an IPv6 block of all addresses do not hold each other's", () => {
    expect(compileAddressSet(["0.0.0.0/0"]).has("2001:db8::1")).toBe(false);
    expect(compileAddressSet(["::/0"]).has("192.0.2.1")).toBe(false);
    expect(compileAddressSet(["::ffff:10.0.0.0/104"]).has("10.1.2.3")).toBe(true);
  });

  test.each([
    ["10.0.0.0/33", "from 0 to 32 bits"],
    ["10.0.0.0/", "from 0 to 32 bits"],
    ["10.0.0.0/08", "from 0 to 32 bits"],
    ["10.0.0.1/8", "10.0.0.0/8"],
    ["2001:db8::1/32", "2001:db8::/32"],
    ["::ffff:10.0.0.0/8", "from 96 to 128 bits"],
    ["010.0.0.0/8", "an IPv4 or IPv6 address"],
    ["example.com", "an IPv4 or IPv6 address"],
    ["10.0.0.0/8/8", "from 0 to 32 bits"],
  ])("%s is a mistake of the configuration", (cidr, expected) => {
    expect(() => compileAddressSet([cidr])).toThrow(expected);
  });

  test("a block of n bits holds exactly what shares its first n bits", () => {
    const number = fc.nat({ max: 0xffffffff });
    fc.assert(
      fc.property(number, number, fc.integer({ min: 0, max: 32 }), (base, other, bits) => {
        const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
        const first = (base & mask) >>> 0;
        const set = compileAddressSet([`${quad(first)}/${bits}`]);
        expect(set.has(quad(other))).toBe((other & mask) >>> 0 === first);
      }),
      { numRuns: 500 },
    );
  });
});

describe("client address", () => {
  const proxies = compileAddressSet(["192.0.2.0/24", "2001:db8::/32"]);

  test.each([
    ["the only entry", "203.0.113.9", null, "203.0.113.9"],
    ["the rightmost that is no proxy", "1.1.1.1, 203.0.113.9, 192.0.2.1", null, "203.0.113.9"],
    ["never the leftmost, which the client writes", "6.6.6.6, 203.0.113.9", null, "203.0.113.9"],
    ["the first proxy, when all are trusted", "192.0.2.1, 192.0.2.2", null, "192.0.2.1"],
    ["one behind a garbage entry of the client's", "garbage, 203.0.113.9", null, "203.0.113.9"],
    ["the peer, when it is no proxy", "203.0.113.9", "198.51.100.7", "198.51.100.7"],
    ["one that a trusted peer names", "203.0.113.9", "192.0.2.5", "203.0.113.9"],
    ["IPv4 for one that maps it", "::ffff:203.0.113.9", null, "203.0.113.9"],
    ["nobody without the field", null, null, null],
  ])("behind proxies it is %s", (_, list, peer, address) => {
    expect(addressFromList(list, peer, proxies)).toEqual({ kind: "known", address });
  });

  test.each(["garbage", "203.0.113.9, garbage", "203.0.113.9,", "203.0.113.9:80", "garbage, 192.0.2.1"])(
    "what a proxy wrote and nobody can read is refused: %s",
    (list) => {
      expect(addressFromList(list, null, proxies).kind).toBe("refused");
    },
  );

  test("the platform's word is taken, and this machine's where there is no platform", () => {
    expect(addressFromPlatform("2001:DB8::0:1", false)).toEqual({ kind: "known", address: "2001:db8::1" });
    expect(addressFromPlatform(null, true)).toEqual({ kind: "known", address: "127.0.0.1" });
    expect(addressFromPlatform(null, false)).toEqual({ kind: "known", address: null });
    expect(addressFromPlatform("1.2.3.4, 5.6.7.8", false).kind).toBe("refused");
  });

  test("blocked wins over everything, and who is unknown is on no list", () => {
    const from = { kind: "platform" } as const;
    const only = compileAddressSet(["10.0.0.0/8"]);
    const block = compileAddressSet(["10.6.6.0/24"]);
    const policy = { from, only, block, exempt: null };
    expect(isAdmitted(policy, "10.1.1.1")).toBe(true);
    expect(isAdmitted(policy, "10.6.6.1")).toBe(false);
    expect(isAdmitted(policy, "11.1.1.1")).toBe(false);
    expect(isAdmitted(policy, null)).toBe(false);
    expect(isAdmitted({ from, only: null, block, exempt: null }, null)).toBe(true);
  });
});

function quad(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}
