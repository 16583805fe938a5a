/**
 * What a row's image says beside its counter: by which terms' losses it is covered. An earlier life may have let tokens
 * go without a row, by whichever terms; who asks by others than these finds theirs counted, too. An image is an object's
 * JSON, and the versions before skip what they do not know.
 */
import type { NamedTerms } from "./named-terms.ts";
import { unwrittenOf } from "./write-ahead.ts";

/** null: nothing is missing. */
export type Covered = readonly string[] | null;

/** Of more the first is forgotten, and covered again: what is counted twice admits less, never more. */
const mostCovered = 64;

export function covers(covered: Covered, { name }: NamedTerms): boolean {
  return covered === null || covered.includes(name);
}

/** What of a loss by these terms has been counted by others of the same length: one memory was lost, and once. */
export function coveredBy(covered: Covered, { windowMs }: NamedTerms): number {
  return (covered ?? []).reduce((most, name) => {
    const [quota = 0, length = 0, burst = 0] = name.split("/").map(Number);
    return length === windowMs ? Math.max(most, unwrittenOf({ quota, windowMs, burst })) : most;
  }, 0);
}

export function alsoCovering(covered: Covered, terms: NamedTerms): Covered {
  if (covered === null || covers(covered, terms)) return covered;
  return covered.length === 0 ? terms.alone : [...covered, terms.name].slice(-mostCovered);
}

export function withCovered(image: string, covered: Covered): string {
  return covered === null ? image : `${image.slice(0, -1)},"covered":${JSON.stringify(covered)}}`;
}

export function coveredOf(image: string): Covered {
  const { covered } = JSON.parse(image) as { readonly covered?: unknown };
  return Array.isArray(covered) ? covered.filter((one) => typeof one === "string") : null;
}
