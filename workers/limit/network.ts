/**
 * Networks as texts: the leading bits of an address, for budgets that neighbours share. Addresses come as the gate
 * writes them; other spellings of the same address give the same text (RFC 5952).
 */

export interface PrefixLengths {
  readonly ipv4: number;
  readonly ipv6: number;
}

const [fourBits, sixBits, groupBits] = [32, 128, 16];

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

function sixNetwork(address: string, ipv4: number, ipv6: number): string {
  const groups = groupsOf(address);
  const mapped = mappedAddress(groups);
  if (mapped !== null) return fourNetwork(mapped, ipv4);
  if (ipv6 === sixBits) return textOf(groups);
  return `${textOf(groups.map((group, index) => leadingBits(group, ipv6 - index * groupBits)))}/${ipv6}`;
}

function fourNetwork(address: string, bits: number): string {
  if (bits === fourBits) return address;
  const octets = address.split(".").map((octet, index) => {
    const hidden = 8 - Math.min(8, Math.max(0, bits - index * 8));
    return (Number(octet) >> hidden) << hidden;
  });
  return `${octets.join(".")}/${bits}`;
}

function leadingBits(group: number, bits: number): number {
  const hidden = groupBits - Math.min(groupBits, Math.max(0, bits));
  return (group >> hidden) << hidden;
}

/** The eight groups of an IPv6 address; a dotted quad at its end is two of them. */
function groupsOf(address: string): readonly number[] {
  const [before = "", after] = address.split("::");
  const leading = readGroups(before);
  const trailing = after === undefined ? [] : readGroups(after);
  const zeros = Array.from({ length: Math.max(0, 8 - leading.length - trailing.length) }, () => 0);
  return [...leading, ...zeros, ...trailing];
}

function readGroups(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [first = 0, second = 0, third = 0, fourth = 0] = group.split(".").map(Number);
    return [(first << 8) | second, (third << 8) | fourth];
  });
}

/** The IPv4 address that an IPv6 address stands for (RFC 4291 section 2.5.5.2): one client, one budget. */
function mappedAddress(groups: readonly number[]): string | null {
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".") : null;
}

/** The longest run of zeros, the first of equal ones, is left out if it is more than one group (RFC 5952 section 4.2). */
function textOf(groups: readonly number[]): string {
  let [start, length] = [0, 1];
  for (let index = 0; index < groups.length; index += 1) {
    let run = 0;
    while (groups[index + run] === 0) run += 1;
    if (run > length) [start, length] = [index, run];
  }
  const digits = groups.map((group) => group.toString(16));
  if (length === 1) return digits.join(":");
  return `${digits.slice(0, start).join(":")}::${digits.slice(start + length).join(":")}`;
}
