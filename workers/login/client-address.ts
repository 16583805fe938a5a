/** From where a call of the mesh API comes: read as the gate reads it, by the same setting. */
import { addressFromList, addressFromPlatform, type ClientAddress } from "../gate/address.ts";
import type { Isolate } from "../isolate.ts";

/** Set by the platform on every request; on one machine it is whatever the client sends. */
const platformField = "cf-connecting-ip";

export function clientAddress({ mesh, local }: Pick<Isolate, "mesh" | "local">, fields: Headers): ClientAddress {
  const { from } = mesh.addresses;
  const peer = fields.get(platformField);
  return from.kind === "platform"
    ? addressFromPlatform(peer, local !== null)
    : addressFromList(fields.get(from.header), peer, from.trustedProxies);
}
