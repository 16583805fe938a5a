/** Sets of addresses, as the configuration names them. */
import { addressText, isWithin, networkAddress, parseAddress, type IpAddress } from "./ip-address.ts";

export interface AddressSet {
  /** As they were written. */
  readonly cidrs: readonly string[];
  /** `address` is canonical text, as `canonicalAddress` gives it. */
  has(address: string): boolean;
}

/** The one spelling of an address; null for what is none. */
export function canonicalAddress(text: string): string | null {
  const address = parseAddress(text);
  return address === null ? null : addressText(address);
}

/** `cidrs`: addresses or `address/bits`. Throws an Error that says what was expected: they come from the configuration. */
export function compileAddressSet(cidrs: readonly string[]): AddressSet {
  const blocks = cidrs.map(readBlock);
  return {
    cidrs,
    has(text) {
      const address = parseAddress(text);
      return address !== null && blocks.some(({ base, bits }) => isWithin(address, base, bits));
    },
  };
}

interface Block {
  readonly base: IpAddress;
  readonly bits: number;
}

function readBlock(text: string): Block {
  const slash = text.indexOf("/");
  const base = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (base === null) throw mistaken(text, "an IPv4 or IPv6 address, with /bits or without");
  if (slash === -1) return { base, bits: base.bits };
  // A mapped block (::ffff:10.0.0.0/104) counts its bits in the IPv6 address.
  const least = base.bits === 32 && text.includes(":") ? 96 : 0;
  const digits = text.slice(slash + 1);
  const bits = /^(?:0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) - least : -1;
  if (bits < 0 || bits > base.bits) throw mistaken(text, `from ${least} to ${least + base.bits} bits`);
  const first = addressText(networkAddress(base, bits));
  if (first !== addressText(base))
    throw mistaken(text, `no bits set beyond the first ${digits}, so ${first}/${digits}`);
  return { base, bits };
}

function mistaken(text: string, expected: string): Error {
  return new Error(`cannot read the address block "${text}": expected ${expected}`);
}
