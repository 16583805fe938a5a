/**
 * One reading of addresses, and one way to write them. Strict: `1`, `010.1.1.1` and `0x7f.1` are addresses to some
 * libraries and something else to others, so they are none here. An IPv6 address that maps an IPv4 one is that one
 * (RFC 4291 section 2.5.5.2): one client, whichever way it came.
 */
export interface IpAddress {
  /** 32 or 128. */
  readonly bits: number;
  /** Of 16 bits each: two, or eight. */
  readonly groups: readonly number[];
}

const groupBits = 16;
const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const dottedQuad = new RegExp(`^${octet}(?:\\.${octet}){3}$`);
const hexGroup = /^[0-9a-f]{1,4}$/i;
/** The longest spelling: six groups and a dotted quad. */
const longestText = 45;

/** Null for anything else: a port, a zone, a name, a leading zero. */
export function parseAddress(text: string): IpAddress | null {
  if (dottedQuad.test(text)) return { bits: 32, groups: groupsOfQuad(text) };
  const groups = text.length > longestText ? null : sixGroups(text);
  if (groups === null) return null;
  return isMapped(groups) ? { bits: 32, groups: groups.slice(6) } : { bits: 128, groups };
}

/** Dotted IPv4; compressed lower-case IPv6 (RFC 5952). */
export function addressText({ bits, groups }: IpAddress): string {
  return bits === 32 ? groups.flatMap((group) => [group >> 8, group & 0xff]).join(".") : sixText(groups);
}

/** The first address of the network of so many leading bits. */
export function networkAddress({ bits, groups }: IpAddress, leading: number): IpAddress {
  const kept = groups.map((group, index) => {
    const hidden = groupBits - Math.min(groupBits, Math.max(0, leading - index * groupBits));
    return (group >> hidden) << hidden;
  });
  return { bits, groups: kept };
}

export function isWithin(address: IpAddress, network: IpAddress, leading: number): boolean {
  if (address.bits !== network.bits) return false;
  return networkAddress(address, leading).groups.every((group, index) => group === network.groups[index]);
}

function sixGroups(text: string): readonly number[] | null {
  const [before = "", after, ...more] = text.split("::");
  if (more.length > 0) return null;
  const leading = readGroups(before, after === undefined);
  const trailing = after === undefined ? [] : readGroups(after, true);
  if (leading === null || trailing === null) return null;
  const missing = 8 - leading.length - trailing.length;
  // What `::` leaves out is one group at least.
  if (after === undefined ? missing !== 0 : missing < 1) return null;
  return [...leading, ...Array.from({ length: missing }, () => 0), ...trailing];
}

/** A dotted quad may stand at the very end. */
function readGroups(text: string, isEnd: boolean): readonly number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (hexGroup.test(part)) groups.push(Number.parseInt(part, 16));
    else if (isEnd && index === parts.length - 1 && dottedQuad.test(part)) groups.push(...groupsOfQuad(part));
    else return null;
  }
  return groups;
}

function groupsOfQuad(text: string): readonly number[] {
  const [first = 0, second = 0, third = 0, fourth = 0] = text.split(".").map(Number);
  return [(first << 8) | second, (third << 8) | fourth];
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

/** The longest run of zeros, the first of equal ones, is left out if it is more than one group (RFC 5952 section 4.2). */
function sixText(groups: readonly number[]): string {
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
