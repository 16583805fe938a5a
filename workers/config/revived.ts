/** From what the build wrote to what the Worker uses. It was checked then, and nothing is checked again but its form. */
import { compileAddressSet } from "../gate/address-set.ts";
import { compilePattern } from "../gate/path-pattern.ts";
import { freezeDeeply } from "./freeze.ts";
import type { Mesh } from "./mesh.ts";
import { writtenForm, type WrittenMesh, type WrittenPart, type WrittenValue } from "./written.ts";

/** Throws an Error for anything that this version's build has not written. */
export function reviveMesh(written: unknown): Mesh {
  if (!isWritten(written)) {
    throw new Error("cannot use mesh.config: expected what this version's build makes of it (local/compile-config.ts)");
  }
  const revived: unknown[] = [];
  const valueOf = (value: WrittenValue) => (typeof value === "object" && value !== null ? revived[value.part] : value);
  for (const part of written.parts) revived.push(revivePart(part, valueOf));
  return freezeDeeply(revived.at(-1) as Mesh);
}

function isWritten(value: unknown): value is WrittenMesh {
  return typeof value === "object" && value !== null && "form" in value && value.form === writtenForm;
}

function revivePart(part: WrittenPart, valueOf: (value: WrittenValue) => unknown): unknown {
  switch (part.kind) {
    case "object":
    case "map": {
      const entries = part.entries.map(([name, value]) => [name, valueOf(value)] as const);
      return part.kind === "map" ? new Map(entries) : Object.fromEntries(entries);
    }
    case "list":
      return part.items.map(valueOf);
    case "set":
      return new Set(part.items.map(valueOf));
    case "path":
      return compilePattern(part.text);
    case "addresses":
      return compileAddressSet(part.cidrs);
  }
}
