/**
 * Sets of addresses, and the one way to write an address. Parsing is strict: `1`, `010.1.1.1` and `0x7f.1` are
 * addresses to some libraries and something else to others, so they are none here.
 */
import ipaddr from "ipaddr.js";

export interface AddressSet {
  /** `address` is canonical text, as `canonicalAddress` gives it. */
  has(address: string): boolean;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const dottedQuad = new RegExp(`^${octet}(?:\\.${octet}){3}$`);
/** The characters of an IPv6 address without a zone; a dotted quad may stand at its end. */
const colonHex = /^[0-9a-f:]*:[0-9a-f:]*(?:\d{1,3}(?:\.\d{1,3}){3})?$/i;

/**
 * Compressed lower-case IPv6 (RFC 5952), dotted IPv4, and IPv4 for an IPv6 address that maps one; null for anything
 * else: a port, a zone, a name, a leading zero.
 */
export function canonicalAddress(text: string): string | null {
  if (dottedQuad.test(text)) return text;
  return parse(text)?.toString() ?? null;
}

/** `cidrs`: addresses or `address/bits`. Throws an Error that says what was expected: they come from the configuration. */
export function compileAddressSet(cidrs: readonly string[]): AddressSet {
  const blocks = cidrs.map(readBlock);
  const fours = blocks.filter((block) => block.base.kind() === "ipv4");
  const sixes = blocks.filter((block) => block.base.kind() === "ipv6");
  return {
    has(text) {
      const address = parse(text);
      if (address === null) return false;
      const candidates = address.kind() === "ipv4" ? fours : sixes;
      return candidates.some((block) => address.match(block.base, block.bits));
    },
  };
}

interface Block {
  readonly base: Address;
  readonly bits: number;
}

function readBlock(text: string): Block {
  const slash = text.indexOf("/");
  const base = parse(slash === -1 ? text : text.slice(0, slash));
  if (base === null) throw mistaken(text, "an IPv4 or IPv6 address, with /bits or without");
  const isMapped = base.kind() === "ipv4" && text.includes(":");
  const all = base.kind() === "ipv4" ? 32 : 128;
  if (slash === -1) return { base, bits: all };
  const digits = text.slice(slash + 1);
  // A mapped block (::ffff:10.0.0.0/104) counts its bits in the IPv6 address.
  const bits = /^(?:0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) - (isMapped ? 96 : 0) : -1;
  if (bits < 0 || bits > all) throw mistaken(text, `from ${isMapped ? 96 : 0} to ${isMapped ? 128 : all} bits`);
  const first = firstOf(base, bits);
  if (first !== base.toString()) throw mistaken(text, `no bits set beyond the first ${digits}, so ${first}/${digits}`);
  return { base, bits };
}

function firstOf(base: Address, bits: number): string {
  const cidr = `${base.toString()}/${bits}`;
  return base.kind() === "ipv4"
    ? ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()
    : ipaddr.IPv6.networkAddressFromCIDR(cidr).toString();
}

function parse(text: string): Address | null {
  if (dottedQuad.test(text)) return ipaddr.IPv4.parse(text);
  if (text.length > 45 || !colonHex.test(text) || !ipaddr.IPv6.isValid(text)) return null;
  const embedded = text.slice(text.lastIndexOf(":") + 1);
  if (embedded.includes(".") && !dottedQuad.test(embedded)) return null;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function mistaken(text: string, expected: string): Error {
  return new Error(`cannot read the address block "${text}": expected ${expected}`);
}
