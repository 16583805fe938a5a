/** A fetched JWK Set (RFC 7517 section 5) as it is kept: public members of asymmetric keys, each with a key id. */
import { calculateJwkThumbprint } from "jose";
import type { PublicKey } from "../keyring/contract.ts";

export type PublicKeysFinding =
  | { readonly kind: "keys"; readonly keys: readonly PublicKey[] }
  | { readonly kind: "refused"; readonly detail: string };

const mostKeys = 100;
const maxKeyIdLength = 256;
const maxMemberLength = 4_096;

/** What is kept of a key. Anything else (certificates, comments) is not needed to verify, and is not sent around. */
const keptMembers: Readonly<Record<string, readonly string[]>> = {
  RSA: ["n", "e"],
  EC: ["crv", "x", "y"],
  OKP: ["crv", "x"],
};

/** A set that holds a private or a symmetric key's secret names a key that everybody has: it is left out. */
const secretMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] as const;

/** Unknown kinds of keys are left out, as RFC 7517 asks; what is no set at all is refused. */
export async function readPublicKeys(document: unknown): Promise<PublicKeysFinding> {
  const keys = isRecord(document) ? document["keys"] : undefined;
  if (!Array.isArray(keys)) return { kind: "refused", detail: "expected a JWK Set: an object with the list `keys`" };
  if (keys.length > mostKeys)
    return { kind: "refused", detail: `expected at most ${mostKeys} keys: received ${keys.length}` };
  const kept: PublicKey[] = [];
  for (const key of keys as unknown[]) {
    const readable = await readPublicKey(key);
    if (readable !== null) kept.push(readable);
  }
  return { kind: "keys", keys: kept };
}

async function readPublicKey(key: unknown): Promise<PublicKey | null> {
  if (!isRecord(key) || typeof key["kty"] !== "string") return null;
  const { kty } = key;
  const members = Object.hasOwn(keptMembers, kty) ? keptMembers[kty] : undefined;
  if (members === undefined || secretMembers.some((member) => Object.hasOwn(key, member))) return null;
  const numbers: Record<string, string> = {};
  for (const member of members) {
    const value = key[member];
    if (typeof value !== "string" || value.length > maxMemberLength) return null;
    numbers[member] = value;
  }
  const restrictions = restrictionsOf(key);
  const kid = key["kid"] ?? (await calculateJwkThumbprint({ kty, ...numbers }));
  if (restrictions === null || typeof kid !== "string" || kid === "" || kid.length > maxKeyIdLength) return null;
  return { kty, kid, ...numbers, ...restrictions };
}

/** `alg`, `use` and `key_ops`, when they are what RFC 7517 says; a key that is marked in an unreadable way is left out. */
function restrictionsOf(
  key: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string | readonly string[]>> | null {
  const restrictions: Record<string, string | readonly string[]> = {};
  for (const member of ["alg", "use"] as const) {
    const value = key[member];
    if (value === undefined) continue;
    if (typeof value !== "string") return null;
    restrictions[member] = value;
  }
  const operations: unknown = key["key_ops"];
  if (operations === undefined) return restrictions;
  if (!Array.isArray(operations) || !operations.every((operation) => typeof operation === "string")) return null;
  return { ...restrictions, key_ops: operations };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
