/**
 * A fetched JWK Set (RFC 7517 section 5) as it is kept: public members of asymmetric keys, each with a key id that
 * nothing else in the set has. One bad key does not cost the others. Whether a key is strong enough, and its point on
 * its curve, is for whoever verifies by it.
 */
import { calculateJwkThumbprint } from "jose";
import type { PublicKey } from "../keyring/contract.ts";
import type { LeftOutKey, LeftOutReason } from "./contract.ts";

export type PublicKeysFinding =
  | { readonly kind: "keys"; readonly keys: readonly PublicKey[]; readonly leftOut: readonly LeftOutKey[] }
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

/** RFC 7518 section 6. Everybody has a private key that is published. */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] as const;

interface Read {
  readonly kid: string | null;
  /** Of its public half; null for a key that has none. */
  readonly thumbprint: string | null;
  readonly found: { readonly key: PublicKey } | { readonly reason: LeftOutReason };
}

/** Unknown kinds of keys are left out, as RFC 7517 asks; what is no set at all is refused. */
export async function readPublicKeys(document: unknown): Promise<PublicKeysFinding> {
  const keys = isRecord(document) ? document["keys"] : undefined;
  if (!Array.isArray(keys)) return { kind: "refused", detail: "expected a JWK Set: an object with the list `keys`" };
  if (keys.length > mostKeys)
    return { kind: "refused", detail: `expected at most ${mostKeys} keys: received ${keys.length}` };
  const all: readonly Read[] = await Promise.all((keys as unknown[]).map(readKey));
  const kept = new Map<string, PublicKey>();
  const leftOut: LeftOutKey[] = [];
  for (const read of all) {
    const reason = "reason" in read.found ? read.found.reason : reasonAmong(all, read);
    if (reason !== null) leftOut.push({ kid: read.kid, reason });
    // The very same key once more says nothing new.
    else if ("key" in read.found && !kept.has(read.found.key.kid)) kept.set(read.found.key.kid, read.found.key);
  }
  return { kind: "keys", keys: [...kept.values()], leftOut };
}

/** Why a key that is good by itself is not to be taken beside the others; null when it is. */
function reasonAmong(all: readonly Read[], { kid, thumbprint }: Read): LeftOutReason | null {
  const isPublished = (other: Read) => "reason" in other.found && other.found.reason === "private_half_published";
  if (all.some((other) => isPublished(other) && other.thumbprint === thumbprint)) return "private_half_published";
  // Keys for encryption often share the id of one for signatures, and are never mistaken for it.
  const mayBeMeant = (other: Read) => !("reason" in other.found) || other.found.reason !== "not_for_signatures";
  const isRepeated = all.some((other) => other.kid === kid && other.thumbprint !== thumbprint && mayBeMeant(other));
  return isRepeated ? "key_id_repeated" : null;
}

async function readKey(key: unknown): Promise<Read> {
  if (!isRecord(key)) return { kid: null, thumbprint: null, found: { reason: "malformed" } };
  const numbers = publicHalfOf(key);
  const thumbprint = numbers === null ? null : await calculateJwkThumbprint(numbers);
  const named = key["kid"] ?? thumbprint;
  const kid = typeof named === "string" && named !== "" && named.length <= maxKeyIdLength ? named : null;
  const reason = reasonAlone(key);
  if (reason !== null) return { kid, thumbprint, found: { reason } };
  const restrictions = restrictionsOf(key);
  if (numbers === null || restrictions === null || kid === null) {
    return { kid, thumbprint, found: { reason: "malformed" } };
  }
  const { kty, ...members } = numbers;
  return { kid, thumbprint, found: { key: { kty, kid, ...members, ...restrictions } } };
}

/** Why a key is not to be taken, whatever its numbers are. */
function reasonAlone(key: Readonly<Record<string, unknown>>): LeftOutReason | null {
  if (key["kty"] === "oct") return "symmetric";
  if (privateMembers.some((member) => Object.hasOwn(key, member))) return "private_half_published";
  if (typeof key["kty"] !== "string") return "malformed";
  if (!Object.hasOwn(keptMembers, key["kty"])) return "kind_unknown";
  const operations: unknown = key["key_ops"];
  const isForOthers = Array.isArray(operations) && !operations.includes("verify");
  return isForOthers || (typeof key["use"] === "string" && key["use"] !== "sig") ? "not_for_signatures" : null;
}

/** Its kind and its public numbers; null when they are not all there. */
function publicHalfOf(key: Readonly<Record<string, unknown>>): { kty: string; [member: string]: string } | null {
  const { kty } = key;
  if (typeof kty !== "string") return null;
  const members = Object.hasOwn(keptMembers, kty) ? keptMembers[kty] : undefined;
  if (members === undefined) return null;
  const half: { kty: string; [member: string]: string } = { kty };
  for (const member of members) {
    const value = key[member];
    if (typeof value !== "string" || value === "" || value.length > maxMemberLength) return null;
    half[member] = value;
  }
  return half;
}

/** `alg`, `use` and `key_ops`, when they are what RFC 7517 says; null for a key that is marked in an unreadable way. */
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
