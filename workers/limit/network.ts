/**
 * Networks as texts: the leading bits of an address, for budgets that neighbours share. Addresses come as the gate
 * writes them; other spellings of the same address give the same text (RFC 5952).
 */

import { addressText, networkAddress, parseAddress } from "../gate/ip-address.ts";

export interface PrefixLengths {
  readonly ipv4: number;
  readonly ipv6: number;
}

const fourBits = 32;

/** By the lengths and the address: requests come in series, and reading an IPv6 address is the dear part of a budget. */
const remembered = new Map<string, string>();
const mostRemembered = 1_024;

/** `192.0.2.0/24`, `2001:db8::/64`; the bare address where all of its bits count. */
export function networkOf(address: string, { ipv4, ipv6 }: PrefixLengths): string {
  if (!address.includes(":")) return fourNetwork(address, ipv4);
  const key = `${ipv4} ${ipv6} ${address}`;
  let network = remembered.get(key);
  if (network === undefined) {
    network = sixNetwork(address, ipv4, ipv6);
    // All at once: a stranger with ever new addresses costs the memory, never more than reading each.
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(key, network);
  }
  return network;
}

function sixNetwork(text: string, ipv4: number, ipv6: number): string {
  const address = parseAddress(text);
  // The gate writes addresses, and only those come here; whatever else did would be a budget of its own.
  if (address === null) return text;
  const leading = address.bits === fourBits ? ipv4 : ipv6;
  if (leading === address.bits) return addressText(address);
  return `${addressText(networkAddress(address, leading))}/${leading}`;
}

function fourNetwork(address: string, bits: number): string {
  if (bits === fourBits) return address;
  const octets = address.split(".").map((octet, index) => {
    const hidden = 8 - Math.min(8, Math.max(0, bits - index * 8));
    return (Number(octet) >> hidden) << hidden;
  });
  return `${octets.join(".")}/${bits}`;
}
