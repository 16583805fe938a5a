/** Whose addresses may pass, and where a client's address is read from. */
import { compileAddressSet, type AddressSet } from "../gate/address-set.ts";
import type { AddressesSettings } from "./identity-schema.ts";
import type { AddressPolicy } from "./mesh.ts";
import type { Mistakes } from "./mistakes.ts";
import type { PathKey } from "./refusal.ts";

export function compileAddresses(settings: AddressesSettings, mistakes: Mistakes): AddressPolicy {
  return {
    from: compileSource(settings.from, mistakes),
    only: compileSet(settings.only, ["addresses", "only"], mistakes),
    exempt: compileSet(settings.exempt, ["addresses", "exempt"], mistakes),
    block: compileSet(settings.block, ["addresses", "block"], mistakes),
  };
}

function compileSource(from: AddressesSettings["from"], mistakes: Mistakes): AddressPolicy["from"] {
  if (from === "platform") return { kind: "platform" };
  const path = ["addresses", "from", "trustedProxies"] as const;
  for (const [index, text] of from.trustedProxies.entries()) {
    // With everyone trusted, the client itself says where it comes from.
    if (text.endsWith("/0")) mistakes.add([...path, index], "a network of your own proxies, not everyone", text);
  }
  const trustedProxies = compileSet(from.trustedProxies, path, mistakes);
  return trustedProxies === null ? { kind: "platform" } : { kind: "header", header: from.header, trustedProxies };
}

/** null for an empty list: it says nothing about anyone. */
function compileSet(texts: readonly string[], path: readonly PathKey[], mistakes: Mistakes): AddressSet | null {
  if (texts.length === 0) return null;
  const good = texts.filter(
    (text, index) => mistakes.attempt(() => compileAddressSet([text]), [...path, index], text) !== null,
  );
  return compileAddressSet(good);
}
