/** Addresses are read and written as a library of the field does, but for spellings that are read in two ways. */
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { addressText, isWithin, networkAddress, parseAddress } from "../../workers/gate/ip-address.ts";

const quad = fc.ipV4();
const six = fc.ipV6();

/** An embedded dotted quad goes by the platform's own reading: to ipaddr.js `::192.0.2.1` maps an IPv4 address. */
function processed(text: string): ipaddr.IPv4 | ipaddr.IPv6 {
  if (!text.includes(":")) return ipaddr.IPv4.parse(text);
  const address = ipaddr.IPv6.parse(new URL(`http://[${text}]`).hostname.slice(1, -1));
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

describe("an address", () => {
  test("is read and written as ipaddr.js does", () => {
    fc.assert(
      fc.property(fc.oneof(quad, six), (text) => {
        const ours = parseAddress(text);
        const theirs = processed(text);
        expect(ours === null ? null : addressText(ours)).toBe(theirs.toString());
      }),
      { numRuns: 5_000 },
    );
  });

  test("is within a network where ipaddr.js says so", () => {
    fc.assert(
      fc.property(fc.oneof(quad, six), fc.oneof(quad, six), fc.nat(128), fc.boolean(), (one, other, bits, isSame) => {
        const [theirs, base] = [processed(one), processed(isSame ? one : other)];
        const leading = Math.min(bits, base.kind() === "ipv4" ? 32 : 128);
        const [ours, ourBase] = [parseAddress(one), parseAddress(isSame ? one : other)];
        if (ours === null || ourBase === null) throw new Error("expected addresses");
        const expected = theirs.kind() === base.kind() && theirs.match(base, leading);
        expect(isWithin(ours, networkAddress(ourBase, leading), leading)).toBe(expected);
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    "",
    "1",
    "010.1.1.1",
    "0x7f.1",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    " 1.2.3.4",
    "1.2.3.4:80",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "[::1]",
    "::1.2.3",
    "::01.2.3.4",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1:",
    ":1",
  ])("%s is none", (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  test.each([
    ["::", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
  ])("%s is written %s", (text, expected) => {
    const address = parseAddress(text);
    expect(address === null ? null : addressText(address)).toBe(expected);
  });
});
