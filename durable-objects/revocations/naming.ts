/**
 * How a revocation and a token find each other. A revocation is kept under one key, made of the most selective thing that
 * it names a token by; a token has a key for each thing that it can be named by. What else a revocation names is a
 * condition, looked at once the keys have met.
 */
import type { RevocationTarget, TokenNames } from "./contract.ts";

/** The most selective first. */
export const nameClasses = ["token", "jti", "family", "subject", "client", "tenant", "kid", "issuer"] as const;
export type NameClass = (typeof nameClasses)[number];

/** What a revocation is kept under; null when it names nothing. */
export function primaryOf(target: RevocationTarget): NameClass | null {
  return nameClasses.find((nameClass) => target[nameClass] !== undefined) ?? null;
}

/** The key of a revocation that names something. */
export function keyOfTarget(target: RevocationTarget): number {
  const primary = primaryOf(target);
  return primary === null ? 0 : keyOf(primary, target[primary] ?? "");
}

export function keysOfToken(names: TokenNames): number[] {
  const keys: number[] = [];
  for (const nameClass of nameClasses) {
    const value = names[nameClass];
    if (value !== undefined) keys.push(keyOf(nameClass, value));
  }
  return keys;
}

/** Whether the token is one of those that the revocation names. */
export function fits(revocation: RevocationTarget & { readonly issuedBefore?: number }, names: TokenNames): boolean {
  for (const nameClass of nameClasses) {
    const wanted = revocation[nameClass];
    if (wanted !== undefined && wanted !== names[nameClass]) return false;
  }
  const { issuedBefore } = revocation;
  return issuedBefore === undefined || names.issuedFrom === null || names.issuedFrom <= issuedBefore;
}

/**
 * 53 bits, so that a number and a row hold it exactly; after cyrb53. It crosses versions and is kept: never to be changed.
 * No secret is in it: two names with one key cost a look at the exact record, and decide nothing.
 */
function keyOf(nameClass: NameClass, value: string): number {
  const seed = nameClasses.indexOf(nameClass) + 1;
  let low = 0xdeadbeef ^ seed;
  let high = 0x41c6ce57 ^ seed;
  for (let index = 0; index < value.length; index += 1) {
    const unit = value.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x9e3779b1);
    high = Math.imul(high ^ unit, 0x5f356495);
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0);
}
