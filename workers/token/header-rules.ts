/** What a token's header must say (RFC 7515 section 4, RFC 8725 sections 3.1 and 3.11, RFC 9068 section 4). */
import type { IssuerRules } from "./issuer-rules.ts";
import type { RefusalReason } from "./reasons.ts";
import type { JsonObject } from "./strict-json.ts";

export type HeaderFinding =
  | { readonly kind: "header"; readonly algorithm: string; readonly keyId: string | null }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

/**
 * No extension is understood here, so every `crit` is refused; `b64` changes what is signed; `enc` and `zip` belong to
 * encrypted tokens, which must not pass for signed ones. `jwk`, `jku`, `x5c` and `x5u` are never read: a token does not
 * choose its key.
 */
const forbiddenMembers = ["crit", "b64", "enc", "zip"] as const;

const maxKeyIdLength = 256;

export function checkHeader(header: JsonObject, rules: IssuerRules): HeaderFinding {
  if (forbiddenMembers.some((member) => Object.hasOwn(header, member))) return refused("header_forbidden");
  const { alg, typ, kid } = header;
  if (!isAcceptedType(typ, rules.types)) return refused("type_not_accepted");
  // Case-sensitive, so that "none" in any spelling is merely not on the list.
  if (typeof alg !== "string" || !rules.algorithms.includes(alg)) return refused("algorithm_not_accepted");
  if (kid === undefined) return { kind: "header", algorithm: alg, keyId: null };
  if (typeof kid !== "string" || kid === "" || kid.length > maxKeyIdLength) return refused("key_id_malformed");
  return { kind: "header", algorithm: alg, keyId: kid };
}

/** Media types compare without regard to case, and "application/" may be left out (RFC 7515 section 4.1.9). */
function isAcceptedType(typ: unknown, types: readonly string[]): boolean {
  if (typ === undefined) return types.includes("jwt");
  if (typeof typ !== "string") return false;
  const lower = typ.toLowerCase();
  const short = lower.startsWith("application/") ? lower.slice("application/".length) : lower;
  return !short.includes("/") && types.includes(short);
}

function refused(reason: RefusalReason): HeaderFinding {
  return { kind: "refused", reason };
}
