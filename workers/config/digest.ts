/** A short name for a value of plain data: equal data, equal name. It names, it does not protect: FNV-1a, not a hash to trust. */

export function digestOf(value: unknown): string {
  const text = canonicalJson(value);
  return fnv(text, 0x811c9dc5) + fnv(text, 0x9747b28c);
}

/** Members in the order of their names, absent ones left out: how it was written down makes no difference. */
function canonicalJson(value: unknown): string {
  return (
    JSON.stringify(value, (_key, member: unknown) =>
      typeof member === "object" && member !== null && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).toSorted(([left], [right]) => (left < right ? -1 : 1)))
        : member,
    ) ?? ""
  );
}

function fnv(text: string, seed: number): string {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0).toString(16).padStart(8, "0");
}
