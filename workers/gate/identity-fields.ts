/** An identity as fields of a request's head: what the upstream may rely on, because every other spelling was removed. */
import type { Identity } from "../token/identity.ts";

export type IdentityFields = Readonly<Record<string, string>>;

/** Printable ASCII without space at either end: what arrives as it was sent, and reads as one value only. */
const fieldText = /^[!-~](?:[ -~]*[!-~])?$/;
/** What an RFC 9651 string may hold. */
const stringText = /^[ -~]*$/;

/** An accepted token's identity is one object for as long as its verdict is kept, so it is encoded once. */
const encodedBefore = new WeakMap<Identity, IdentityFields | "unencodable">();

/** `unencodable`: a name holds what a field cannot carry exactly. It is not sent in another form: two could meet. */
export function identityFields(identity: Identity): IdentityFields | "unencodable" {
  const known = encodedBefore.get(identity);
  if (known !== undefined) return known;
  const fields = encode(identity);
  encodedBefore.set(identity, fields);
  return fields;
}

function encode(identity: Identity): IdentityFields | "unencodable" {
  const { subject, issuer, tenant, roles } = identity;
  const texts = tenant === null ? [subject, issuer] : [subject, issuer, tenant];
  if (!texts.every((text) => fieldText.test(text)) || !roles.every((role) => stringText.test(role)))
    return "unencodable";
  return {
    "Mesh-Subject": subject,
    "Mesh-Issuer": issuer,
    ...(tenant === null ? {} : { "Mesh-Tenant": tenant }),
    ...(roles.length === 0 ? {} : { "Mesh-Roles": roles.map(quoted).join(", ") }),
  };
}

/** RFC 9651 section 4.1.6. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
