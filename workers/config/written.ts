/**
 * A compiled configuration as plain data: the build writes it, the Worker revives it (`revived.ts`), and so nothing that
 * checks a configuration is deployed. A part that two others share is written once, and is one again when revived.
 */
import type { AddressSet } from "../gate/address-set.ts";
import type { PathPattern } from "../gate/path-pattern.ts";
import type { Mesh } from "./mesh.ts";

/** Counts up when the parts change their form; data of another one is refused. */
export const writtenForm = 1;

export interface WrittenMesh {
  readonly form: typeof writtenForm;
  /** Each part refers only to parts before it; the last is the mesh. */
  readonly parts: readonly WrittenPart[];
}

export type WrittenPart =
  | { readonly kind: "object" | "map"; readonly entries: readonly (readonly [name: string, value: WrittenValue])[] }
  | { readonly kind: "list" | "set"; readonly items: readonly WrittenValue[] }
  | { readonly kind: "path"; readonly text: string }
  | { readonly kind: "addresses"; readonly cidrs: readonly string[] };

/** Of a part, its place among the parts. */
export type WrittenValue = string | number | boolean | null | { readonly part: number };

/** Throws an Error for a value that has no form yet: a new kind of setting needs one here and in `revived.ts`. */
export function writeMesh(mesh: Mesh): WrittenMesh {
  const parts: WrittenPart[] = [];
  const places = new Map<object, number>();

  function write(value: unknown): WrittenValue {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (typeof value !== "object") throw unwritable(value);
    const known = places.get(value);
    if (known !== undefined) return { part: known };
    const place = parts.push(writePart(value, write)) - 1;
    places.set(value, place);
    return { part: place };
  }

  write(mesh);
  return { form: writtenForm, parts };
}

function writePart(value: object, write: (value: unknown) => WrittenValue): WrittenPart {
  const entriesOf = (entries: Iterable<[unknown, unknown]>) =>
    [...entries].map(([name, item]) => [nameOf(name), write(item)] as const);
  if (value instanceof Map) return { kind: "map", entries: entriesOf(value) };
  if (value instanceof Set) return { kind: "set", items: [...value].map(write) };
  if (Array.isArray(value)) return { kind: "list", items: value.map(write) };
  if (isPath(value)) return { kind: "path", text: value.text };
  if (isAddressSet(value)) return { kind: "addresses", cidrs: value.cidrs };
  if (Object.getPrototypeOf(value) !== Object.prototype) throw unwritable(value);
  return { kind: "object", entries: entriesOf(Object.entries(value)) };
}

/** A table of a user's own names may have one called "match", but no function. */
function isPath(value: object): value is PathPattern {
  return "match" in value && typeof value.match === "function";
}

function isAddressSet(value: object): value is AddressSet {
  return "has" in value && typeof value.has === "function";
}

function nameOf(name: unknown): string {
  if (typeof name !== "string") throw unwritable(name);
  return name;
}

function unwritable(value: unknown): Error {
  return new Error(
    `cannot write the configuration: expected plain data, a path or addresses: received ${String(value)}`,
  );
}
