/** Where a request came from, and whether that address may pass. */
import type { AddressPolicy } from "../config/mesh.ts";
import { refuse, type Refusal } from "../problem/problem.ts";
import { canonicalAddress, type AddressSet } from "./address-set.ts";
import type { Step } from "./passage.ts";

/** Set by the platform on every request; on one machine it is whatever the client sends. */
const platformField = "cf-connecting-ip";

export type ClientAddress =
  | { readonly kind: "known"; readonly address: string | null }
  | { readonly kind: "refused"; readonly detail: string };

/**
 * The client's address behind proxies that append to a list: the rightmost one that is no trusted proxy. What stands
 * left of it is the client's own word. `peer` is who connected to the platform, and ends the list: if that is no trusted
 * proxy, it is the client, whatever the field says; null when the platform does not tell. When all are trusted, the
 * first of them is the client. What a trusted proxy has appended and cannot be read is refused: it could be anybody.
 */
export function addressFromList(list: string | null, peer: string | null, trustedProxies: AddressSet): ClientAddress {
  const entries = list === null || list.trim() === "" ? [] : list.split(",");
  if (peer !== null) entries.push(peer);
  let address: string | null = null;
  for (const entry of entries.toReversed()) {
    address = canonicalAddress(entry.trim());
    if (address === null) {
      return { kind: "refused", detail: "address: expected an IPv4 or IPv6 address from each trusted proxy" };
    }
    if (!trustedProxies.has(address)) break;
  }
  return { kind: "known", address };
}

/** The platform's word for the client. On one machine there is no platform, and no field means this machine. */
export function addressFromPlatform(field: string | null, isLocal: boolean): ClientAddress {
  if (field === null) return { kind: "known", address: isLocal ? "127.0.0.1" : null };
  const address = canonicalAddress(field.trim());
  return address === null
    ? { kind: "refused", detail: "address: expected one IPv4 or IPv6 address" }
    : { kind: "known", address };
}

/** The client's address as the mesh is told to read it; `field` reads a field of the request. */
export function clientAddress(
  { from }: AddressPolicy,
  isLocal: boolean,
  field: (name: string) => string | null | undefined,
): ClientAddress {
  const peer = field(platformField) ?? null;
  return from.kind === "platform"
    ? addressFromPlatform(peer, isLocal)
    : addressFromList(field(from.header) ?? null, peer, from.trustedProxies);
}

/** Blocked wins over everything; with an `only` list, an unknown address is not on it. */
export function isAdmitted(policy: AddressPolicy, address: string | null): boolean {
  if (address === null) return policy.only === null;
  if (policy.block !== null && policy.block.has(address)) return false;
  return policy.only === null || policy.only.has(address);
}

export const locate: Step = (passage): Refusal | null => {
  const { isolate, fields } = passage;
  const { addresses } = isolate.mesh;
  const found = clientAddress(addresses, isolate.local !== null, (name) => fields.get(name));
  if (found.kind === "refused") return refuse("malformed_request", found.detail);
  if (!isAdmitted(addresses, found.address)) return refuse("address_blocked");
  passage.address = found.address;
  passage.isExempt = found.address !== null && addresses.exempt !== null && addresses.exempt.has(found.address);
  return null;
};
